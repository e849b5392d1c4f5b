// SPDX-License-Identifier: MIT
#include "posix/api/misuse.h"

#include <cstring>

#include "posix/process/options.h"

namespace kaio {

bool is_refused_misuse(const char* function) noexcept {
  if (!options().strict.load(std::memory_order_relaxed)) return false;
  static std::atomic<bool> reported{false};
  if (!reported.exchange(true)) {
    constexpr char text[] =
        "() of an aiocb that was never submitted, or whose result was taken already\n";
    char message[160] = "kaio: ";
    std::strncat(message, function, 32);
    std::strcat(message, text);
    standard_error_at_start().write(message, std::strlen(message));
  }
  return true;
}

}  // namespace kaio
