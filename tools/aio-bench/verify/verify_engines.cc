// SPDX-License-Identifier: MIT
#include "verify/verify_engines.h"

#include "engines/posix_aio.h"

namespace aio_bench {

const std::vector<std::string>& verify_engine_names() {
  static const std::vector<std::string> names{"kaio",     "glibc",   "libaio",
                                              "io_uring", "threads", "preadv2"};
  return names;
}

std::unique_ptr<VerifyEngine> make_verify_engine(const std::string& name, int fd, unsigned depth) {
  if (name == "kaio") return make_posix_verify_engine(kaio_posix_aio(), fd, depth);
  if (name == "glibc") return make_posix_verify_engine(glibc_posix_aio(), fd, depth);
  if (name == "libaio") return make_libaio_verify_engine(fd, depth);
  if (name == "io_uring") return make_uring_verify_engine(fd, depth);
  if (name == "threads") return make_threads_verify_engine(fd, depth);
  return make_sync_verify_engine(fd);
}

}  // namespace aio_bench
