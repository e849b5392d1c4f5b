// SPDX-License-Identifier: MIT
// Turns -1 and errno of a call that has to work into an exception.
#pragma once

#include <cerrno>
#include <system_error>

namespace support {

template <class Number>
Number checked(Number result, const char* what) {
  if (result == static_cast<Number>(-1))
    throw std::system_error{errno, std::generic_category(), what};
  return result;
}

}  // namespace support
