// SPDX-License-Identifier: MIT
#pragma once

#include "support/precondition.h"

namespace fault {

// How long a child may take.
inline constexpr unsigned patience_s = support::sanitized ? 90 : 30;

}  // namespace fault
