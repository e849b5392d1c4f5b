// SPDX-License-Identifier: MIT
// Pure functions from a request to the iocb that carries it.
#pragma once

#include <cstring>
#include <libaio.h>
#include <linux/fs.h>
#include <poll.h>

#include "core/io_operation.h"

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

namespace kaio::iocb_of {

// Linux 6.18: a write to a closed pipe or socket says EPIPE and raises no SIGPIPE.
inline constexpr std::uint32_t rwf_nosignal = 0x00000100;

// libaio before 0.3.113 calls these four bytes padding.
inline void set_rw_flags(iocb& control, std::uint32_t flags) noexcept {
  constexpr std::size_t place = offsetof(iocb, key) + 4;  // little-endian layout
  static_assert(offsetof(iocb, aio_lio_opcode) == place + 4);
  std::memcpy(reinterpret_cast<char*>(&control) + place, &flags, sizeof flags);
}

// doorbell: an eventfd that gets 1 added on completion, or -1.
inline void signal_eventfd(iocb& control, int doorbell) noexcept {
  if (doorbell < 0) return;
  constexpr unsigned iocb_flag_resfd = 1u << 0;
  control.u.c.flags |= iocb_flag_resfd;
  control.u.c.resfd = static_cast<unsigned>(doorbell);
}

// aio_reqprio 0 leaves the priority to the kernel (the thread's own); 1..20 go
// down the seven lower best-effort levels, which need no privilege.
inline void set_priority(iocb& control, unsigned reqprio) noexcept {
  if (reqprio == 0) return;
  constexpr unsigned iocb_flag_ioprio = 1u << 1;
  constexpr unsigned class_best_effort = 2, class_shift = 13, default_level = 4;
  const unsigned level = default_level + (reqprio + 6) / 7;  // 5, 6, 7
  control.u.c.flags |= iocb_flag_ioprio;
  control.aio_reqprio = static_cast<short>(class_best_effort << class_shift | level);
}

inline void transfer(iocb& control, const IoOperation& operation, bool is_stream,
                     std::uint32_t more_rw_flags) noexcept {
  constexpr short vectored = IO_CMD_PREADV - IO_CMD_PREAD;
  static_assert(IO_CMD_PWRITE == IO_CMD_PREAD + 1 && IO_CMD_PWRITEV == IO_CMD_PWRITE + vectored);
  control = {};
  control.aio_lio_opcode =
      static_cast<short>(IO_CMD_PREAD + operation.is_write() + (operation.vectored ? vectored : 0));
  control.aio_fildes = operation.fd;
  control.u.c.buf = operation.buffer;
  control.u.c.nbytes = operation.size;
  control.u.c.offset = is_stream ? 0 : operation.offset_bytes;
  set_rw_flags(control, operation.rw_flags | more_rw_flags);
  set_priority(control, operation.priority);
}

inline void sync(iocb& control, const IoOperation& operation) noexcept {
  control = {};
  control.aio_lio_opcode = operation.opcode == Opcode::fsync ? IO_CMD_FSYNC : IO_CMD_FDSYNC;
  control.aio_fildes = operation.fd;
}

inline void readiness(iocb& control, int fd, bool to_read) noexcept {
  control = {};
  control.aio_lio_opcode = IO_CMD_POLL;
  control.aio_fildes = fd;
  // The events stand where a transfer has its buffer.
  const std::uintptr_t events = to_read ? POLLIN : POLLOUT;
  control.u.c.buf = reinterpret_cast<void*>(events);
}

}  // namespace kaio::iocb_of
