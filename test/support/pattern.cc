// SPDX-License-Identifier: MIT
#include "pattern.h"

namespace support {

namespace {

char byte_at(std::uint64_t position, unsigned variant) {
  std::uint64_t mixed = (position + variant * 0x1000193ULL) * 0x9e3779b97f4a7c15ULL;
  mixed ^= mixed >> 29;
  return static_cast<char>(mixed & 0xff);
}

}  // namespace

std::string pattern(std::size_t size_bytes, std::uint64_t position, unsigned variant) {
  std::string data(size_bytes, '\0');
  for (std::size_t index = 0; index < size_bytes; ++index)
    data[index] = byte_at(position + index, variant);
  return data;
}

bool is_pattern(std::string_view data, std::uint64_t position, unsigned variant) {
  for (std::size_t index = 0; index < data.size(); ++index)
    if (data[index] != byte_at(position + index, variant)) return false;
  return true;
}

}  // namespace support
