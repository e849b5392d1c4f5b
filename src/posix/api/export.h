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

// Defines a function that handlers may call, under another name, as <aio.h> promises that
// it throws nothing: a cancelled thread may unwind through it (sys/cancellation.h). It has
// nothing to clean up, and calls what throws nothing.
#define KAIO_STRING_OF(text) #text
#define KAIO_STRING(text) KAIO_STRING_OF(text)
#define KAIO_ENTRY(result, name, ...)                          \
  __attribute__((visibility("default")))                       \
  result name##_entry(__VA_ARGS__) __asm__(KAIO_STRING(name)); \
  result name##_entry(__VA_ARGS__)

namespace kaio {

inline int fail(int error_number) noexcept {
  errno = error_number;
  return -1;
}

}  // namespace kaio
