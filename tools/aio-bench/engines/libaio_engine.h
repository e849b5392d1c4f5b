// SPDX-License-Identifier: MIT
#pragma once

#include "engines/engine.h"

#include <memory>
#include <string>

namespace aio_bench {

// Raw kernel AIO through libaio, as people write it: all that is ready goes into
// one io_submit(), io_getevents() waits for at least one and takes all there are.
// Throws RunError when the kernel gives no context.
std::unique_ptr<Engine> make_libaio_engine(const EngineSetup& setup);

// Why there can be no context for so many requests, and what to do: of the negative error
// number that io_setup() gave.
std::string kernel_aio_refusal_text(int outcome, unsigned request_count);

}  // namespace aio_bench
