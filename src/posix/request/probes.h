// SPDX-License-Identifier: MIT
// Static probes for bpftrace, perf, SystemTap and gdb, of the provider `kaio`: a nop each as
// long as nobody listens, and nothing at all where <sys/sdt.h> was missing at build time.
//
// Their names, arguments and numbers are an interface, as scripts of others rely on them: new
// arguments come at the end. The address of a request names it from `submit` until it has been
// completed and notified; the next request may have the same one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "posix/request/request.h"

#ifdef KAIO_PROBES
#include <sys/sdt.h>
#define KAIO_PROBE(count, name, ...) STAP_PROBE##count(kaio, name, __VA_ARGS__)
#else
#define KAIO_PROBE(...) static_cast<void>(0)
#endif

namespace kaio::probes {

// The numbers that scripts know.
static_assert(int(Opcode::read) == 0 && int(Opcode::write) == 1 && int(Opcode::fsync) == 2 &&
              int(Opcode::fdatasync) == 3);
static_assert(int(Attempt::none) == 0 && int(Attempt::nowait) == 1 && int(Attempt::plain) == 2 &&
              int(Attempt::kernel_sync) == 3 && int(Attempt::readiness) == 4 &&
              int(Attempt::pool_io) == 5 && int(Attempt::pool_submit) == 6);
static_assert(int(Notification::Kind::signal) == 1 && int(Notification::Kind::thread_signal) == 2 &&
              int(Notification::Kind::callback) == 3 &&
              int(Notification::Kind::attributed_callback) == 4 &&
              int(Notification::Kind::eventfd) == 5);

// The request is about to be started. `control_block`: what the program calls it by.
// `opcode`: enum Opcode, and 4 more for a vector, whose entries `size` counts in place of bytes.
[[gnu::always_inline]] inline void submit([[maybe_unused]] const Request& request,
                                          [[maybe_unused]] const void* control_block) noexcept {
  [[maybe_unused]] const IoOperation& operation = request.operation;
  [[maybe_unused]] const unsigned opcode =
      static_cast<unsigned>(operation.opcode) | (operation.vectored ? 4u : 0u);
  KAIO_PROBE(6, submit, &request, control_block, operation.fd, opcode, operation.size,
             operation.offset_bytes);
}

// The call fails with `error_number`, and nothing has been queued. `request`: null if the
// call came to no `submit`.
[[gnu::always_inline]] inline void refuse([[maybe_unused]] const Request* request,
                                          [[maybe_unused]] const void* control_block,
                                          [[maybe_unused]] int error_number) noexcept {
  KAIO_PROBE(3, refuse, request, control_block, error_number);
}

// The status is about to become final. `result`: bytes, or a negative error number. The way is
// the last attempt that was made (enum Attempt): none for what the call itself did or found.
[[gnu::always_inline]] inline void complete([[maybe_unused]] const Request& request,
                                            [[maybe_unused]] std::int64_t result) noexcept {
  KAIO_PROBE(3, complete, &request, static_cast<unsigned>(request.attempt), result);
}

// A signal has been queued, an eventfd added to, or a callback is about to be called, for a
// request or, if `of_list` is 1, for a list.
[[gnu::always_inline]] inline void notify([[maybe_unused]] const Notifiable& item) noexcept {
  KAIO_PROBE(3, notify, &item, static_cast<unsigned>(item.notification.kind),
             static_cast<unsigned>(item.notification.of_list));
}

}  // namespace kaio::probes
