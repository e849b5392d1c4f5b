// SPDX-License-Identifier: MIT
#include <kaio/engine/statistics.h>

#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace kaio {

std::uint64_t Histogram::count() const noexcept {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : counts_) sum += count;
  return sum;
}

std::uint64_t Histogram::largest_in(unsigned bucket) noexcept {
  if (bucket < steps_per_power) return bucket;
  const unsigned power = bucket / steps_per_power + 2;
  const std::uint64_t step = bucket % steps_per_power + steps_per_power;
  return ((step + 1) << (power - 3)) - 1;
}

std::uint64_t Histogram::quantile_ns(double part) const noexcept {
  const std::uint64_t all = count();
  if (all == 0) return 0;
  const double wanted = std::fmin(std::fmax(part, 0.0), 1.0) * static_cast<double>(all);
  std::uint64_t sum = 0;
  for (unsigned bucket = 0; bucket < bucket_count; ++bucket) {
    sum += counts_[bucket];
    if (counts_[bucket] != 0 && static_cast<double>(sum) >= wanted) return largest_in(bucket);
  }
  return largest_in(bucket_count - 1);
}

std::string EngineStatistics::to_text() const {
  std::string text;
  const auto line = [&](const char* format, auto... values) {
    char buffer[256];
    const int length = std::snprintf(buffer, sizeof buffer, format, values...);
    if (length > 0) text.append(buffer, std::min<std::size_t>(length, sizeof buffer - 1));
  };
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  line("submitted %llu, completed %llu (failed %llu, cancelled %llu, late %llu)\n",
       number(submitted), number(completed), number(failed), number(cancelled), number(late));
  line("by kernel AIO %llu, by threads %llu; read %llu bytes, written %llu bytes\n",
       number(by_kernel), number(by_threads), number(read_bytes), number(written_bytes));
  line("io_submit %llu, io_getevents %llu, ring full %llu\n", number(io_submit_calls),
       number(io_getevents_calls), number(ring_full));
  line(
      "would block %llu, no RWF_NOWAIT %llu, device full %llu, short %llu, refused %llu, "
      "not ready %llu, no kernel AIO %llu\n",
      number(would_block), number(no_nowait), number(device_full), number(short_transfers),
      number(refused), number(not_ready), number(no_kernel_aio));
  line("now: queued %llu, in the kernel %llu, under way %llu, the oldest for %.3f ms\n",
       number(queued), number(in_kernel), number(under_way), static_cast<double>(oldest_ns) / 1e6);
  const auto times = [&](const char* name, const Histogram& histogram) {
    if (histogram.count() == 0) return;
    const auto us = [&](double part) {
      return static_cast<double>(histogram.quantile_ns(part)) / 1e3;
    };
    line("%s: median %.1f us, 99 %% %.1f us, 99.9 %% %.1f us, most %.1f us\n", name, us(0.5),
         us(0.99), us(0.999), us(1));
  };
  times("queued", queued_ns);
  times("in io_submit", submitting_ns);
  times("in the device", device_ns);
  times("until dispatched", dispatch_ns);
  return text;
}

}  // namespace kaio
