// SPDX-License-Identifier: MIT
// Bytes that tell where they belong: each depends on its position, so data that
// came from or went to a wrong place is noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace support {

std::string pattern(std::size_t size_bytes, std::uint64_t position = 0, unsigned variant = 0);
// Whether `data` is what pattern() gives there.
bool is_pattern(std::string_view data, std::uint64_t position = 0, unsigned variant = 0);

}  // namespace support
