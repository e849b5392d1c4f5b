// SPDX-License-Identifier: MIT
// Taking completions out of the kernel's ring: who may, who sleeps where, and why
// no completion is left behind.
//
// Harvesting. Any thread may harvest, whenever it passes by: the submitter right
// after io_submit, a caller of aio_error or aio_suspend, the reaper, a thread that
// runs callbacks. One at a time (the harvest lock), because taking moves the ring's
// head. Nobody ever waits for that lock: who finds it taken goes on, because the
// holder looks at the ring again after giving it up. (Holder: unlock, full fence,
// look at the ring. Other: sees an event, tries the lock. The event was in the ring
// before the try; so if the try failed, the holder's look comes after, and finds it.)
//
// Leading. One thread may sleep in io_getevents, holding the lock all the while:
// the leader; the lock says that it sleeps. When an event arrives the kernel wakes it,
// and no second thread is involved. A thread that wants to sleep while another leads is
// a follower: it sleeps on futexes (posix/wait/waiter.h), one of them `leadership`. The
// leader completes everybody's requests while it leads.
//
// Handing over. Who gives up the lock, for whatever reason, then looks (after the
// full fence): events left: harvests again. Followers: wakes one, which tries to
// lead. Debt: rings for the reaper. A follower counts itself before it looks for a
// leader the last time, so one of the two sees the other.
//
// Debt counts the reasons why completions cannot wait until the program looks for
// them: requests held back by order, by a fence or by a full ring. While there is
// debt and no other leader, the reaper leads. It is rung for only while it listens: before
// it sleeps it says so, and looks at everything once more.
//
// Calling the leader. Requests may also end off the ring, by the pool, or leave it,
// because io_submit refused them. So the ring holds a poll of an eventfd, armed by
// the first leader; call_leader() adds to that eventfd. If the program has closed its
// number, the poll is cancelled instead, which brings its event as well, only later.
//
// Signal handlers. A handler may interrupt the holder of the lock, and harvest:
// the lock knows its thread, and a nested harvest simply takes the next events.
// Everything the lock guards is taken by one atomic step (Ring::take, take_handed).
// The leader it interrupted may be on its way to sleep, for what the handler has just
// taken: so a handler that harvested in a leader's thread calls that leader, after
// arming the call once more if it took that event as well.
//
// Cancellation. The leader's sleep is a cancellation point when the caller made it
// one. io_getevents hands one event over besides; it goes to `handed_`, which is
// the harvester's, so a leader that is cancelled with an event in its hand leaves
// it to whoever harvests next.
//
// Jumps. A handler may leave the leader's sleep by siglongjmp(), and the lock stays as it
// is. The thread itself finds that the frame is gone when it waits again. Whoever else
// finds a leader asleep for gone_after_ns beside an event takes the lock from it, and
// whoever depends on a leader looks so often. It may be a leader that only gets no
// processor: so a leader takes its own lock back after its sleep, by one atomic step, and
// has lost it if it cannot. What the kernel has handed over to that one meanwhile is in a
// place that nobody else uses any more. Only with the ring at hand.
//
// test/model/ has all of this as models that spin exhausts: to be changed together.
#pragma once

#include "core/answer_sink.h"
#include "core/kernel/context.h"
#include "sys/clock.h"

namespace kaio {

// What somebody who would lead waits for; asked when it has the lock.
class WaitSet {
 public:
  enum class OnRing : std::uint8_t { none, some, all };

  // Something that was waited for is there.
  virtual bool done() const = 0;
  // Which of the rest will end by an event in the ring and in no other way.
  virtual OnRing on_ring() const = 0;
  // Sees to it that the end of those that do not calls the leader. Then done().
  virtual bool mark() = 0;
  // The sleep is a cancellation point.
  virtual bool cancellable() const = 0;

 protected:
  ~WaitSet() = default;
};

class Harvester {
 public:
  Harvester(Context& context, AnswerSink& sink) noexcept : context_(context), sink_(sink) {}

