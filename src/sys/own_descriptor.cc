// SPDX-License-Identifier: MIT
#include "sys/own_descriptor.h"

#include <array>
#include <cerrno>

#include "sys/clock.h"
#include "sys/descriptors.h"

namespace kaio::sys {
namespace {

// Does not stand in <signal.h>: the first signal number between the standard and the
// real-time ones.
constexpr long mark = 32;

// Who holds a number, by its lower bits: owners whose numbers collide there lose nothing but
// this second check.
std::array<std::atomic<const OwnDescriptor*>, 64> owners{};

std::atomic<const OwnDescriptor*>& owner_of(int number) noexcept {
  return owners[static_cast<unsigned>(number) % owners.size()];
}

// Where a filter refuses to set or to tell the mark, the number alone has to do.
std::atomic<bool> marks_work{true};

}  // namespace

bool OwnDescriptor::adopt(int made) noexcept {
  if (made < 0) return false;
  const int number = out_of_the_way(made);
  answered_ns_.store(0, std::memory_order_relaxed);
  long told = direct_call(SYS_fcntl, number, F_SETSIG, mark);
  if (told == 0) told = direct_call(SYS_fcntl, number, F_GETSIG);
  if (told == -EBADF) return false;  // closed by the program since it was made
  if (told != mark) marks_work.store(false, std::memory_order_relaxed);
  owner_of(number).store(this, std::memory_order_relaxed);
  // release: whoever sees the number sees its owner.
  number_.store(number, std::memory_order_release);
  return true;
}

int OwnDescriptor::number() const noexcept {
  const int number = number_unasked();
  if (number < 0 || !marks_work.load(std::memory_order_relaxed)) return number;
  const OwnDescriptor* const owner = owner_of(number).load(std::memory_order_relaxed);
  const bool taken_by_another =
      owner != this && owner != nullptr && owner->number_unasked() == number;
  return !taken_by_another && direct_call(SYS_fcntl, number, F_GETSIG) == mark ? number : -1;
}

int OwnDescriptor::number_lately() const noexcept {
  const std::int64_t now_ns = monotonic_ns();
  const std::int64_t answered_ns = answered_ns_.load(std::memory_order_relaxed);
  if (answered_ns != 0 && now_ns - answered_ns < answer_good_ns) return number_unasked();
  const int answer = number();
  answered_ns_.store(answer >= 0 ? now_ns : 0, std::memory_order_relaxed);
  return answer;
}

void OwnDescriptor::close() noexcept {
  const int held = number_unasked();
  if (held < 0) return;
  const int ours = number();
  number_.store(-1, std::memory_order_relaxed);
  const OwnDescriptor* self = this;
  owner_of(held).compare_exchange_strong(self, nullptr, std::memory_order_relaxed);
  if (ours >= 0) close_descriptor(ours);
}

}  // namespace kaio::sys
