// SPDX-License-Identifier: MIT
// Where there was no liburing when this was built.
#include "base/errors.h"
#include "engines/uring_engine.h"

namespace aio_bench {

std::unique_ptr<Engine> make_uring_engine(const EngineSetup&) {
  throw RunError(
      "io_uring is left out: aio-bench was built without liburing 2.3 (install "
      "liburing-dev and build again)");
}

}  // namespace aio_bench
