// SPDX-License-Identifier: MIT
// Standard error as it was at a moment. A program may have closed it later, as those of the
// GNU coreutils do at exit, and may have a file of its own under that number, or under the
// copy's: only what is still the same file is written to.
#pragma once

#include <cstddef>
#include <sys/stat.h>

namespace kaio::sys {

enum class KeepCopy : bool { no, yes };

class StandardError {
 public:
  constexpr StandardError() noexcept = default;

  // The one that there is now. With a copy it can be written to when the program has closed
  // it; but whoever waits for the end of that pipe then waits for this process.
  void remember(KeepCopy keep_copy) noexcept;

  // In one piece, so that what several processes say does not mix. Never raises a signal,
  // whatever has become of the reader, and leaves errno alone; async-signal-safe, and no
  // cancellation point. What cannot be written is lost.
  void write(const char* text, std::size_t size_bytes) const noexcept;
  // The same, and nothing if it would have to wait.
  void write_if_ready(const char* text, std::size_t size_bytes) const noexcept;

 private:
  bool is_original(int fd) const noexcept;
  int number() const noexcept;

  struct stat original_ {};
  bool is_known_ = false;
  int copy_ = -1;
};

}  // namespace kaio::sys
