// SPDX-License-Identifier: MIT
// Random numbers that are the same on every machine for the same seed, and bytes that
// depend on who wrote them and where.
#pragma once

#include <cstddef>
#include <cstdint>

namespace random_test {

constexpr std::uint64_t scramble(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() { return scramble(state_++ * 0x2545f4914f6cdd1d); }
  unsigned below(std::size_t n) { return static_cast<unsigned>((next() >> 16) % n); }
  bool one_of(unsigned n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

// The byte that the write `version` leaves at `position`. Version 0 is nobody's.
inline char byte_of(std::uint64_t version, std::uint64_t position) {
  const std::uint64_t word = scramble(version * 0x9e3779b97f4a7c15 + position / 8);
  return static_cast<char>(word >> (position % 8 * 8));
}

inline void fill(char* data, std::size_t size_bytes, std::uint64_t version,
                 std::uint64_t position) {
  for (std::size_t i = 0; i < size_bytes; ++i) data[i] = byte_of(version, position + i);
}

}  // namespace random_test
