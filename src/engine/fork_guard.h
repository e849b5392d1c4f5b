// SPDX-License-Identifier: MIT
// Tells a child of fork() that it is one, by a page that the kernel empties there.
#pragma once

#include <cstddef>
#include <sys/mman.h>

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
    mark_ = static_cast<volatile char*>(page);
    *mark_ = 1;
  }
  ~ForkGuard() {
    if (mark_ != &no_page_) ::munmap(const_cast<char*>(mark_), page_bytes);
  }
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

  // Without such a page nobody notices.
  bool in_child() const noexcept { return *mark_ == 0; }

 private:
  static constexpr std::size_t page_bytes = 4096;  // the kernel rounds up

  volatile char no_page_ = 1;
  volatile char* mark_ = &no_page_;
};

}  // namespace kaio::engine
