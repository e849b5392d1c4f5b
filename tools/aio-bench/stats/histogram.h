// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
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

  Histogram() : buckets_(bucket_count) {}

  void record(std::int64_t value_ns) noexcept {
    constexpr std::uint64_t longest = (UINT64_C(1) << highest_bit) - 1;
    const std::uint64_t value = value_ns < 0 ? 0 : static_cast<std::uint64_t>(value_ns);
    ++buckets_[bucket_of(std::min(value, longest))];
    ++count_;
    sum_ += value;
    least_ = std::min(least_, value);
    greatest_ = std::max(greatest_, value);
  }

  void merge(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < bucket_count; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    least_ = std::min(least_, other.least_);
    greatest_ = std::max(greatest_, other.greatest_);
  }

  std::uint64_t count() const noexcept { return count_; }

  // The value that `fraction` (0..1) of all recorded ones do not exceed; 0 when
  // none was recorded. percentile(0) is the least, percentile(1) the greatest, exactly.
  std::int64_t percentile(double fraction) const noexcept {
    if (count_ == 0) return 0;
    const auto wanted =
        static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
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

  // Exact too; 0 when none was recorded.
  double mean_ns() const noexcept {
    return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }

  // Ascending, without the empty ones.
  std::vector<Bucket> buckets() const {
    std::vector<Bucket> filled;
    for (std::size_t i = 0; i < bucket_count; ++i)
      if (buckets_[i] != 0)
        filled.push_back(
            {.first_ns = first_of(i), .last_ns = first_of(i + 1) - 1, .count = buckets_[i]});
    return filled;
  }

 private:
  static constexpr int sub_bucket_bits = 7;
  static constexpr std::uint64_t sub_bucket_count = UINT64_C(1) << sub_bucket_bits;
  static constexpr int highest_bit = 41;
  static constexpr std::size_t bucket_count =
      (highest_bit - sub_bucket_bits + 1) * sub_bucket_count;

  // Values below 256 have a bucket each. Above, the highest 8 bits choose it: the
  // leading one says which power of two, the other seven where within it.
  static std::size_t bucket_of(std::uint64_t value) noexcept {
    const auto bits = static_cast<int>(std::bit_width(value));
    const int shift = std::max(bits - sub_bucket_bits - 1, 0);
    return static_cast<std::size_t>(shift) * sub_bucket_count + (value >> shift);
  }

  static std::uint64_t first_of(std::size_t bucket) noexcept {
    if (bucket < 2 * sub_bucket_count) return bucket;
    const std::uint64_t shift = bucket / sub_bucket_count - 1;
    return (bucket - shift * sub_bucket_count) << shift;
  }

  static std::uint64_t middle_of(std::size_t bucket) noexcept {
    return (first_of(bucket) + first_of(bucket + 1)) / 2;
  }

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t least_ = UINT64_MAX;
  std::uint64_t greatest_ = 0;
};

// What is kept of a histogram for each repeat.
struct Distribution {
  std::uint64_t count = 0;
  double mean_ns = 0;
  std::int64_t least_ns = 0;
  std::int64_t p50_ns = 0;
  std::int64_t p90_ns = 0;
  std::int64_t p99_ns = 0;
  std::int64_t p99_9_ns = 0;
  std::int64_t p99_99_ns = 0;
  std::int64_t greatest_ns = 0;
};

inline Distribution distribution_of(const Histogram& histogram) {
  return {.count = histogram.count(),
          .mean_ns = histogram.mean_ns(),
          .least_ns = histogram.percentile(0),
          .p50_ns = histogram.percentile(0.5),
          .p90_ns = histogram.percentile(0.9),
          .p99_ns = histogram.percentile(0.99),
          .p99_9_ns = histogram.percentile(0.999),
          .p99_99_ns = histogram.percentile(0.9999),
          .greatest_ns = histogram.percentile(1)};
}

// See json-format.md for what each one counts.
struct Latencies {
  Histogram submission;
  Histogram completion;
  Histogram total;
  Histogram sync;

  void merge(const Latencies& other) noexcept {
    submission.merge(other.submission);
    completion.merge(other.completion);
    total.merge(other.total);
    sync.merge(other.sync);
  }
};

}  // namespace aio_bench
