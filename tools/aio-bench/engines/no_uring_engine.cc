// SPDX-License-Identifier: MIT
// Where there was no liburing when this was built.
#include "engines/make_engine.h"

namespace aio_bench {

std::unique_ptr<IoEngine> make_uring_engine(const EngineSetup&) {
  throw RunError(
      "io_uring is left out: aio-bench was built without liburing 2.3 (install liburing-dev and "
      "build again)");
}

}  // namespace aio_bench
