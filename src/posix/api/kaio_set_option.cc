// SPDX-License-Identifier: MIT
#include "kaio/aio.h"
#include "posix/api/export.h"
#include "posix/process/runtime.h"

KAIO_EXPORT int kaio_set_option(const char* name, const char* value) {
  if (name == nullptr || value == nullptr) return kaio::fail(EINVAL);
  const int error_number = kaio::options().set(name, value);
  if (error_number != 0) return kaio::fail(error_number);
  kaio::apply_options();
  return 0;
}