  // Handles every completion that is there. Never waits; async-signal-safe. The
  // caller drains the sink afterwards.
  void harvest() {
    if (!nothing_there()) harvest_now();
  }
  // No completion to harvest, as far as can be seen for nothing.
  bool nothing_there() const noexcept {
    if (!context_.ready()) return true;
    // Without the ring only the kernel knows: look whenever a request is in flight.
    return !something_visible() && (context_.ring().usable() || requests_in_kernel() == 0);
  }

  // A completion that nobody has handled yet; without the ring, only such as the kernel
  // has handed over.
  bool something_visible() const noexcept {
    return something_handed() || (context_.ring().usable() && !context_.ring().empty());
  }

  enum class Led : std::uint8_t {
    busy,         // another thread leads
    harvested,    // events came and were handled, or were there already
    interrupted,  // a signal handler ran
    timed_out,
  };

  // Sleeps until a completion comes, if nobody else does, and handles it. May be
  // left by a forced unwind when the calling thread is cancelled meanwhile.
  Led lead(sys::Deadline deadline, WaitSet& waits);

  // Ends the sleep of a leader that is callable, also of the one that the calling
  // handler interrupted. Async-signal-safe.
  void call_leader() noexcept;

  // For the scope of a handler's own wait: it leads in place of the leader that it
  // interrupted, if it did, and calls that one in the end.
  class OverLeader {
   public:
    explicit OverLeader(Harvester& harvester) noexcept;
    ~OverLeader();
    OverLeader(const OverLeader&) = delete;
    OverLeader& operator=(const OverLeader&) = delete;

   private:
    Harvester& harvester_;
    bool over_leader_;
  };

  // How long a thread that depends on the leader may sleep before it looks whether that one
  // is still there; the more depend on it, the longer. sys::forever: it need not look.
  std::int64_t look_at_leader_ns() const noexcept;

  // Somebody leads, or is just harvesting.
  bool led() const noexcept { return owner_.load(std::memory_order_seq_cst) != 0; }

  // Somebody may have completions in its hands. While it says no, each request that another
  // thread was seen to take off the ring before has been completed.
  bool completing() const noexcept {
    return led() && !being_callable_.load(std::memory_order_seq_cst);
  }

  // This thread is, or a frame of it that a handler interrupted.
  bool held_here() const noexcept {
    return (owner_.load(std::memory_order_relaxed) & ~asleep) == sys::this_thread();
  }

  // True in a signal handler that interrupted this thread's harvest, other than in
  // its sleep. Such a handler cannot lead: the frame below may have an event in its
  // hands that nobody else can complete.
  bool interrupted_here() const noexcept {
    return owner_.load(std::memory_order_relaxed) == sys::this_thread();
  }

  void add_debt() noexcept;
  void remove_debt() noexcept { debt_.fetch_sub(1, std::memory_order_seq_cst); }
  bool in_debt() const noexcept { return debt_.load(std::memory_order_seq_cst) != 0; }
  // Whether the reaper is asleep, or will be if its next look finds nothing to do.
  void reaper_listens(bool listens) noexcept {
    reaper_listens_.store(listens, std::memory_order_seq_cst);
  }

  // For followers, see posix/wait/waiter.cc.
  sys::FutexWord& leadership() noexcept { return leadership_; }
  void add_follower() noexcept { followers_.fetch_add(1, std::memory_order_seq_cst); }
  void remove_follower() noexcept { followers_.fetch_sub(1, std::memory_order_seq_cst); }
  // For a follower that leaves without leading: passes on what it may have been
  // woken for, to one or more of those asleep on `leadership`.
  void promote(int count = 1) noexcept;

  // Iocbs in the kernel that carry requests.
  std::uint32_t requests_in_kernel() const noexcept {
    const std::uint32_t in_flight = context_.in_flight();
    return in_flight - (in_flight != 0 && call_armed_.load(std::memory_order_relaxed) ? 1 : 0);
  }

  Context& context() noexcept { return context_; }
  void forget_after_fork() noexcept { call_bell_.close(); }

