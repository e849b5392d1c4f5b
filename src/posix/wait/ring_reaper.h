// SPDX-License-Identifier: MIT
// Reaping: taking completions out of the kernel's ring. Who may, who sleeps where, and why
// no completion is left behind.
//
// The reap lock. Any thread may reap whenever it passes by: the submitter right after
// io_submit, a caller of aio_error or aio_suspend, the reaper's thread, a thread that runs
// callbacks. One thread does so at a time, because taking an event moves the ring's head.
// Nobody ever waits for that lock: a thread that finds it taken goes on, because the holder
// looks at the ring again after it has given the lock up. (Holder: unlock, full fence, look
// at the ring. Other thread: sees an event, tries the lock. The event was in the ring before
// the try; so if the try failed, the holder's look comes after it, and finds the event.)
//
// Leading. One thread may sleep in io_getevents and hold the lock all the while: the leader.
// The lock says that it sleeps. When an event arrives the kernel wakes the leader, and no
// second thread is involved. A thread that wants to sleep while another one leads is a
// follower: it sleeps on futexes (posix/wait/waiter.h), one of which is the leader word. The
// leader completes everybody's requests while it leads.
//
// Handing over. A thread that gives up the lock, for whatever reason, looks at three things
// after the full fence. Events left: it reaps again. Followers: it wakes one, which tries to
// lead. Reaping required: it signals the reaper's thread. A follower counts itself before it
// looks for a leader the last time, so one of the two sees the other.
//
// Reaping is required while completions cannot wait until the program looks for them, for
// each request that is held back by order, by a fence, by a full ring or a full device. As
// long as it is, and nobody else leads, the reaper's thread leads. It is signalled only while
// it listens: before it sleeps it says so, and looks at everything once more.
//
// Waking the leader. Requests may also end off the ring, in the pool, or leave the ring,
// because io_submit refused them. So the ring holds a poll of an eventfd, which the first
// leader arms; wake_leader() signals that eventfd. If the program has closed its number, the
// poll is cancelled instead, which brings its event as well, only later.
//
// Signal handlers. A handler may interrupt the holder of the lock, and reap: the lock knows
// its thread, and nested reaping simply takes the next events. Everything that the lock
// guards is taken by one atomic step (Ring::take, take_handed). The leader that the handler
// interrupted may be on its way to sleep, for the very event that the handler has just
// taken. So a handler that reaped in a leader's thread wakes that leader, after it has armed
// the wake-up once more if it took that event as well.
//
// One step. The engine takes all events first, and acts on them afterwards. Here a result is
// published as soon as its event is taken, with the lock held: a handler that interrupted the
// holder in between would find the request neither in the ring nor done, and wait for the frame
// below it. To publish is a few stores, and a system call where somebody has to be told. What
// has to be tried again, or may block, is put aside until the lock is given up
// (posix/request/deferred.h).
//
// Cancellation. The leader's sleep is a cancellation point when its caller made it one.
// io_getevents hands one event over as it returns. The event goes to `handed_`, which belongs
// to this object, so a leader that is cancelled with an event in its hand leaves it to
// whoever reaps next.
//
// Jumps. A handler may leave the leader's sleep by siglongjmp(), and the lock stays as it is.
// The thread itself finds that the frame is gone when it waits again. Any other thread that
// finds a leader asleep for gone_after_ns beside an event takes the lock from it, and every
// thread that depends on a leader looks so often. Perhaps that leader only gets no processor:
// so a leader takes its own lock back after its sleep, by one atomic step, and has lost it if
// it cannot. What the kernel has handed to that leader meanwhile is in a place that nobody
// else uses any more. All this needs the ring at hand.
//
// test/model/ has all of this as models that spin exhausts: to be changed together.
#pragma once

#include "core/result_sink.h"
#include "core/kernel/context.h"
#include "sys/clock.h"

