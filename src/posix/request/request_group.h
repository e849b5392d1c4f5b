// SPDX-License-Identifier: MIT
// What the requests of one lio_listio() share: how many are not done yet, and
// what happens when none is left. It lives in a slab of ours and not in the
// caller's frame, which an interrupted LIO_WAIT leaves behind.
#pragma once

#include "posix/request/notification.h"
#include "sys/futex.h"

namespace kaio {

struct RequestGroup : Notifiable {
  // Requests whose status is not final, or, if the group is told, whose own notification has
  // not been sent; plus one while the caller still submits. Whoever takes it to 0 sends the
  // group's notification and drops a reference.
  std::atomic<std::uint32_t> remaining{0};
  // The requests together hold one, a caller that waits holds another.
  std::atomic<std::uint32_t> references{0};
  // For a caller that waits: 1 when all are done (a futex word).
  sys::FutexWord all_done{0};
  std::atomic<bool> failed{false};  // some request ended with an error

  std::atomic<std::uint32_t> next_free{0};
  std::uint32_t slot = 0;

  // It has a notification of its own, and nobody waits for it.
  bool is_told() const noexcept { return notification.kind != Notification::Kind::none; }
};

}  // namespace kaio
