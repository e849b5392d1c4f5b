// SPDX-License-Identifier: MIT
#include "core/statistics.h"

namespace kaio {

KAIO_THREAD_LOCAL std::uint32_t Statistics::this_threads_shard = no_shard;
std::atomic<std::uint32_t> Statistics::next_shard{0};

void Statistics::add_shared(Count what, std::int64_t difference) noexcept {
  if (this_threads_shard == no_shard) {
    this_threads_shard = next_shard.fetch_add(1);
    return add(what, difference);
  }
  Shard& shard = shards_[own_shard_count + this_threads_shard % shared_shard_count];
  shard.counters[static_cast<std::size_t>(what)].fetch_add(static_cast<std::uint64_t>(difference),
                                                           std::memory_order_relaxed);
}

}  // namespace kaio
