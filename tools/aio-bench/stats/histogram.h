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
