// SPDX-License-Identifier: MIT
#pragma once

#include "engines/engine.h"

#include <memory>

namespace aio_bench {

// io_uring through liburing, as people write it. Throws RunError when the kernel
// does not let this process have one, or this program was built without liburing.
std::unique_ptr<Engine> make_uring_engine(const EngineSetup& setup);

}  // namespace aio_bench
