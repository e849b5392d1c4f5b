// SPDX-License-Identifier: MIT
#include "posix/notify/callback_threads.h"

#include <algorithm>
#include <memory>
#include <unistd.h>

#include "posix/request/probes.h"
#include "sys/signals_held.h"
#include "sys/calls.h"
#include "sys/clock.h"
#include "sys/thread.h"

namespace kaio {
namespace {

constexpr std::int64_t look_interval_ns = 2'000'000;
constexpr std::int64_t stuck_ns = 4'000'000;
constexpr std::int64_t lost_look_ns = 10'000'000;
constexpr unsigned quiet_looks_max = 10;   // then the spare goes to sleep
constexpr std::uint32_t threads_kept = 2;  // one to run callbacks, one spare

void set_mask(const sigset_t& mask) noexcept { ::pthread_sigmask(SIG_SETMASK, &mask, nullptr); }

void block_signals() noexcept { set_mask(sys::signals_to_hold()); }

}  // namespace

class CallbackThreads::Presence {
 public:
  explicit Presence(CallbackThreads& threads) noexcept : threads_(threads) { state_.note(); }

  ThreadState& state() noexcept { return state_; }

  void set_busy(bool busy) noexcept {
    if (busy == busy_) return;
    busy_ = busy;
    sys::MutexLock lock(threads_.mutex_);
    // seq_cst: a pusher that saw us busy left its item to us; we look at the queue
    // once more after this.
    if (busy) {
      threads_.busy_count_.fetch_add(1);
      give_ups_seen_ = threads_.give_up_count_;
    } else {
      threads_.stop_being_lost(give_ups_seen_);
      threads_.busy_count_.fetch_sub(1);
    }
  }

  // Of the next callback: the one before it has returned. Not earlier, as the thread is busy, and
  // may be given up, in between too: a handler of the program's runs there.
  void begin() noexcept {
    sys::MutexLock lock(threads_.mutex_);
    give_ups_seen_ = threads_.stop_being_lost(give_ups_seen_);
  }

  // A callback that ends the thread comes through here too.
  ~Presence() {
    block_signals();
    if (threads_.forgotten_.load()) return;
    const bool may_start_others = state_.bring_back();
    set_busy(false);
    threads_.statistics_.count(Count::threads_ended);
    threads_.thread_count_.fetch_sub(1);
    // Requests may be on their way to the doorbell, even if nothing is queued.
    if (threads_.promised_.load() == 0 && threads_.queue_empty()) return;
    if (threads_.thread_count_.load() <= threads_.busy_count_.load()) {
      if (!may_start_others || (!threads_.start_thread() && threads_.thread_count_.load() == 0))
        threads_.owner_.wants_retry();
    } else if (threads_.nobody_runs() || !threads_.queue_empty()) {
      threads_.call_idle();
    }
  }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

