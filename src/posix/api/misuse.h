// SPDX-License-Identifier: MIT
#pragma once

namespace kaio {

// With KAIO_STRICT=1: reports, once per process, that `function` was called for an
// aiocb that was never submitted or whose result was taken already. True: the call
// shall fail with EINVAL. Async-signal-safe.
bool is_refused_misuse(const char* function) noexcept;

}  // namespace kaio
