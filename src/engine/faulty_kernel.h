// SPDX-License-Identifier: MIT
#pragma once

#include <kaio/testing.h>

#include "core/kernel/aio_context.h"

namespace kaio::testing {

AioContext& context_of(FaultyKernel& kernel) noexcept;

}  // namespace kaio::testing
