// SPDX-License-Identifier: MIT
// No asynchronous I/O at all: what everything else has to be better than.
#pragma once

#include "engines/engine.h"

#include <memory>

namespace aio_bench {

// preadv2() and pwritev2() inside submit(): one after the other.
std::unique_ptr<Engine> make_preadv2_engine(const EngineSetup& setup);

// A thread for each I/O that the depth allows, which take them from a queue.
// Throws RunError when there cannot be so many.
std::unique_ptr<Engine> make_threads_engine(const EngineSetup& setup);

}  // namespace aio_bench
