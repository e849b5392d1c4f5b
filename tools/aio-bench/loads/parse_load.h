// SPDX-License-Identifier: MIT
// Loads as people write them. All throw UsageError that names `option`.
#pragma once

#include "loads/load.h"

#include <string_view>
#include <vector>

namespace aio_bench {

// "randread,randrw:70".
std::vector<Load> parse_loads(std::string_view option, std::string_view text);

// "4k,64k" (one after the other), "4k..1m" (each power of two of these), "4k-64k"
// (each I/O has a size of its own, a multiple of the smallest).
std::vector<BlockSize> parse_blocks(std::string_view option, std::string_view text);

// "suspend,thread".
std::vector<Notify> parse_notifies(std::string_view option, std::string_view text);

}  // namespace aio_bench
