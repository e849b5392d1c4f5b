// SPDX-License-Identifier: MIT
#include "base/errors.h"

#include "base/text.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <system_error>

namespace aio_bench {

std::string error_text(int error_number) { return std::generic_category().message(error_number); }

std::string file_size_advice() {
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  if (limit.rlim_cur == RLIM_INFINITY)
    return ": the file system has no files that large: use another one, or a smaller --size";
  return fmt::format(
      ": no file may be larger than {} here: raise the limit with ulimit -f, or "
      "give a smaller --size",
      size_text(limit.rlim_cur));
}

}  // namespace aio_bench
