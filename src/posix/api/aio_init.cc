// SPDX-License-Identifier: MIT
#include <algorithm>

#include "posix/api/export.h"
#include "posix/api/api_scope.h"

KAIO_EXPORT void aio_init(const aioinit* init) noexcept {
  using namespace kaio;
  if (init->aio_threads > 0)
    options().threads =
        std::min(static_cast<unsigned>(init->aio_threads), limits::pool_threads_max);
  if (init->aio_idle_time > 0) options().idle_seconds = init->aio_idle_time;
  Runtime* engine = runtime();
  if (engine == nullptr) return;
  const ApiScope scope(*engine);
  apply_options();
  if (init->aio_num > 0)
    engine->requests.reserve(
        std::min(static_cast<std::uint32_t>(init->aio_num), limits::requests_max));
}
