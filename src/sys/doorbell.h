// SPDX-License-Identifier: MIT
// The eventfd that a thread of kaio's sleeps on, signalled by the kernel when a request ends,
// or by another thread. Nothing here fails aloud, touches errno or is a cancellation point; all
// but ensure() is async-signal-safe.
#pragma once

#include "sys/clock.h"
#include "sys/own_descriptor.h"

namespace kaio::sys {

class Doorbell {
 public:
  // Makes it if there is none, or if the program has closed it: a thread that sleeps on that
  // one is not woken by this one. False: there is no descriptor to be had.
  bool ensure() noexcept;

  // Its number, for iocbs that are to signal it; -1 if there is none, or it has been closed.
  int number() const noexcept { return descriptor_.number(); }

  // The same for each request's iocb: an answer is good for some microseconds.
  int number_lately() const noexcept { return descriptor_.number_lately(); }
  // The kernel has refused an iocb that was to signal it.
  void doubt() const noexcept { descriptor_.doubt(); }

  // Not asked whether it is: for whoever has just done so.
  int number_unasked() const noexcept { return descriptor_.number_unasked(); }

  // Wakes whoever sleeps on it, or will. False: it is gone.
  bool signal() const noexcept;

  // Takes the signals that have come before. True: there were some.
  bool clear() const noexcept;

  enum class Woken : unsigned char { signalled, timed_out, gone };
  // Sleeps until it is signalled, or has been before, or until the deadline.
  Woken wait(Deadline deadline) const noexcept;

  // In a child of fork(), which has no use for its copy.
  void close() noexcept { descriptor_.close(); }

 private:
  Woken wait_without_poll(Deadline deadline) const noexcept;

  OwnDescriptor descriptor_;
};

}  // namespace kaio::sys
