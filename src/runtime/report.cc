// SPDX-License-Identifier: MIT
#include "runtime/report.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "runtime/runtime.h"

namespace kaio {
namespace {

struct Field {
  const char* name;
  std::uint64_t kaio_statistics::*member;
  Count count;
};

#define KAIO_FIELD(name) \
  { #name, &kaio_statistics::name, Count::name }
constexpr Field fields[] = {
    KAIO_FIELD(submitted), KAIO_FIELD(completed), KAIO_FIELD(cancelled), KAIO_FIELD(by_kernel),
    KAIO_FIELD(by_pool), KAIO_FIELD(by_caller), KAIO_FIELD(at_once), KAIO_FIELD(io_submit_calls),
    KAIO_FIELD(io_getevents_calls), KAIO_FIELD(reason_would_block), KAIO_FIELD(reason_no_nowait),
    KAIO_FIELD(reason_device_full), KAIO_FIELD(reason_short), KAIO_FIELD(reason_refused),
    KAIO_FIELD(reason_not_ready), KAIO_FIELD(reason_ring_full), KAIO_FIELD(reason_unavailable),
    KAIO_FIELD(held_by_order), KAIO_FIELD(held_by_fence), KAIO_FIELD(submitted_by_pool),
    KAIO_FIELD(waits_by_kernel_poll), KAIO_FIELD(waits_by_epoll), KAIO_FIELD(notified_signal),
    KAIO_FIELD(notified_thread), KAIO_FIELD(notified_eventfd), KAIO_FIELD(notification_retries),
    KAIO_FIELD(threads_started),
};
#undef KAIO_FIELD

void print_statistics() {
  if (!options().print_statistics.load()) return;
  const kaio_statistics statistics = gather_statistics();
  std::fprintf(stderr, "kaio:");
  for (const Field& field : fields)
    if (statistics.*field.member != 0 || field.count <= Count::completed)
      std::fprintf(stderr, " %s %" PRIu64, field.name, statistics.*field.member);
  std::fprintf(stderr, "\n");
}

}  // namespace

kaio_statistics gather_statistics() noexcept {
  kaio_statistics gathered{};
  const Runtime* runtime = runtime_if_any();
  if (runtime == nullptr) return gathered;
  const Statistics& statistics = runtime->statistics;
  for (const Field& field : fields) gathered.*field.member = statistics.get(field.count);
  gathered.threads =
      statistics.get(Count::threads_started) - statistics.get(Count::threads_ended);
  gathered.request_bytes = runtime->requests.mapped_bytes();
  return gathered;
}

void print_statistics_at_exit() noexcept { std::atexit(print_statistics); }

}  // namespace kaio
