// SPDX-License-Identifier: MIT
// How each engine is made; make_engine() of engines.h chooses. All throw RunError when
// the engine cannot run here.
#pragma once

#include "engines/io_engine.h"

#include <memory>

namespace aio_bench {

struct PosixAio;

// POSIX AIO, of the C library or kaio, by a program that asks for completions (suspend,
// poll, list, waitcomplete), or is told of them (signal, thread, eventfd).
std::unique_ptr<IoEngine> make_asking_engine(const PosixAio& aio, const EngineSetup& setup);
std::unique_ptr<IoEngine> make_told_engine(const PosixAio& aio, const EngineSetup& setup);

// kaio's C++ engine: callbacks (suspend, list), pulled (poll), a descriptor (eventfd), coroutines.
std::unique_ptr<IoEngine> make_kaio_engine(const EngineSetup& setup);

// Raw kernel AIO through libaio, as people write it: all that is ready goes into
// one io_submit(), io_getevents() waits for at least one and takes all there are.
std::unique_ptr<IoEngine> make_libaio_engine(const EngineSetup& setup);

// io_uring through liburing, as people write it. Also throws when this program was built
// without liburing.
std::unique_ptr<IoEngine> make_uring_engine(const EngineSetup& setup);

// One blocking call after the other, and blocking calls on a pool of threads.
std::unique_ptr<IoEngine> make_preadv2_engine(const EngineSetup& setup);
std::unique_ptr<IoEngine> make_threads_engine(const EngineSetup& setup);

}  // namespace aio_bench
