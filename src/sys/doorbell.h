// SPDX-License-Identifier: MIT
// The eventfd that a thread of kaio's sleeps on, rung by the kernel when a request ends, or
// by another thread. Nothing here fails aloud, touches errno or is a cancellation point; all
// but ensure() is async-signal-safe.
#pragma once

#include "sys/clock.h"
#include "sys/own_descriptor.h"

namespace kaio::sys {

class Doorbell {
 public:
  // Makes it if there is none, or if the program has closed it: what slept on that one does
  // not hear this one. False: there is no descriptor to be had.
  bool ensure() noexcept;

  // Its number, for iocbs that are to ring it; -1 if there is none, or it has been closed.
  int number() const noexcept { return descriptor_.number(); }

  // The same for each request's iocb: an answer is good for some microseconds.
  int number_lately() const noexcept { return descriptor_.number_lately(); }
  // The kernel has refused an iocb that was to ring it.
  void doubt() const noexcept { descriptor_.doubt(); }

  // Not asked whether it is: for whoever has just done so.
  int number_unasked() const noexcept { return descriptor_.number_unasked(); }

  // Wakes whoever sleeps on it, or will. False: it is gone.
  bool ring() const noexcept;

  // Takes what has rung before.
  void hear() const noexcept;

  enum class Heard : unsigned char { rung, timed_out, gone };
  // Sleeps until it rings, or has rung before, or until the deadline.
  Heard wait(Deadline deadline) const noexcept;

  // In a child of fork(), which has no use for its copy.
  void close() noexcept { descriptor_.close(); }

 private:
  OwnDescriptor descriptor_;
};

}  // namespace kaio::sys
