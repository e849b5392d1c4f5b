// SPDX-License-Identifier: MIT
// One pass over the target with one engine.
#pragma once

#include "verify/verification.h"
#include "verify/verify_options.h"

#include <functional>
#include <string>

namespace aio_bench {

struct PassPlan {
  enum class Kind : std::uint8_t {
    fill,       // every block once, in order
    load,       // random writes, reads and cancellations for `seconds`
    read_back,  // every block once, in order
  };

  Kind kind = Kind::load;
  const VerifyOptions& options;
  std::string engine_name;
  int fd = -1;
  std::function<void(double done)> progress;  // 0 to 1
};

// Ends early on Ctrl-C, and a load when something wrong was found, so that what is
// there can be looked at. Throws RunError when the engine fails; what it had in
// flight then keeps its buffers until the process ends.
IoCounts run_pass(const PassPlan& plan, Verification& verification);

}  // namespace aio_bench
