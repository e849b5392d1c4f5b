// SPDX-License-Identifier: MIT
#include "stats/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace aio_bench {

Histogram::Histogram() : buckets_(bucket_count) {}

// Values below 256 have a bucket each. Above, the highest 8 bits choose it: the
// leading one says which power of two, the other seven where within it.
std::size_t Histogram::bucket_of(std::uint64_t value) noexcept {
  const auto bits = static_cast<int>(std::bit_width(value));
  const int shift = std::max(bits - sub_bucket_bits - 1, 0);
  return static_cast<std::size_t>(shift) * sub_bucket_count + (value >> shift);
}

std::uint64_t Histogram::first_of(std::size_t bucket) noexcept {
  if (bucket < 2 * sub_bucket_count) return bucket;
  const std::uint64_t shift = bucket / sub_bucket_count - 1;
  return (bucket - shift * sub_bucket_count) << shift;
}

std::uint64_t Histogram::middle_of(std::size_t bucket) noexcept {
  return (first_of(bucket) + first_of(bucket + 1)) / 2;
}

void Histogram::record(std::int64_t value_ns) noexcept {
  constexpr std::uint64_t longest = (UINT64_C(1) << highest_bit) - 1;
  const std::uint64_t value = value_ns < 0 ? 0 : static_cast<std::uint64_t>(value_ns);
  ++buckets_[bucket_of(std::min(value, longest))];
  ++count_;
  sum_ += value;
  least_ = std::min(least_, value);
  greatest_ = std::max(greatest_, value);
}

void Histogram::merge(const Histogram& other) noexcept {
  for (std::size_t i = 0; i < bucket_count; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  least_ = std::min(least_, other.least_);
  greatest_ = std::max(greatest_, other.greatest_);
}

std::int64_t Histogram::percentile(double fraction) const noexcept {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
  if (wanted == 0) return static_cast<std::int64_t>(least_);
  if (wanted >= count_) return static_cast<std::int64_t>(greatest_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    seen += buckets_[i];
    if (seen >= wanted)
      return static_cast<std::int64_t>(std::clamp(middle_of(i), least_, greatest_));
  }
  return static_cast<std::int64_t>(greatest_);
}

double Histogram::mean_ns() const noexcept {
  return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> filled;
  for (std::size_t i = 0; i < bucket_count; ++i)
    if (buckets_[i] != 0)
      filled.push_back(
          {.first_ns = first_of(i), .last_ns = first_of(i + 1) - 1, .count = buckets_[i]});
  return filled;
}

}  // namespace aio_bench
