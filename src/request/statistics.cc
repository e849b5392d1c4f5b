// SPDX-License-Identifier: MIT
#include "request/statistics.h"

namespace kaio {

KAIO_THREAD_LOCAL std::uint32_t Statistics::this_threads_shard = no_shard;
std::atomic<std::uint32_t> Statistics::next_shard{0};

}  // namespace kaio
