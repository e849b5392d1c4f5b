// SPDX-License-Identifier: MIT
#include "kernel/reaper.h"

#include <algorithm>
#include <poll.h>

#include "sys/thread.h"

namespace kaio {
namespace {

constexpr std::int64_t debt_look_ns = 50'000'000;

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

bool Reaper::start() noexcept {
  sys::MutexLock lock(start_mutex_);
  if (running_.load(std::memory_order_relaxed)) return true;
  harvester_.context().available();  // makes the doorbell
  if (harvester_.context().doorbell() < 0) return false;
  const int outcome = sys::start_thread(
      [](void* self) -> void* { static_cast<Reaper*>(self)->run(); }, this);
  if (outcome != 0) return false;
  statistics_.count(Count::threads_started);
  running_.store(true, std::memory_order_release);
  return true;
}

void Reaper::run() {
  sys::name_this_thread("kaio-reaper");
  bool listens = false;
  const auto listen = [&](bool does) {
    listens = does;
    harvester_.reaper_listens(does);
  };
  for (;;) {
    harvester_.harvest();
    sink_.drain();
    const std::int64_t pause_ns = periodic_.try_again();
    if (harvester_.in_debt() && harvester_.context().ready()) {
      // Bounded: io_submit may have refused for want of something else than a place.
      const sys::Deadline deadline = sys::monotonic_ns() + std::min(pause_ns, debt_look_ns);
      UntilOutOfDebt until_out_of_debt(harvester_);
      const auto led = harvester_.lead(deadline, until_out_of_debt);
      sink_.drain();
      // Another leader: it rings when it leaves in debt.
      if (led != Harvester::Led::busy) {
        listen(false);
        continue;
      }
    }
    if (listens) sleep(pause_ns);
    // Before it sleeps, everything once more: who had debt until now saw nobody listen.
    listen(!listens);
  }
}

void Reaper::sleep(std::int64_t time_ns) noexcept {
  const int doorbell = harvester_.context().doorbell();
  if (time_ns != sys::forever) {
    pollfd look{.fd = doorbell, .events = POLLIN, .revents = 0};
    const timespec timeout = sys::to_timespec(time_ns);
    if (::ppoll(&look, 1, &timeout, nullptr) <= 0) return;
  }
  sys::hear(doorbell);
}

}  // namespace kaio
