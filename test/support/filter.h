// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>

namespace support {

// Refuses system calls of this process, and of its children, by a seccomp filter, from
// now on. Throws where that cannot be.
void refuse(std::initializer_list<long> calls, int error_number);

// What the environment asks for: TEST_WITHOUT_NOWAIT=ENOSYS, EPERM or EACCES refuses
// kernel AIO and the calls with flags, so that streams are as on a kernel that does not
// know RWF_NOWAIT there.
void refuse_what_the_environment_says();

}  // namespace support
