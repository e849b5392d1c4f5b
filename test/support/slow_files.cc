// SPDX-License-Identifier: MIT
#include "slow_files.h"

#include "channel.h"
#include "checked.h"

#include <csignal>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace support {

namespace {

constexpr std::size_t transfer_bytes_max = 1 << 20;
constexpr int server_threads = 128;
constexpr std::uint64_t file_node = 2;
const char content[transfer_bytes_max] = {};

void reply(int fd, const fuse_in_header& to, int error_number, const void* answer,
           std::size_t size_bytes) {
  fuse_out_header header{};
  header.unique = to.unique;
  header.error = -error_number;
  header.len = static_cast<std::uint32_t>(sizeof header + size_bytes);
  const iovec parts[] = {{&header, sizeof header}, {const_cast<void*>(answer), size_bytes}};
  if (::writev(fd, parts, 2) < 0 && errno != ENOENT) ::_exit(1);
}

template <class Answer>
void reply(int fd, const fuse_in_header& to, const Answer& answer) {
  reply(fd, to, 0, &answer, sizeof answer);
}

fuse_attr attributes_of(std::uint64_t node) {
  fuse_attr attributes{};
  attributes.ino = node;
  attributes.mode = node == file_node ? S_IFREG | 0600 : S_IFDIR | 0700;
  attributes.size = node == file_node ? SlowFiles::size_bytes : 0;
  attributes.nlink = 1;
  attributes.blksize = 4096;
  return attributes;
}

void serve_one(int fd, const fuse_in_header& request, const char* body, std::size_t body_bytes) {
  switch (request.opcode) {
    case FUSE_INIT: {
      fuse_init_out answer{};
      answer.major = FUSE_KERNEL_VERSION;
      answer.minor = FUSE_KERNEL_MINOR_VERSION;
      answer.max_write = transfer_bytes_max;
      answer.max_background = 64;
      answer.flags = FUSE_BIG_WRITES | FUSE_MAX_PAGES | FUSE_PARALLEL_DIROPS;
      answer.max_pages = transfer_bytes_max / 4096;
      return reply(fd, request, answer);
    }
    case FUSE_LOOKUP: {
      fuse_entry_out answer{};
      answer.nodeid = file_node;
      answer.entry_valid = 1000;
      answer.attr = attributes_of(file_node);
      return reply(fd, request, answer);
    }
    case FUSE_GETATTR:
    case FUSE_SETATTR: {
      fuse_attr_out answer{};
      answer.attr = attributes_of(request.nodeid);
      return reply(fd, request, answer);
    }
    case FUSE_OPEN:
      return reply(fd, request, fuse_open_out{});
    case FUSE_STATFS:
      return reply(fd, request, fuse_statfs_out{});
    case FUSE_READ: {
      fuse_read_in asked;
      if (body_bytes < sizeof asked) break;
      std::memcpy(&asked, body, sizeof asked);
      return reply(fd, request, 0, content, asked.size);
    }
    case FUSE_WRITE: {
      fuse_write_in asked;
      if (body_bytes < sizeof asked) break;
      std::memcpy(&asked, body, sizeof asked);
      fuse_write_out answer{};
      answer.size = asked.size;
      return reply(fd, request, answer);
    }
    case FUSE_FLUSH:
    case FUSE_FSYNC:
    case FUSE_RELEASE:
      return reply(fd, request, 0, nullptr, 0);
    default:
      break;
  }
  reply(fd, request, ENOSYS, nullptr, 0);
}

bool is_answered_at_once(std::uint32_t opcode) {
  return opcode == FUSE_INIT || opcode == FUSE_LOOKUP || opcode == FUSE_OPEN;
}

void serve(int fd, SlowFiles::Shared& shared) {
  std::vector<char> buffer(transfer_bytes_max + 65536);
  for (;;) {
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno == ENODEV) ::_exit(0);  // unmounted
    fuse_in_header request;
    if (size < static_cast<ssize_t>(sizeof request)) continue;
    std::memcpy(&request, buffer.data(), sizeof request);
    if (request.opcode == FUSE_FORGET || request.opcode == FUSE_BATCH_FORGET ||
        request.opcode == FUSE_INTERRUPT)
      continue;
    if (request.opcode == FUSE_READ) ++shared.begun_reads;
    if (!is_answered_at_once(request.opcode))
      std::this_thread::sleep_for(std::chrono::milliseconds{shared.delay_ms});
    serve_one(fd, request, buffer.data() + sizeof request,
              static_cast<std::size_t>(size) - sizeof request);
  }
}

}  // namespace

SlowFiles::SlowFiles(std::chrono::milliseconds delay)
    : shared_{static_cast<Shared*>(::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                          MAP_SHARED | MAP_ANONYMOUS, -1, 0))} {
  set_delay(delay);
  const Fd fuse{checked(::open("/dev/fuse", O_RDWR | O_CLOEXEC), "/dev/fuse")};
  const std::string options =
      "fd=" + std::to_string(fuse.get()) + ",rootmode=40000,user_id=0,group_id=0";
  checked(::mount("slow", directory_.path().c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()),
          "mount");
  FdPair life = make_pipe();
  server_ = checked(::fork(), "fork");
  if (server_ != 0) {
    life_ = std::move(life.second);
    return;
  }
  life.second.close();
  // It has to unmount when the whole process group is told to end.
  for (const int number : {SIGHUP, SIGINT, SIGTERM}) std::signal(number, SIG_IGN);
  for (int index = 0; index < server_threads; ++index)
    std::thread{[&] { serve(fuse.get(), *shared_); }}.detach();
  // Until the other end is closed, if only because the test has crashed.
  char end;
  while (::read(life.first.get(), &end, 1) < 0 && errno == EINTR) {
  }
  ::umount2(directory_.path().c_str(), MNT_DETACH);
  ::rmdir(directory_.path().c_str());
  ::_exit(0);
}

SlowFiles::~SlowFiles() {
  // The server's end ends whatever still waits for it.
  ::kill(server_, SIGKILL);
  ::waitpid(server_, nullptr, 0);
  ::umount2(directory_.path().c_str(), MNT_DETACH);
  ::munmap(shared_, sizeof(Shared));
}

Fd SlowFiles::open(int flags) const {
  const std::string path = directory_.path() + "/file";
  return Fd{checked(::open(path.c_str(), flags | O_CLOEXEC), path.c_str())};
}

Precondition where_files_can_be_slow() {
  return only_if(
      [] {
        static const bool can_be = [] {
          try {
            SlowFiles{std::chrono::milliseconds{0}}.open(O_RDONLY);
            return true;
          } catch (const std::exception&) {
            return false;
          }
        }();
        return can_be;
      },
      "may not mount a FUSE file system");
}

}  // namespace support
