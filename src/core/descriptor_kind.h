// SPDX-License-Identifier: MIT
// What a descriptor is; which stream is tried how, and waits how.
//
// A transfer is tried first and waits only when that said EAGAIN: many things end at
// once although no poll ever says so (the wrong end of a pipe, a FIFO that no writer
// has opened, an epoll descriptor, a listening socket), and a datagram may fit although
// poll sees no room. (Where a thread would have to try, reads of pipes and sockets of which
// poll does say all that may be wait first.) The first try is with RWF_NOWAIT. Where that is not
// known (pipes and sockets before Linux 6.4 or so, FIFOs with a name, terminals, most devices) each
// kind has a way of its own, none of which touches O_NONBLOCK, which others share:
//
//   kind      tried by (core/threads/stream_io.h)                   waits by
//   socket    MSG_DONTWAIT                                  IOCB_CMD_POLL
//   pipe      an open file description of our own, which    IOCB_CMD_POLL
//             is non-blocking; else poll, and up to
//             PIPE_BUF bytes
//   terminal  poll, then the same where it is the slave     epoll
//             of a pty; else a little at a time
//   stream    poll, then the plain call: signalfd, timerfd, epoll
//             eventfd, inotify, fanotify, userfaultfd,
//             /dev/kmsg, trace_pipe, devices without a
//             position
//
// IOCB_CMD_POLL looks again from a kernel worker, and has one wait queue only. So it does
// for pipes and sockets, whose readiness depends on no task; a signalfd's does (it is
// that of the signals of the task that looks), and a terminal has two queues. What waits
// by epoll is looked at by a thread of the process: it sees the signals that are sent to
// the process. Those sent to one thread are seen by that thread alone, as by read().
//
// A socket whose wait is limited by SO_RCVTIMEO or SO_SNDTIMEO, and a terminal whose is by
// VTIME, wait by epoll as well, which knows of time. So does whatever was found ready, and
// then had nothing after all (a socket with a message in its error queue, a pipe whose
// bytes another reader took): there it is looked at again when something happens to it,
// not as long as it says that it is ready (core/readiness/watcher.h).
#pragma once

#include <cstdint>

namespace kaio {

enum class DescriptorKind : std::uint8_t {
  unknown,    // not asked yet
  regular,    // a file with a position: transfers are full, or end at its end
  block,      // a block device
  character,  // /dev/zero and the like: neither order nor fullness
  // Streams have an order, and no place.
  stream,  // any but the following: eventfd, trace_pipe ...
  pipe,
  socket,
  terminal,
};

constexpr bool is_stream(DescriptorKind kind) noexcept { return kind >= DescriptorKind::stream; }

// RLIMIT_FSIZE does not matter to writes. (To those of a stream it may: a file without a position
// can be a file system's.)
constexpr bool has_no_size_limit(DescriptorKind kind) noexcept {
  return kind == DescriptorKind::block || kind == DescriptorKind::pipe ||
         kind == DescriptorKind::socket;
}

constexpr bool waits_in_kernel(DescriptorKind kind) noexcept {
  return kind == DescriptorKind::pipe || kind == DescriptorKind::socket;
}

}  // namespace kaio
