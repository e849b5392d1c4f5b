// SPDX-License-Identifier: MIT
// The kernel that misbehaves is a backend like the real one.
#include "engine/faulty_kernel.h"
#include "unit/backend_contract.h"

namespace {

template <unsigned delay_turns>
class FaultyRig final : public unit::RingRig {
  kaio::AioContext& context() override { return kaio::testing::context_of(kernel_); }

  kaio::testing::FaultyKernel kernel_{{.seed = 7, .delay_turns_max = delay_turns}};
};

const bool added = unit::add_contract<FaultyRig<0>>("faulty_kernel") &&
                   unit::add_contract<FaultyRig<5>>("faulty_kernel_that_is_slow");

}  // namespace
