// SPDX-License-Identifier: MIT
// What the kernel tells in small files of /proc and /sys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace aio_bench {

// The first line, without blanks around it; "" when it cannot be read.
inline std::string first_line(const std::filesystem::path& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file >> std::ws, line);
  return line.substr(0, line.find_last_not_of(" \t") + 1);
}

// The number that the file begins with; nothing where there is none.
inline std::optional<std::uint64_t> number_in(const std::filesystem::path& path) {
  std::uint64_t number = 0;
  return std::ifstream(path) >> number ? std::optional(number) : std::nullopt;
}

}  // namespace aio_bench
