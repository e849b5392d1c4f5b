// SPDX-License-Identifier: MIT
// Static probes of the engine, of the provider `kaio_engine`: a nop each as long as nobody
// listens, and nothing at all where <sys/sdt.h> was missing at build time. Their names, arguments
// and numbers are an interface: new arguments come at the end.
#pragma once

#include "engine/operation_state.h"

#ifdef KAIO_PROBES
#include <sys/sdt.h>
#define KAIO_ENGINE_PROBE(count, name, ...) STAP_PROBE##count(kaio_engine, name, __VA_ARGS__)
#else
#define KAIO_ENGINE_PROBE(...) static_cast<void>(0)
#endif

namespace kaio::engine::probes {

// Accepted. `opcode`: 0 read, 1 write, 2 fsync, 3 fdatasync. `size`: bytes, or parts of a vector.
[[gnu::always_inline]] inline void submit(
    [[maybe_unused]] const OperationState& operation) noexcept {
  [[maybe_unused]] const IoOperation& asked = operation.operation;
  KAIO_ENGINE_PROBE(5, submit, &operation, asked.fd, static_cast<int>(asked.opcode), asked.size,
                    asked.offset_bytes);
}

// Refused. `reason`: enum class EngineError.
[[gnu::always_inline]] inline void refuse([[maybe_unused]] const OperationState& operation,
                                          [[maybe_unused]] EngineError reason) noexcept {
  KAIO_ENGINE_PROBE(2, refuse, &operation, static_cast<int>(reason));
}

// It has ended, in the engine's eyes. `error_number`: 0, or as errno has them.
[[gnu::always_inline]] inline void complete(
    [[maybe_unused]] const OperationState& operation) noexcept {
  KAIO_ENGINE_PROBE(3, complete, &operation, operation.done_bytes, operation.error_number);
}

// Its completion is called now.
[[gnu::always_inline]] inline void dispatch(
    [[maybe_unused]] const OperationState& operation) noexcept {
  KAIO_ENGINE_PROBE(1, dispatch, &operation);
}

}  // namespace kaio::engine::probes
