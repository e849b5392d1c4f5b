// SPDX-License-Identifier: MIT
// Notifications of every kind. Proves that each comes exactly once (an ordinary signal,
// which does not queue, at most once), by the way that was asked for, with its own value,
// when the status is visible, and that of a list behind those of its elements.
#pragma once

#include "chance.h"

#include <aio.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace random_test {

enum class Way : unsigned {
  none,
  signal,
  realtime,
  interrupting,
  thread_id,
  callback,
  callback_apart,
  eventfd,
  count
};
const char* name_of(Way way);

struct Ticket {
  static constexpr std::size_t parts_max = 8;

  Way way = Way::none;
  std::atomic<int> count{0};
  int thread = 0;               // thread_id: who is to get it
  const aiocb* held = nullptr;  // stays until the notification came: its status is looked at
  std::array<const Ticket*, parts_max> parts{};  // of a list, sent in order before this one
  std::array<const aiocb*, parts_max> list{};    // of a list, all of which stay
  int list_event = -1;  // to which each of a list's elements was to add one
  unsigned list_event_count = 0;
};

namespace notices {

// Handlers and eventfd, once in a process.
void install();
// What is asked for in `event`.
Ticket& attach(sigevent& event, Way way, const aiocb* held);
// The call was refused: it will not come.
void withdraw(Ticket& ticket);
// Whether it has come; true for those of which that is not known.
bool arrived(const Ticket& ticket);
// While nothing is outstanding: waits for what has not come, reports, and forgets.
void settle();
// Those that have not come, to stderr.
void describe();
// Handlers have run in this thread, and when the last of those without SA_RESTART ended.
long handler_runs();
std::int64_t last_interruption_ns();
// Called by handlers in the thread that they interrupted, and by callbacks.
void set_action(void (*action)(Chance& chance, bool in_signal_handler));

}  // namespace notices
}  // namespace random_test
