// SPDX-License-Identifier: MIT
// Pages of the page cache where a direct transfer goes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kaio {

enum class PagesInTheWay : std::uint8_t {
  unknown,  // the kernel cannot tell (before Linux 6.5)
  none,
  cleared,  // there were some, and they are gone now
  some,     // they are dirty, being written, or held by somebody
};

// With RWF_NOWAIT a direct write is refused where its range has pages in the page cache, and
// a direct read where it has dirty ones, because the kernel would have to take them out of
// the cache, or write them first. It would not wait for clean ones: these are taken out here,
// as the write itself would do. Waits for no device.
PagesInTheWay clear_the_way(int fd, std::int64_t offset_bytes, std::size_t size_bytes,
                            bool to_read) noexcept;

}  // namespace kaio