 private:
  CallbackThreads& threads_;
  ThreadState state_;
  bool busy_ = false;
  std::uint32_t give_ups_seen_ = 0;  // of give_up_count_, as of the last callback's begin
};

bool CallbackThreads::ensure_now(bool by_program) noexcept {
  sys::MutexLock lock(mutex_);
  // Callbacks run with the mask of whoever first asks for one. The reaper may have been faster to
  // start a thread, which has nothing to run yet.
  if (by_program && (thread_count_.load() == 0 || !mask_is_noted_.load())) {
    ::pthread_sigmask(SIG_SETMASK, nullptr, &program_mask_);
    mask_is_noted_.store(true);
  }
  const std::uint32_t turn = doorbell_turn_.load();
  if (!ensure_doorbell()) return false;
  const bool is_new = doorbell_turn_.load() != turn;
  if ((!is_new && thread_count_.load() > busy_count_.load()) || start_thread()) return true;
  if (is_new) call_idle();
  // Those that run callbacks will be back, most probably; otherwise the reaper tries again.
  return thread_count_.load() != 0;
}

bool CallbackThreads::ensure_doorbell() noexcept {
  if (doorbell_.number() >= 0) return true;
  if (!doorbell_.ensure()) return false;
  // A thread that listens to an earlier one no longer counts. Requests that are to signal that
  // one have to be looked for.
  looks_for_lost_.store(doorbell_turn_.fetch_add(1) != 0);
  listening_.store(false);
  return true;
}

bool CallbackThreads::ensure_queue_runs() noexcept {
  const bool replaces = replacement_wanted_.exchange(false);
  if (!replaces && promised_.load() == 0 && queue_empty()) return true;
  const std::uint32_t count = thread_count_.load();
  if (count == 0) return ensure_now(false);
  const std::uint32_t unfit = busy_count_.load() + (replaces ? 1 : 0);  // it may be idle by now
  if (unfit < count || count >= limits::callback_threads_max || start_thread()) return true;
  if (replaces) replacement_wanted_.store(true);
  return false;
}

bool CallbackThreads::start_thread() noexcept {
  thread_count_.fetch_add(1);
  const int outcome = sys::start_thread(
      [](void* self) -> void* {
        static_cast<CallbackThreads*>(self)->work();
        return nullptr;
      },
      this, sys::Stack::programs);
  outcome == 0 ? statistics_.count(Count::threads_started) : void(thread_count_.fetch_sub(1));
  return outcome == 0;
}

bool CallbackThreads::run(Notifiable& item) noexcept {
  // Whoever pushed onto nothing wakes a thread, which finds all that came until then: a
  // batch of completions costs one wake-up. seq_cst throughout: see Presence::set_busy.
  if (incoming_.push(item) && (nobody_runs() || watch_count_.load() == 0)) call_idle();
  return thread_count_.load() != 0;
}

void CallbackThreads::call_idle(int count) noexcept {
  if (listening_.load()) {
    doorbell_.signal();
    if (count == 1) return;
  }
  work_.fetch_add(1);
  sys::futex_wake(&work_, count);
}

void CallbackThreads::work() {
  sys::name_this_thread("kaio-callback");
  ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
  Presence presence(*this);
  while (wait_for_work()) run_all(presence);
}

void CallbackThreads::run_all(Presence& presence) {
  do {
    presence.set_busy(true);
    presence.state().resume() ? keep_spare() : retire();
    owner_.reap();  // before a callback: all that the doorbell was signalled for
    Notifiable* item = take();
    if (item != nullptr) call_watcher();
    for (; item != nullptr; item = take_or_reap()) {
      // It may never return, and others count on a watcher that may have left off.
      if (!queue_empty()) call_watcher();
      const Notification notification = item->notification;
      probes::notify(*item);
      owner_.sent(*item);
      taken_.fetch_add(1);
      presence.begin();
      call(notification, presence.state());
      end_if_forgotten();
    }
    presence.set_busy(false);
  } while (!queue_empty());
}

bool CallbackThreads::wait_for_work() {
  for (;;) {
    std::uint32_t seen = work_.load();
    const bool others_run = !nobody_runs();
    if (!queue_empty() && (!others_run || volunteer())) return true;
    bool may_listen = !others_run;
    std::uint32_t nobody = 0;
    if (others_run && watch_count_.compare_exchange_strong(nobody, 1)) {
      const bool take_part = watch();
      watch_count_.store(0);
      if (take_part) return true;
      // Nothing was handed over for a while, or nobody listens: this thread does.
      seen = work_.load();
      if (!queue_empty()) continue;
      may_listen = true;
    }
    const Listened listened = may_listen ? listen() : Listened::another_does;
    if (listened == Listened::may_end) return false;
    if (listened == Listened::signalled) {
      if (nobody_runs()) return true;
      owner_.reap();
    } else if (!sleep(seen)) {
      return false;
    }
  }
}

CallbackThreads::Listened CallbackThreads::listen() noexcept {
  bool nobody = false;
  if (!listening_.compare_exchange_strong(nobody, true)) return Listened::another_does;
  const std::uint32_t turn = doorbell_turn_.load();
  const std::uint32_t taken_before = taken_.load();
  auto woken = sys::Doorbell::Woken::signalled;
  idle_count_.fetch_add(1);
  // Once more: those that handed over before saw nobody listen.
  if (queue_empty()) {
    const bool looks = looks_for_lost_.load();
    woken = doorbell_.wait(sys::monotonic_ns() + (looks ? lost_look_ns : sys::thread_idle_ns));
    if (looks && promised_.load() == 0) looks_for_lost_.store(false);
  }
  idle_count_.fetch_sub(1);
  if (doorbell_turn_.load() == turn) listening_.store(false);
  if (woken == sys::Doorbell::Woken::signalled) return Listened::signalled;
  if (is_needless(taken_before)) {
    call_idle();  // if there is another one, it listens in our place
    return Listened::may_end;
  }
  if (woken == sys::Doorbell::Woken::gone) restore_doorbell();
  return Listened::signalled;
}

// By a thread that listened to the one which the program has closed.
void CallbackThreads::restore_doorbell() noexcept {
  mutex_.lock();
  const bool made = ensure_doorbell();
  mutex_.unlock();
  if (!made) sys::futex_wait(work_, work_.load(), sys::monotonic_ns() + lost_look_ns);
}

bool CallbackThreads::sleep(std::uint32_t seen) noexcept {
  const std::uint32_t taken_before = taken_.load();
  idle_count_.fetch_add(1);
  const int outcome = sys::futex_wait(work_, seen, sys::monotonic_ns() + sys::thread_idle_ns);
  idle_count_.fetch_sub(1);
  if (outcome != ETIMEDOUT) return true;
  return thread_count_.load() - busy_count_.load() <= threads_kept && !is_needless(taken_before);
}

// Whether this idle thread is to run callbacks although others do.
bool CallbackThreads::volunteer() noexcept {
  std::uint32_t wanted = volunteers_.load();
  while (wanted != 0)
    if (volunteers_.compare_exchange_weak(wanted, wanted - 1)) return true;
  return false;
}

bool CallbackThreads::watch() {
  unsigned quiet_looks = 0;
  std::uint32_t last_taken = taken_.load();
  std::int64_t taken_ns = sys::monotonic_ns();
  while (quiet_looks < quiet_looks_max) {
    sys::futex_wait(work_, work_.load(), sys::monotonic_ns() + look_interval_ns);
    owner_.reap();
    if (queue_empty()) {
      // The thread that ran callbacks is gone.
      if (nobody_runs() && !listening_.load()) return false;
      ++quiet_looks;
      continue;
    }
    quiet_looks = 0;
    if (nobody_runs()) return true;
    const std::int64_t now_ns = sys::monotonic_ns();
    if (taken_.load() != last_taken) {
      last_taken = taken_.load();
      taken_ns = now_ns;
    } else if (now_ns - taken_ns >= stuck_ns) {
      // Threads that are on their way and have not got a processor yet: it is that
      // which is short, and more of them would not help.
      const std::uint32_t busy = busy_count_.load();
      const std::uint32_t idle = idle_count_.load();
      if (thread_count_.load() > busy + idle + 1) continue;
      // Stuck. Others that will be stuck as well may be queued: do not let the
      // last one wait for as many looks as there are callbacks before it.
      give_up_on_busy();
      const std::uint32_t from_idle = std::min(busy, idle);
      volunteers_.store(from_idle);
      call_idle(static_cast<int>(idle));
      for (std::uint32_t more = busy - from_idle; more > 0; --more)
        if (thread_count_.load() >= limits::callback_threads_max || !start_thread()) break;
      return true;
    }
  }
  return false;
}

void CallbackThreads::keep_spare() noexcept {
  if (busy_count_.load() < thread_count_.load() ||
      thread_count_.load() >= limits::callback_threads_max)
    return;
  if (!start_thread()) owner_.wants_retry();  // the callback may never return
}

// The thread that runs callbacks may be stuck in one.
void CallbackThreads::call_watcher() noexcept {
  if (watch_count_.load() == 0) call_idle();
}

// Those that are busy now are not counted upon until their callback has returned.
void CallbackThreads::give_up_on_busy() noexcept {
  sys::MutexLock lock(mutex_);
  ++give_up_count_;
  lost_count_.store(busy_count_.load());
}

// By a busy thread. `seen`: what the count of give-ups was when it last said that it was there.
std::uint32_t CallbackThreads::stop_being_lost(std::uint32_t seen) noexcept {
  if (seen != give_up_count_) lost_count_.fetch_sub(1);
  return give_up_count_;
}

// The child of a fork, in the callback or in a handler, has returned from it.
void CallbackThreads::end_if_forgotten() const {
  if (forgotten_.load()) ::pthread_exit(nullptr);
}

void CallbackThreads::call(const Notification& notification, ThreadState& state) {
  statistics_.count(Count::notified_thread);
  const bool attributed = notification.kind == Notification::Kind::attributed_callback;
  const auto function = attributed ? notification.attributed->function : notification.function;
  // No thread to be had: better here than never.
  if (!attributed && fresh_.load() &&
      own_threads_.start(function, notification.value, program_mask_))
    return;
  // Every time: the callback before may have changed it. Until the next one it stays as that
  // leaves it; blocking all again in between took a fourteenth of the rate.
  set_mask(program_mask_);
  end_if_forgotten();
  // What a handler submitted that found our mutex held: the callback may never return.
  owner_.drain();
  if (attributed && call_attributed(notification.attributed, notification.value)) return;
  call_here(function, notification.value, state);
}

bool CallbackThreads::call_attributed(AttributedCallback* attributed, sigval value) {
  const bool started = OwnThreads::start(*attributed, value, program_mask_);
  attributed->release();
  return started;
}

// The callback may cancel its thread, as it may end it, and both take effect before the next.
void CallbackThreads::call_here(NotifyFunction function, sigval value, ThreadState& state) {
  state.begin();
  ::pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
  function(value);
  ::pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
  ::pthread_testcancel();
  ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
  end_if_forgotten();
  if (!state.end(function)) retire();
}

// A callback left this thread in a state that others must not meet, nor inherit: another one has
// to take its place. If there is none, callbacks run in that state until the reaper has made one.
void CallbackThreads::retire() {
  if (busy_count_.load() < thread_count_.load()) ::pthread_exit(nullptr);
  replacement_wanted_.store(true);
  owner_.wants_retry();
}

Notifiable* CallbackThreads::take() noexcept {
  sys::MutexLock lock(mutex_);
  if (queue_ == nullptr) queue_ = incoming_.take_in_order();
  Notifiable* item = queue_;
  if (item != nullptr) queue_ = item->next_item;
  return item;
}

Notifiable* CallbackThreads::take_or_reap() {
  if (Notifiable* item = take()) return item;
  // A handler that interrupts this thread while it reaps could not wait for what it has taken.
  block_signals();
  end_if_forgotten();
  owner_.reap();
  return take();
}

bool CallbackThreads::queue_empty() noexcept {
  if (!incoming_.empty()) return false;
  sys::MutexLock lock(mutex_);
  return queue_ == nullptr;
}

void CallbackThreads::forget_after_fork() noexcept {
  forgotten_.store(true);
  doorbell_.close();
}

}  // namespace kaio
