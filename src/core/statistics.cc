// SPDX-License-Identifier: MIT
#include "core/statistics.h"

namespace kaio {

void Statistics::add_shared(Count what, std::int64_t difference) noexcept {
  if (!ThreadNumber::is_asked_for()) {
    ThreadNumber::ask();
    return add(what, difference);
  }
  Shard& shard = shards_[own_shard_count + ThreadNumber::mine() % shared_shard_count];
  shard.counters[static_cast<std::size_t>(what)].fetch_add(static_cast<std::uint64_t>(difference),
                                                           std::memory_order_relaxed);
}

}  // namespace kaio
