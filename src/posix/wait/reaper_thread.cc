// SPDX-License-Identifier: MIT
#include "posix/wait/reaper_thread.h"

#include <algorithm>

#include "sys/futex.h"

namespace kaio {
namespace {

constexpr std::int64_t required_look_ns = 50'000'000;
constexpr std::int64_t lost_look_interval_ns = 10'000'000;

class UntilCalled final : public WaitSet {
 public:
  UntilCalled(const RingReaper& ring_reaper, const std::atomic<bool>& called) noexcept
      : ring_reaper_(ring_reaper), called_(called) {}
  bool done() const override {
    return called_.load(std::memory_order_seq_cst) || !ring_reaper_.reaping_required();
  }
  OnRing on_ring() const override { return OnRing::some; }
  bool mark() override { return done(); }
  bool cancellable() const override { return false; }

 private:
  const RingReaper& ring_reaper_;
  const std::atomic<bool>& called_;
};

}  // namespace

int ReaperThread::replace_doorbell() noexcept {
  sys::MutexLock lock(doorbell_mutex_);
  sys::Doorbell& doorbell = ring_reaper_.context().doorbell();
  if (doorbell.number() < 0) {  // no other thread has been faster
    if (!doorbell.ensure()) return -1;
    looks_for_lost_.store(true, std::memory_order_seq_cst);
    abandon();
    LazyThread::ensure_running();
  }
  return doorbell.number();
}

// False: another thread leads, and signals when it leaves and reaping is required.
bool ReaperThread::lead(std::int64_t time_ns) {
  UntilCalled until_called(ring_reaper_, called_);
  const auto led = ring_reaper_.lead(sys::monotonic_ns() + time_ns, until_called);
  sink_.drain();
  return led != RingReaper::Led::busy;
}

void ReaperThread::run(Turn turn) {
  bool listens = false;
  const auto listen = [&](bool does) {
    listens = does;
    ring_reaper_.reaper_listens(does);
  };
  for (;;) {
    called_.store(false, std::memory_order_seq_cst);
    ring_reaper_.reap();
    sink_.drain();
    if (is_replaced(turn)) return;
    if (ring_reaper_.requests_in_kernel() == 0) looks_for_lost_.store(false);
    std::int64_t pause_ns = periodic_.try_again();
    if (looks_for_lost_.load()) pause_ns = std::min(pause_ns, lost_look_interval_ns);
    // Left to a leader that may be gone.
    if (ring_reaper_.context().ready() && ring_reaper_.something_visible())
      pause_ns = std::min(pause_ns, required_look_ns);
    // Bounded: io_submit may have refused for want of something else than a place.
    if (ring_reaper_.reaping_required() && ring_reaper_.context().ready() &&
        lead(std::min(pause_ns, required_look_ns))) {
      listen(false);
      continue;
    }
    if (ring_reaper_.reaping_required())
      pause_ns = std::min(pause_ns, ring_reaper_.look_at_leader_ns());
    if (!listens) {  // before it sleeps, everything once more: nobody signalled until now
      listen(true);
      continue;
    }
    const auto woken = ring_reaper_.context().doorbell().wait(
        sys::monotonic_ns() + std::min(pause_ns, sys::thread_idle_ns));
    if (is_replaced(turn)) return;
    listen(false);
    if (woken == sys::Doorbell::Woken::gone) {
      restore_doorbell();
    } else if (woken == sys::Doorbell::Woken::timed_out && pause_ns == sys::forever &&
               may_end(turn, [this] { return is_needed(); })) {
      return;
    }
  }
}

// Iocbs that are submitted for requests which waited elsewhere signal its doorbell too.
bool ReaperThread::is_needed() const noexcept {
  return periodic_.is_due() || ring_reaper_.reaping_required() ||
         ring_reaper_.requests_in_kernel() != 0;
}

// By the reaper itself, which is awake.
void ReaperThread::restore_doorbell() noexcept {
  {
    sys::MutexLock lock(doorbell_mutex_);
    looks_for_lost_.store(true);
    if (ring_reaper_.context().doorbell().ensure()) return;
  }
  sys::sleep_for(lost_look_interval_ns);
}

}  // namespace kaio
