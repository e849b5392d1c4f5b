// SPDX-License-Identifier: MIT
#include "posix/wait/reaper.h"

#include <algorithm>

namespace kaio {
namespace {

constexpr std::int64_t debt_look_ns = 50'000'000;
constexpr std::int64_t lost_look_ns = 10'000'000;

class UntilOutOfDebt final : public WaitSet {
 public:
  explicit UntilOutOfDebt(const Harvester& harvester) noexcept : harvester_(harvester) {}
  bool done() const override { return !harvester_.in_debt(); }
  OnRing on_ring() const override { return OnRing::some; }
  bool mark() override { return done(); }
  bool cancellable() const override { return false; }

 private:
  const Harvester& harvester_;
};

}  // namespace

int Reaper::replace_doorbell() noexcept {
  sys::MutexLock lock(doorbell_mutex_);
  sys::Doorbell& doorbell = harvester_.context().doorbell();
  if (doorbell.number() < 0) {  // no other thread has been faster
    if (!doorbell.ensure()) return -1;
    looks_for_lost_.store(true, std::memory_order_seq_cst);
    abandon();
    LazyThread::ensure_running();
  }
  return doorbell.number();
}

// False: another thread leads, and rings when it leaves in debt.
bool Reaper::lead(std::int64_t time_ns) {
  UntilOutOfDebt until_out_of_debt(harvester_);
  const auto led = harvester_.lead(sys::monotonic_ns() + time_ns, until_out_of_debt);
  sink_.drain();
  return led != Harvester::Led::busy;
}

void Reaper::run(Turn turn) {
  bool listens = false;
  const auto listen = [&](bool does) {
    listens = does;
    harvester_.reaper_listens(does);
  };
  for (;;) {
    harvester_.harvest();
    sink_.drain();
    if (is_replaced(turn)) return;
    if (harvester_.requests_in_kernel() == 0) looks_for_lost_.store(false);
    std::int64_t pause_ns = periodic_.try_again();
    if (looks_for_lost_.load()) pause_ns = std::min(pause_ns, lost_look_ns);
    // Left to a leader that may be gone.
    if (harvester_.context().ready() && harvester_.something_visible())
      pause_ns = std::min(pause_ns, debt_look_ns);
    // Bounded: io_submit may have refused for want of something else than a place.
    if (harvester_.in_debt() && harvester_.context().ready() &&
        lead(std::min(pause_ns, debt_look_ns))) {
      listen(false);
      continue;
    }
    if (harvester_.in_debt()) pause_ns = std::min(pause_ns, harvester_.look_at_leader_ns());
    if (!listens) {  // before it sleeps, everything once more: nobody rang until now
      listen(true);
      continue;
    }
    const auto heard = harvester_.context().doorbell().wait(
        sys::monotonic_ns() + std::min(pause_ns, sys::thread_idle_ns));
    if (is_replaced(turn)) return;
    listen(false);
    if (heard == sys::Doorbell::Heard::gone) {
      restore_doorbell();
    } else if (heard == sys::Doorbell::Heard::timed_out && pause_ns == sys::forever &&
               may_end(turn, [this] { return is_needed(); })) {
      return;
    }
  }
}

// Iocbs that are submitted for requests which waited elsewhere ring its doorbell too.
bool Reaper::is_needed() const noexcept {
  return periodic_.is_due() || harvester_.in_debt() || harvester_.requests_in_kernel() != 0;
}

// By the reaper itself, which is awake.
void Reaper::restore_doorbell() noexcept {
  {
    sys::MutexLock lock(doorbell_mutex_);
    looks_for_lost_.store(true);
    if (harvester_.context().doorbell().ensure()) return;
  }
  sys::sleep_for(lost_look_ns);
}

}  // namespace kaio
