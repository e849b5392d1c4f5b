// SPDX-License-Identifier: MIT
// POSIX AIO as a table of functions, so that one and the same program text runs
// on glibc's and on kaio's, side by side in one process.
#pragma once

#include <aio.h>
#include <ctime>

namespace aio_bench {

struct PosixAio {
  const char* name;
  int (*read)(aiocb*) = nullptr;
  int (*write)(aiocb*) = nullptr;
  int (*sync)(int, aiocb*) = nullptr;
  int (*error)(const aiocb*) = nullptr;
  ssize_t (*result)(aiocb*) = nullptr;
  int (*suspend)(const aiocb* const*, int, const timespec*) = nullptr;
  int (*cancel)(int, aiocb*) = nullptr;
  int (*list)(int, aiocb* const*, int, sigevent*) = nullptr;
  // kaio's extensions; null for the C library's.
  int (*read_vector)(aiocb*) = nullptr;
  int (*write_vector)(aiocb*) = nullptr;
  ssize_t (*wait_complete)(aiocb**, const timespec*) = nullptr;
};

// The C library's own, whatever is linked or preloaded in front of them. Throws
// RunError when they cannot be reached.
const PosixAio& glibc_posix_aio();

// Those that a program gets which links libkaio-posix. Throws RunError when the
// linker bound this one to the C library's instead.
const PosixAio& kaio_posix_aio();

}  // namespace aio_bench
