// SPDX-License-Identifier: MIT
// Waiting for something to end, and being woken from it.
#include <algorithm>
#include <cerrno>

#include "core/kernel/iocb.h"
#include "engine/core.h"
#include "sys/futex.h"

namespace kaio::engine {
namespace {

// As long as no poll can be had that ends the sleep.
constexpr std::int64_t look_again_ns = 10'000'000;

}  // namespace

std::size_t Core::wait(std::size_t at_least, std::int64_t deadline_ns) {
  user_.assert_here();
  std::size_t count = turn();
  while (count < at_least && sleep_until_news(deadline_ns)) count += turn();
  return count;
}

void Core::wait_to_give(std::int64_t deadline_ns, Room& room) {
  user_.assert_here();
  turn(&room);
  while (room.used_count == 0 && !room.is_full() && sleep_until_news(deadline_ns)) turn(&room);
}

// False: the wait is over.
bool Core::sleep_until_news(std::int64_t deadline_ns) noexcept {
  if (in_child() || woken_.exchange(false, std::memory_order_seq_cst) || under_way() == 0)
    return false;
  if (deadline_ns != INT64_MAX && sys::monotonic_ns() >= deadline_ns) return false;
  if (ended_.empty()) sleep(std::min(deadline_ns, deadlines_.first_ns()));
  return true;
}

// A wake() meanwhile is for the wait behind it.
void Core::complete_all() {
  user_.assert_here();
  bool was_woken = false;
  while ((under_way() != 0 || has_batch()) && !in_child()) {
    turn();
    if (under_way() == 0) continue;
    if (ended_.empty()) sleep(deadlines_.first_ns());
    was_woken |= woken_.exchange(false, std::memory_order_seq_cst);
  }
  if (was_woken) wake();
}

void Core::end_all() {
  user_.assert_here();
  ends_ = true;
  takes_ = false;
  complete_all();
}

void Core::rest() noexcept {
  user_.assert_here();
  if (ended_.empty()) sleep(deadlines_.first_ns());
  woken_.exchange(false, std::memory_order_seq_cst);
}

bool Core::has_news() const noexcept {
  return !results_.empty() || !to_cancel_.empty() || woken_.load(std::memory_order_seq_cst);
}

void Core::sleep(std::int64_t until_ns) noexcept {
  sleeps_.store(true, std::memory_order_seq_cst);
  if (!has_news()) {
    if (in_ring_ != 0 && !doorbell_is_asked_for_.load(std::memory_order_relaxed)) {
      sleep_in_ring(until_ns);
    } else if (doorbell_.wait(until_ns) == sys::Doorbell::Woken::gone && !doorbell_.ensure()) {
      sys::sleep_for(look_again_ns);
    }
  }
  sleeps_.store(false, std::memory_order_relaxed);
}

void Core::sleep_in_ring(std::int64_t until_ns) noexcept {
  std::int64_t timeout_ns = arm_wake() ? INT64_MAX : look_again_ns;
  if (until_ns != INT64_MAX)
    timeout_ns = std::min(timeout_ns, std::max(until_ns - sys::monotonic_ns(), INT64_C(0)));
  const timespec timeout = sys::to_timespec(timeout_ns);
  io_event events[events_max];
  const int count = context_.get_events(1, events, timeout_ns == INT64_MAX ? nullptr : &timeout);
  // A filter may refuse it while the ring can be read.
  if (count < 0 && count != -EINTR) sys::sleep_for(std::min(timeout_ns, look_again_ns / 10));
  if (count > 0) on_events({events, static_cast<std::size_t>(count)});
}

// False: it cannot be had now.
bool Core::arm_wake() noexcept {
  if (wake_is_armed_) return true;
  const int fd = doorbell_.number();
  if (fd < 0 && !doorbell_.ensure()) return false;
  iocb_of::readiness(wake_control_, doorbell_.number_unasked(), true);
  wake_control_.data = &wake_control_;
  iocb* control = &wake_control_;
  wake_is_armed_ = context_.submit({&control, 1}) == 1;
  in_ring_ += wake_is_armed_;
  polls_in_ring_ += wake_is_armed_;
  return wake_is_armed_;
}

// The eventfd is the parent's too.
void Core::notify() noexcept {
  if (in_child()) return;
  if (sleeps_.load(std::memory_order_seq_cst) ||
      doorbell_is_asked_for_.load(std::memory_order_seq_cst))
    doorbell_.signal();
}

void Core::wake() noexcept {
  woken_.store(true, std::memory_order_seq_cst);
  notify();
}

int Core::fd() {
  if (!doorbell_is_asked_for_.load(std::memory_order_relaxed)) {
    if (under_way() != 0)
      throw std::system_error(EBUSY, std::system_category(),
                              "kaio::Engine::fd(): call it first while nothing is under way");
    doorbell_is_asked_for_.store(true, std::memory_order_seq_cst);
  }
  return doorbell_.number_unasked();
}

void Core::announce_ended() noexcept {
  user_.assert_here();
  if (doorbell_is_asked_for_.load(std::memory_order_relaxed) && !ended_.empty()) doorbell_.signal();
}

}  // namespace kaio::engine
