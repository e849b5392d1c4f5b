// SPDX-License-Identifier: MIT
// KAIO_LOG: what a user or an operator can do something about, in one line each, on the
// program's standard error. Everything here is async-signal-safe, allocates nothing, never
// waits, and leaves errno alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kaio::sys {

// A line of bounded length; what does not fit is left out.
class LogLine {
 public:
  // Begins with the program's name and the process.
  LogLine() noexcept;
  LogLine& operator<<(std::string_view text) noexcept;
  LogLine& operator<<(std::uint64_t number) noexcept;
  LogLine& operator<<(unsigned number) noexcept { return *this << std::uint64_t{number}; }

  // All of it, with the end of the line: the last that is done to it.
  std::string_view ended() noexcept;

 private:
  char text_[1500];
  std::size_t size_ = 0;
};

// The first lines of a file of a few numbers, as those in /proc are. Empty if there is none.
class SmallFile {
 public:
  explicit SmallFile(const char* path) noexcept;
  std::string_view text() const noexcept { return {text_, size_}; }
  // The number at its beginning, or behind `name`.
  std::uint64_t number(std::string_view name = {}) const noexcept;

 private:
  char text_[2048];
  std::size_t size_ = 0;
};

// "EAGAIN", or its number.
LogLine& add_error(LogLine& line, int error_number) noexcept;

namespace log {
extern std::atomic<bool> is_on;
// On: what is standard error now is written to from then on, as long as it is that.
void turn(bool on) noexcept;
inline bool on() noexcept { return is_on.load(std::memory_order_acquire); }
void say(LogLine& line) noexcept;
}  // namespace log

}  // namespace kaio::sys
