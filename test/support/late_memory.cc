// SPDX-License-Identifier: MIT
#include "late_memory.h"

#include "aligned_buffer.h"
#include "checked.h"
#include "deadline.h"

#include <cstring>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace support {
namespace {

int open_control() { return static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)); }

std::size_t in_pages(std::size_t size_bytes) {
  return (size_bytes + page_bytes - 1) / page_bytes * page_bytes;
}

}  // namespace

bool late_memory_exists() {
  const int control = open_control();
  if (control < 0) return false;
  ::close(control);
  return true;
}

LateMemory::LateMemory(std::size_t size_bytes)
    : control_{checked(open_control(), "userfaultfd")},
      size_bytes_{in_pages(size_bytes)}, data_{::mmap(nullptr, size_bytes_, PROT_READ | PROT_WRITE,
                                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)} {
  if (data_ == MAP_FAILED) throw std::bad_alloc{};
  uffdio_api api{};
  api.api = UFFD_API;
  checked(::ioctl(control_.get(), UFFDIO_API, &api), "UFFDIO_API");
  uffdio_register registration{};
  registration.range = {.start = reinterpret_cast<std::uintptr_t>(data_), .len = size_bytes_};
  registration.mode = UFFDIO_REGISTER_MODE_MISSING;
  checked(::ioctl(control_.get(), UFFDIO_REGISTER, &registration), "UFFDIO_REGISTER");
}

// Who still waits finds zeros, once nobody controls them.
LateMemory::~LateMemory() {
  control_ = Fd{};
  ::munmap(data_, size_bytes_);
}

bool LateMemory::awaited() const {
  pollfd question{.fd = control_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&question, 1, 0) == 1 && (question.revents & POLLIN) != 0;
}

Request write_that_waits(int fd, const LateMemory& memory) {
  Request write = Request::over(fd, memory.data(), memory.size());
  checked(aio_write(write), "aio_write");
  if (!eventually([&] { return memory.awaited(); })) throw NotDoneInTime{"the write has not begun"};
  return write;
}

void LateMemory::arrive(std::string_view content) {
  AlignedBuffer pages{size_bytes_};
  std::memcpy(pages.data(), content.data(), std::min(content.size(), size_bytes_));
  uffdio_copy copy{};
  copy.dst = reinterpret_cast<std::uintptr_t>(data_);
  copy.src = reinterpret_cast<std::uintptr_t>(pages.data());
  copy.len = size_bytes_;
  checked(::ioctl(control_.get(), UFFDIO_COPY, &copy), "UFFDIO_COPY");
}

}  // namespace support
