// SPDX-License-Identifier: MIT
#include "base/errors.h"

#include <system_error>

namespace aio_bench {

std::string error_text(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace aio_bench
