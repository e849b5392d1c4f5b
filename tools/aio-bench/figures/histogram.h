// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace aio_bench {

// Counts of nanoseconds, log-linear: 128 buckets per power of two, so that what
// percentile() says is within 0.4 % of a value that was recorded. Up to 36
// minutes; what is longer counts as that. Not thread-safe.
class Histogram {
 public:
  struct Bucket {
    std::uint64_t first_ns, last_ns, count;
  };

  Histogram();

  void record(std::int64_t value_ns) noexcept;
  void merge(const Histogram& other) noexcept;
  void reset() noexcept;

  std::uint64_t count() const noexcept { return count_; }

  // The value that `fraction` (0..1) of all recorded ones do not exceed; 0 when
  // none was recorded. percentile(0) is the least, percentile(1) the greatest, exactly.
  std::int64_t percentile(double fraction) const noexcept;

  // Exact too; 0 when none was recorded.
  double mean_ns() const noexcept;

  // Ascending, without the empty ones.
  std::vector<Bucket> buckets() const;

 private:
  static constexpr int sub_bucket_bits = 7;
  static constexpr std::uint64_t sub_bucket_count = UINT64_C(1) << sub_bucket_bits;
  static constexpr int highest_bit = 41;
  static constexpr std::size_t bucket_count =
      (highest_bit - sub_bucket_bits + 1) * sub_bucket_count;

  static std::size_t bucket_of(std::uint64_t value) noexcept;
  static std::uint64_t first_of(std::size_t bucket) noexcept;
  static std::uint64_t middle_of(std::size_t bucket) noexcept;

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t least_ = UINT64_MAX;
  std::uint64_t greatest_ = 0;
};

}  // namespace aio_bench
