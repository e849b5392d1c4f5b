// SPDX-License-Identifier: MIT
#pragma once

#include "base/errors.h"
#include "base/file_descriptor.h"
#include "base/limits.h"

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace aio_bench {

// An eventfd that somebody else adds to.
class EventCounter {
 public:
  // Throws RunError.
  EventCounter() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!descriptor_)
      throw RunError("no eventfd can be made: " + error_text(errno) + descriptor_advice(errno));
  }

  int descriptor() const noexcept { return descriptor_.number(); }

  // What was added since the last call; 0 when nothing was for `timeout`.
  std::uint64_t wait(timespec timeout) noexcept {
    pollfd ready{.fd = descriptor(), .events = POLLIN, .revents = 0};
    std::uint64_t count = 0;
    ++system_call_count_;
    const int outcome = ::ppoll(&ready, 1, &timeout, nullptr);
    was_interrupted_ = outcome < 0;
    if (outcome <= 0) return 0;
    ++system_call_count_;
    return ::read(descriptor(), &count, sizeof count) == sizeof count ? count : 0;
  }

  bool was_interrupted() const noexcept { return was_interrupted_; }

  // ppoll() and read().
  std::uint64_t system_call_count() const noexcept { return system_call_count_; }

 private:
  FileDescriptor descriptor_;
  bool was_interrupted_ = false;
  std::uint64_t system_call_count_ = 0;
};

}  // namespace aio_bench