 private:
  static constexpr std::size_t handed_max = 64;

  // In the lock beside the thread: a leader, in its sleep.
  static constexpr std::uintptr_t asleep = 1;

  // The harvest lock, for a scope. In a handler that interrupted its holder it is
  // held already, and stays so.
  class Hold {
   public:
    explicit Hold(Harvester& harvester, bool to_lead = false) noexcept;
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    bool held() const noexcept { return acquired_ || nested_; }
    bool over_leader() const noexcept { return over_leader_; }
    // It leads no more, and will harvest once more.
    void stop_leading() noexcept { leads_ = false; }
    // Around the sleep of a leader, which is to lose nothing by being unwound.
    void sleeps_with(io_event* handed) noexcept { handed_ = handed; }
    // Whether the lock was there after it; if not, it is another thread's.
    bool is_back() noexcept;

   private:
    void acquire_from(std::uintptr_t owner) noexcept;
    void leave_interrupted() noexcept;

    Harvester& harvester_;
    io_event* handed_ = nullptr;
    bool acquired_ = false;
    bool leads_;
    bool nested_ = false;
    bool over_leader_ = false;  // nested, and what it interrupted leads
    bool over_sleep_ = false;   // nested, and what it interrupted sleeps
  };

  // What io_getevents may fill: with the ring at hand one event to wake up by.
  std::span<io_event> handed_space() noexcept {
    return {handed_here_.load(std::memory_order_relaxed),
            context_.ring().usable() ? 1 : handed_max};
  }
  // io_getevents fills it from the front, and whoever harvests empties it from there.
  bool something_handed() const noexcept {
    return std::atomic_ref(handed_here_.load(std::memory_order_relaxed)->obj)
               .load(std::memory_order_relaxed) != nullptr;
  }
  void harvest_now();
  void harvest_by_calls();
  void handle_all();
  void handle(const io_event& event);
  bool take_handed(io_event& event) noexcept;
  Led sleep(sys::Deadline deadline, bool cancellable);
  // The lock, from the one that sleeps with it. False: another thread has it.
  bool take_back() noexcept;
  // Whether the leader, which sleeps, is to be taken for gone.
  bool is_leader_gone() noexcept;
  // With the lock of one that is gone.
  void replace_gone_leader() noexcept;
  void deliver_late(io_event& handed) noexcept;
  bool was_jumped_over() const noexcept;
  void arm_call() noexcept;
  void call_interrupted_leader() noexcept;
  // Inline: at the end of every harvest.
  void hand_over() noexcept {
    if (followers_.load(std::memory_order_seq_cst) != 0) promote();
    if (in_debt()) call_reaper();
  }
  void call_reaper() noexcept {
    if (reaper_listens_.load(std::memory_order_seq_cst)) context_.doorbell().ring();
  }

  Context& context_;
  AnswerSink& sink_;

  // Identity of the thread that holds the lock, and whether it sleeps; or 0.
  alignas(64) std::atomic<std::uintptr_t> owner_{0};
  std::atomic<bool> call_armed_{false};  // relaxed: what others see of it is a guess
  iocb call_control_{};
  io_event handed_[handed_max]{};
  std::atomic<io_event*> handed_here_{handed_};  // with the ring: the leader's place
  // Of the last sleep of a leader. Written with the lock held.
  std::atomic<std::uint32_t> sleep_number_{0};
  std::uintptr_t sleep_frame_ = 0;
  // Since when, and in which sleep, the leader has been beside an event.
  std::atomic<std::uint32_t> suspected_sleep_{0};
  std::atomic<std::int64_t> suspected_since_ns_{0};

  alignas(64) std::atomic<std::uint32_t> debt_{0};
  std::atomic<bool> reaper_listens_{false};
  std::atomic<std::uint32_t> followers_{0};
  sys::FutexWord leadership_{0};
  std::atomic<bool> being_callable_{false};
  std::atomic<bool> missed_{false};  // without the ring: a look that found the lock taken
  sys::Doorbell call_bell_;
};

}  // namespace kaio
