// SPDX-License-Identifier: MIT
// How each of verify's engines is made.
#pragma once

#include "verify/verify_engine.h"

namespace aio_bench {

struct PosixAio;

std::unique_ptr<VerifyEngine> make_posix_verify_engine(const PosixAio& functions, int fd,
                                                       unsigned depth);
std::unique_ptr<VerifyEngine> make_libaio_verify_engine(int fd, unsigned depth);
std::unique_ptr<VerifyEngine> make_uring_verify_engine(int fd, unsigned depth);
std::unique_ptr<VerifyEngine> make_sync_verify_engine(int fd);
std::unique_ptr<VerifyEngine> make_threads_verify_engine(int fd, unsigned depth);

}  // namespace aio_bench
