// SPDX-License-Identifier: MIT
#include "request/deferred.h"

namespace kaio::deferred {

KAIO_THREAD_LOCAL NotifiableStack requests;

}  // namespace kaio::deferred
