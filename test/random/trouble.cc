// SPDX-License-Identifier: MIT
#include "trouble.h"

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <unistd.h>

namespace random_test {
namespace {

std::atomic<int> count{0};
std::atomic<std::uint64_t> now{1};
std::atomic<Fault> planned{Fault::none};
std::atomic<int> chances{0};
constexpr int reports_shown = 120;
constexpr int chances_for_a_fault = 5;

}  // namespace

void report(const char* format, ...) {
  if (count.fetch_add(1) >= reports_shown) return;
  const int saved_errno = errno;
  char line[600] = "WRONG: ";
  va_list arguments;
  va_start(arguments, format);
  int length = 7 + std::vsnprintf(line + 7, sizeof line - 9, format, arguments);
  va_end(arguments);
  if (length > static_cast<int>(sizeof line) - 2) length = sizeof line - 2;
  line[length++] = '\n';
  [[maybe_unused]] const ssize_t written =
      ::write(STDERR_FILENO, line, static_cast<std::size_t>(length));
  errno = saved_errno;
}

int trouble_count() { return count; }

std::uint64_t tick() { return now.fetch_add(1); }

void set_fault(Fault fault) { planned = fault; }

bool fault_now(Fault fault) {
  return fault != Fault::none && planned.load(std::memory_order_relaxed) == fault &&
         chances.fetch_add(1) % chances_for_a_fault == chances_for_a_fault - 1;
}

}  // namespace random_test