namespace kaio {

// What a thread that would lead waits for; asked when it has the lock.
class WaitSet {
 public:
  enum class OnRing : std::uint8_t { none, some, all };

  // Something that was waited for is there.
  virtual bool done() const = 0;
  // Which of the rest will end by an event in the ring and in no other way.
  virtual OnRing on_ring() const = 0;
  // Sees to it that the end of the others wakes the leader. Then done().
  virtual bool mark() = 0;
  // The sleep is a cancellation point.
  virtual bool cancellable() const = 0;

 protected:
  ~WaitSet() = default;
};

class RingReaper {
 public:
  RingReaper(Context& context, ResultSink& sink) noexcept : context_(context), sink_(sink) {}

  // Handles every completion that is there. Never waits; async-signal-safe. The
  // caller drains the sink afterwards.
  void reap() {
    if (!nothing_there()) reap_now();
  }
  // For whoever has seen some.
  void reap_now();
  // No completion to reap, as far as can be seen without a system call.
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
    reaped,       // events came and were handled, or were there already
    interrupted,  // a signal handler ran
    timed_out,
  };

  // Sleeps until a completion comes, if nobody else does, and handles it. May be
  // left by a forced unwind when the calling thread is cancelled meanwhile.
  Led lead(sys::Deadline deadline, WaitSet& waits);

  // Ends the sleep of a leader that can be woken, also of the one that the calling handler
  // interrupted. Async-signal-safe.
  void wake_leader() noexcept;

  // For the scope of a handler's own wait: it leads in place of the leader that it
  // interrupted, if it did, and wakes that one in the end.
  class OverLeader {
   public:
    explicit OverLeader(RingReaper& ring_reaper) noexcept;
    ~OverLeader();
    OverLeader(const OverLeader&) = delete;
    OverLeader& operator=(const OverLeader&) = delete;

   private:
    RingReaper& ring_reaper_;
    bool over_leader_;
  };

  // How long a thread that depends on the leader may sleep before it looks whether that one
  // is still there; the more depend on it, the longer. sys::forever: it need not look.
  std::int64_t look_at_leader_ns() const noexcept;

  // Somebody leads, or is just reaping.
  bool led() const noexcept { return owner_.load(std::memory_order_seq_cst) != 0; }

  // Somebody may have completions in its hands. While it says no, each request that another
  // thread was seen to take off the ring before has been completed.
  bool completing() const noexcept { return led() && !wakeable_.load(std::memory_order_seq_cst); }

  // This thread is, or a frame of it that a handler interrupted.
  bool held_here() const noexcept {
    return (owner_.load(std::memory_order_relaxed) & ~asleep) == sys::this_thread();
  }

  // True in a signal handler that interrupted this thread as it reaped, other than in
  // its sleep. Such a handler cannot lead: the frame below may have an event in its
  // hands that nobody else can complete.
  bool interrupted_here() const noexcept {
    return owner_.load(std::memory_order_relaxed) == sys::this_thread();
  }

  void require_reaping() noexcept;
  void release_reaping() noexcept { reaping_required_.fetch_sub(1, std::memory_order_seq_cst); }
  bool reaping_required() const noexcept {
    return reaping_required_.load(std::memory_order_seq_cst) != 0;
  }
  // Whether the reaper is asleep, or will be if its next look finds nothing to do.
  void reaper_listens(bool listens) noexcept {
    reaper_listens_.store(listens, std::memory_order_seq_cst);
  }

  // For followers, see posix/wait/waiter.cc.
  sys::FutexWord& leader_word() noexcept { return leader_word_; }
  void add_follower() noexcept { followers_.fetch_add(1, std::memory_order_seq_cst); }
  void remove_follower() noexcept { followers_.fetch_sub(1, std::memory_order_seq_cst); }
  // For a follower that leaves without leading: passes on what it may have been
  // woken for, to one or more of those asleep on the leader word.
  void promote(int count = 1) noexcept;

