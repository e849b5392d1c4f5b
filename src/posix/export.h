// SPDX-License-Identifier: MIT
// How the functions of <aio.h> are defined: visible where everything else is
// hidden, and under the names that programs compiled with 64-bit file offsets use.
#pragma once

#include <aio.h>
#include <cerrno>

#define KAIO_EXPORT extern "C" __attribute__((visibility("default")))

// On 64-bit systems aiocb and aiocb64 are alike, so the second name is an alias;
// by the assembler, because the declared types differ in name.
#ifdef KAIO_PREFIXED_NAMES
#define KAIO_ALIAS_64(name) static_assert(true)
#else
#define KAIO_ALIAS_64(name) \
  __asm__(".globl " #name "64\n\t.type " #name "64, @function\n\t.set " #name "64, " #name)
#endif

namespace kaio {

inline int fail(int error_number) noexcept {
  errno = error_number;
  return -1;
}

}  // namespace kaio
