// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <sys/mman.h>

namespace kaio::sys {

// The largest pages that the processor may have: what is aligned to it, with what follows, can
// be mapped again without its neighbours.
#ifdef __x86_64__
inline constexpr std::size_t page_bytes_max = 4096;
#else
inline constexpr std::size_t page_bytes_max = 65536;
#endif

// Zeroed memory straight from the kernel: async-signal-safe, unlike malloc, and
// free of cost until touched. Null when there is none.
inline void* map_pages(std::size_t size_bytes) noexcept {
  void* pages = ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return pages == MAP_FAILED ? nullptr : pages;
}

// The same for an array of which little will be touched: not resident either where the program
// locks all its memory (mlockall with MCL_FUTURE).
inline void* map_sparse_pages(std::size_t size_bytes) noexcept {
  void* pages = map_pages(size_bytes);
  if (pages != nullptr && ::munlock(pages, size_bytes) == 0)
    ::madvise(pages, size_bytes, MADV_DONTNEED);
  return pages;
}

inline void unmap_pages(void* pages, std::size_t size_bytes) noexcept {
  ::munmap(pages, size_bytes);
}

}  // namespace kaio::sys