  // Iocbs in the kernel that carry requests.
  std::uint32_t requests_in_kernel() const noexcept {
    const std::uint32_t in_flight = context_.in_flight();
    return in_flight - (in_flight != 0 && wakeup_armed_.load(std::memory_order_relaxed) ? 1 : 0);
  }

  Context& context() noexcept { return context_; }
  void forget_after_fork() noexcept { wakeup_.close(); }

 private:
  static constexpr std::size_t handed_max = 64;

  // In the lock beside the thread: a leader, in its sleep.
  static constexpr std::uintptr_t asleep = 1;

  // The reap lock, for a scope. In a handler that interrupted its holder it is
  // held already, and stays so.
  class Hold {
   public:
    explicit Hold(RingReaper& ring_reaper, bool to_lead = false) noexcept;
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    bool held() const noexcept { return acquired_ || nested_; }
    bool over_leader() const noexcept { return over_leader_; }
    // It leads no more, and will reap once more.
    void stop_leading() noexcept { leads_ = false; }
    // Around the sleep of a leader, which is to lose nothing by being unwound.
    void sleeps_with(io_event* handed) noexcept { handed_ = handed; }
    // Whether the lock was there after it; if not, it is another thread's.
    bool is_back() noexcept;

   private:
    void acquire_from(std::uintptr_t owner) noexcept;
    void leave_interrupted() noexcept;

    RingReaper& ring_reaper_;
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
  // io_getevents fills it from the front, and whoever reaps empties it from there.
  bool something_handed() const noexcept {
    return is_filled(*handed_here_.load(std::memory_order_relaxed));
  }
  static bool is_filled(io_event& handed) noexcept {
    return std::atomic_ref(handed.obj).load(std::memory_order_relaxed) != nullptr;
  }
  void reap_whatever_comes();
  void reap_by_calls();
  void handle_all();
  void handle_ring(Ring ring);
  void handle_more();
  [[gnu::cold]] void handle_handed();
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
  void arm_wakeup() noexcept;
  void wake_interrupted_leader() noexcept;
  // Inline: whoever reaps ends with it.
  void give_up() noexcept {
    wakeable_.store(false, std::memory_order_relaxed);
    // seq_cst: the full fence of the protocol, before the looks in hand_over().
    owner_.store(0, std::memory_order_seq_cst);
    hand_over();
  }
  void hand_over() noexcept {
    if (followers_.load(std::memory_order_seq_cst) != 0) promote();
    if (reaping_required()) signal_reaper();
  }
  void signal_reaper() noexcept {
    if (reaper_listens_.load(std::memory_order_seq_cst)) context_.doorbell().signal();
  }

  Context& context_;
  ResultSink& sink_;

  // Identity of the thread that holds the lock, and whether it sleeps; or 0.
  alignas(64) std::atomic<std::uintptr_t> owner_{0};
  std::atomic<bool> wakeup_armed_{false};  // relaxed: what others see of it is a guess
  iocb wakeup_control_{};
  io_event handed_[handed_max]{};
  std::atomic<io_event*> handed_here_{handed_};  // with the ring: the leader's place
  // Of the last sleep of a leader. Written with the lock held.
  std::atomic<std::uint32_t> sleep_number_{0};
  std::uintptr_t sleep_frame_ = 0;
  // Since when, and in which sleep, the leader has been beside an event.
  std::atomic<std::uint32_t> suspected_sleep_{0};
  std::atomic<std::int64_t> suspected_since_ns_{0};

  alignas(64) std::atomic<std::uint32_t> reaping_required_{0};
  std::atomic<bool> reaper_listens_{false};
  std::atomic<std::uint32_t> followers_{0};
  sys::FutexWord leader_word_{0};
  std::atomic<bool> wakeable_{false};
  std::atomic<bool> missed_{false};  // without the ring: a look that found the lock taken
  sys::Doorbell wakeup_;
};

}  // namespace kaio
