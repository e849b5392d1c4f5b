// SPDX-License-Identifier: MIT
#pragma once

#include "engines/engine.h"

#include <memory>

namespace aio_bench {

// Raw kernel AIO through libaio, as people write it: all that is ready goes into
// one io_submit(), io_getevents() waits for at least one and takes all there are.
// Throws RunError when the kernel gives no context.
std::unique_ptr<Engine> make_libaio_engine(const EngineSetup& setup);

}  // namespace aio_bench
