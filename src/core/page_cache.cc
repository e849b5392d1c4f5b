// SPDX-License-Identifier: MIT
#include "core/page_cache.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "sys/direct_call.h"

namespace kaio {
namespace {

constexpr long cachestat_call = 451;

// Readahead makes folios of up to its window, which usually is so large, and which only
// leave the cache as a whole.
constexpr std::uint64_t folio_bytes = 131072;

struct Range {
  std::uint64_t offset_bytes, size_bytes;
};

struct Pages {
  std::uint64_t cached, dirty, writeback, evicted, recently_evicted;
  bool settled() const noexcept { return dirty == 0 && writeback == 0; }
};

bool count_pages(int fd, const Range& range, Pages& pages) noexcept {
  return sys::direct_call(cachestat_call, fd, &range, &pages, 0) == 0;
}

// Takes the clean pages of the range out. Where some are dirty the kernel would begin to
// write them, and might have to wait for the device. True: none of `wanted` is left.
bool evict(int fd, const Range& range, const Range& wanted) noexcept {
  Pages pages{};
  if (!count_pages(fd, range, pages) || !pages.settled()) return false;
  sys::direct_call(SYS_fadvise64, fd, static_cast<long>(range.offset_bytes),
                   static_cast<long>(range.size_bytes), POSIX_FADV_DONTNEED);
  return count_pages(fd, wanted, pages) && pages.cached == 0;
}

}  // namespace

PagesInTheWay clear_the_way(int fd, std::int64_t offset_bytes, std::size_t size_bytes,
                            bool to_read) noexcept {
  if (offset_bytes < 0 || size_bytes == 0) return PagesInTheWay::unknown;
  const Range wanted{static_cast<std::uint64_t>(offset_bytes), size_bytes};
  Pages pages{};
  if (!count_pages(fd, wanted, pages)) return PagesInTheWay::unknown;
  const bool free = to_read ? pages.settled() : pages.cached == 0;
  if (free) return PagesInTheWay::none;
  if (!pages.settled()) return PagesInTheWay::some;
  const std::uint64_t begin = wanted.offset_bytes / folio_bytes * folio_bytes;
  const std::uint64_t end =
      (wanted.offset_bytes + wanted.size_bytes + folio_bytes - 1) / folio_bytes * folio_bytes;
  const bool cleared = evict(fd, wanted, wanted) || evict(fd, {begin, end - begin}, wanted);
  return cleared ? PagesInTheWay::cleared : PagesInTheWay::some;
}

}  // namespace kaio
