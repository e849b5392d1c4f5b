// SPDX-License-Identifier: MIT
// What an engine has to do. A load knows nothing else of it: it hands over
// transfers by their slot, and gets slots back as they complete.
#pragma once

#include "base/errors.h"
#include "loads/load.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <sys/uio.h>
#include <vector>

namespace aio_bench {

enum class Operation : std::uint8_t { read, write, sync };

// One of the places that the queue depth allows, used for one I/O after another.
struct Transfer {
  Operation operation = Operation::read;
  std::byte* buffer = nullptr;
  std::size_t size_bytes = 0;
  std::int64_t offset_bytes = 0;
  std::span<const iovec> pieces{};  // of the buffer; none: it goes as a whole
  // Set by the engine: just before and just after the call that submitted it.
  std::int64_t started_ns = 0;
  std::int64_t accepted_ns = 0;
};

struct Completion {
  unsigned slot = 0;
  std::int64_t result = 0;  // bytes, or a negative error number
};

// Everything an engine is made with; the transfers outlive it.
struct EngineSetup {
  int fd = -1;
  Notify notify = Notify::suspend;
  std::span<Transfer> transfers;
  unsigned job = 0;      // which of the threads that have an engine each
  bool cancels = false;  // cancel() is going to be called
};

// An engine did not accept a transfer, and never will.
struct RequestRefused : RunError {
  RequestRefused(const char* engine_name, const Transfer& transfer, int error)
      : RunError("{}: a request of {} bytes at offset {} was refused: {}", engine_name,
                 transfer.size_bytes, transfer.offset_bytes, error_text(error)),
        error_number(error) {}

  int error_number;
};

// Made for one measurement, on the thread that uses it, and destroyed when
// nothing is in flight any more.
class IoEngine {
 public:
  virtual ~IoEngine() = default;

  // Submits transfers in the order of `slots`. Returns how many were accepted;
  // fewer than all means EAGAIN: try again after a completion, with the same ones
  // first. Throws RequestRefused or RunError on any other refusal.
  virtual std::size_t submit(std::span<const unsigned> slots) = 0;

  // Waits for at least one completion and appends all that are known. Appends
  // none when `deadline_ns` (of now_ns()) came first, or a signal handler ran; a
  // deadline that has passed only looks. A result of -EAGAIN: submit it again.
  // Throws RunError when nothing comes for `patience_ns`: then requests are still
  // in flight.
  virtual void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) = 0;

  // Asks for the end of a transfer in flight. It completes in any case: with -ECANCELED,
  // or as if nobody had asked.
  virtual void cancel(unsigned) {}
  virtual bool can_cancel() const noexcept { return false; }

  // System calls made so far, where each one is counted; see counted_calls().
  virtual std::optional<std::uint64_t> system_call_count() const { return std::nullopt; }

  // Far more than any device takes; an engine that is silent for so long hangs.
  static constexpr std::int64_t patience_ns = INT64_C(10'000'000'000);
  static constexpr std::int64_t no_deadline = INT64_MAX;
};

}  // namespace aio_bench
