// SPDX-License-Identifier: MIT
// Tells a child of fork() that it is one, by a page that the kernel empties there.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include "sys/pages.h"

namespace kaio::engine {

class ForkGuard {
 public:
  ForkGuard() noexcept {
    void* page =
        ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return;
    if (::madvise(page, page_bytes, MADV_WIPEONFORK) != 0) {  // before Linux 4.14
      ::munmap(page, page_bytes);
      return;
    }
    page_ = static_cast<volatile char*>(page);
    *page_ = 1;
  }
  ~ForkGuard() {
    if (page_ != nullptr) ::munmap(const_cast<char*>(page_), page_bytes);
  }
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

  bool in_child() const noexcept { return page_ != nullptr ? *page_ == 0 : ::getpid() != process_; }

 private:
  static constexpr std::size_t page_bytes = 4096;  // the kernel rounds up

  volatile char* page_ = nullptr;
  const pid_t process_ = ::getpid();
};

}  // namespace kaio::engine
