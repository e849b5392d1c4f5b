// SPDX-License-Identifier: MIT
#include "verify/stamp.h"

#include "base/random.h"

#include <algorithm>
#include <cstring>

namespace aio_bench {

namespace {

constexpr std::uint64_t magic = 0x796669726576616bU;  // "kaverify", as bytes in order
constexpr std::size_t header_words = 4;
constexpr std::size_t most_stamp_bytes = 512;

// Each step is a bijection of the sum so far: a change of one word cannot be lost.
std::uint64_t checksum(std::span<const std::uint64_t> words) noexcept {
  std::uint64_t sum = words.size();
  for (const std::uint64_t word : words) sum = Random::mix((sum ^ word) + 0x9e3779b97f4a7c15U);
  return sum;
}

std::span<std::uint64_t> words_of(std::span<std::byte> data) noexcept {
  return {reinterpret_cast<std::uint64_t*>(data.data()), data.size() / sizeof(std::uint64_t)};
}

}  // namespace

std::size_t stamp_bytes_for(std::size_t block_bytes) noexcept {
  std::size_t stamp_bytes = most_stamp_bytes;
  while (stamp_bytes > least_stamp_bytes && block_bytes % stamp_bytes != 0) stamp_bytes /= 2;
  return stamp_bytes;
}

void StampMaker::fill(std::span<std::byte> data, std::uint64_t offset_bytes,
                      std::uint64_t generation) const noexcept {
  for (; !data.empty(); data = data.subspan(stamp_bytes), offset_bytes += stamp_bytes) {
    const auto words = words_of(data.first(stamp_bytes));
    words[0] = magic;
    words[1] = offset_bytes;
    words[2] = generation;
    words[3] = run;
    Random random(Random::mix(run ^ Random::mix(offset_bytes ^ Random::mix(generation))));
    random.fill(words.subspan(header_words, words.size() - header_words - 1));
    words.back() = checksum(words.first(words.size() - 1));
  }
}

bool read_stamp(std::span<const std::byte> stamp, StampHeader& header) noexcept {
  const std::span words(reinterpret_cast<const std::uint64_t*>(stamp.data()),
                        stamp.size() / sizeof(std::uint64_t));
  if (words[0] != magic || words.back() != checksum(words.first(words.size() - 1))) return false;
  header = {.offset_bytes = words[1], .generation = words[2], .run = words[3]};
  return true;
}

void spoil_stamps(std::span<std::byte> data, std::size_t stamp_bytes) noexcept {
  for (; data.size() >= stamp_bytes; data = data.subspan(stamp_bytes))
    words_of(data)[0] = 0xfefefefefefefefeU;
}

}  // namespace aio_bench
