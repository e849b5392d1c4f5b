// SPDX-License-Identifier: MIT
// Kernel AIO as the rest of the core knows it: where iocbs go, and where their events come from.
// A context of the kernel's is one (core/kernel/context.h), and so is what tests put in its place.
#pragma once

#include <cstdint>
#include <ctime>
#include <libaio.h>
#include <span>

namespace kaio {

class AioContext {
 public:
  // False: there is none, or none now.
  virtual bool available() noexcept = 0;
  // Why there is none: the kernel's error number; 0 if there is one, or nobody has asked.
  virtual int refusal() const noexcept = 0;
  // A filter said no later, to io_submit itself. What is in flight still completes.
  virtual void give_up(int error_number) noexcept = 0;

  // What follows needs one that was available.

  // How many may be in flight.
  virtual std::uint32_t capacity() const noexcept = 0;
  // Whether iocbs of writes may carry RWF_NOSIGNAL.
  virtual bool has_nosignal() const noexcept = 0;

  // One io_submit. Returns how many were taken, or the error number of the first one, negative.
  virtual int submit(std::span<iocb*> iocbs) noexcept = 0;
  // Events that are there already, and how many.
  virtual std::size_t take_events(std::span<io_event> events) noexcept = 0;
  // io_getevents, with a relative timeout; null for ever.
  virtual int get_events(long min_count, std::span<io_event> events, const timespec* timeout) = 0;
  // Ends a poll; its event arrives all the same. True: it was found.
  virtual bool cancel(iocb& control) noexcept = 0;

 protected:
  ~AioContext() = default;
};

}  // namespace kaio
