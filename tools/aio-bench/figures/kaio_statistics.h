// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace aio_bench {

// The counters of struct kaio_statistics by name, in its order; only what counts
// events, not what there is at the moment.
using KaioStatistics = std::vector<std::pair<std::string, std::uint64_t>>;

KaioStatistics kaio_statistics_now();

// `after` - `before`, counter by counter.
KaioStatistics difference(const KaioStatistics& after, const KaioStatistics& before);

// Counter by counter; either may be empty.
KaioStatistics sum(const KaioStatistics& one, const KaioStatistics& other);

}  // namespace aio_bench
