// SPDX-License-Identifier: MIT
#pragma once

#include "figures/measurement.h"
#include "loads/load_plan.h"

namespace aio_bench {

// One measurement: all jobs of the plan, started together. Throws RunError when
// the engine cannot run here or an I/O fails.
Measurement run_load(const LoadPlan& plan);

}  // namespace aio_bench
