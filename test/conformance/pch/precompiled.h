// SPDX-License-Identifier: MIT
// Compiled once for all cases, and put before each: half of the time that they take. They
// include cases.h all the same, for where this is not used (-Db_pch=false).
#ifndef KAIO_TEST_CONFORMANCE_PRECOMPILED_H
#define KAIO_TEST_CONFORMANCE_PRECOMPILED_H

#include "../cases.h"

#endif
