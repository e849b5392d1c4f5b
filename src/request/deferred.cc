// SPDX-License-Identifier: MIT
#include "request/deferred.h"

namespace kaio::deferred {

KAIO_THREAD_LOCAL NotifiableStack requests;
KAIO_THREAD_LOCAL Submitted submitted;

}  // namespace kaio::deferred
