// SPDX-License-Identifier: MIT
// Where there was no liburing when this was built.
#include "base/errors.h"
#include "verify/verify_engines.h"

namespace aio_bench {

std::unique_ptr<VerifyEngine> make_uring_verify_engine(int, unsigned) {
  throw RunError(
      "io_uring is left out: aio-bench was built without liburing 2.3 (install "
      "liburing-dev and build again)");
}

}  // namespace aio_bench
