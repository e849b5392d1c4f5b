// SPDX-License-Identifier: MIT
// What a callback may change of the thread that it runs on. The thread is used again, for other
// callbacks and for work of kaio's, and both have to find it as it was:
//
//   before each callback, without a system call
//       errno, cancellation, the floating-point environment, the locale
//   by a look after each callback
//       scheduling policy, priority and nice value, processors, name
//   by a look now and then
//       I/O priority, timer slack, alternate signal stack, NUMA policy
//   not undone: the thread is ended, and another one takes its place
//       user and group ids, securebits, a working directory of its own (unshared), and
//       whatever of the above the process may not undo (an ordinary user's SCHED_IDLE)
//   not seen, so it stays
//       thread_local variables and values of pthread_setspecific(), above all; file-system ids,
//       capabilities, seccomp filters, namespaces, descriptors that were unshared, personality,
//       protection keys
//
// The signal mask is not here: CallbackThreads sets it before each callback anyway.
//
// What a look costs. Each attribute is a system call, and three for each callback would be more
// than a twentieth of what a quick one costs. So a function that has left the thread as it was
// for hundreds of looks is known, and after a known one there is a look only if that keeps all
// looks below a fixed share of the time: some tens of microseconds after the one before. A change
// that a known function makes for the first time can so be met by what begins in between. But one
// change, and for tens of thousands of looks no function is known.
//
// Used by the thread that it belongs to, alone.
#pragma once

#include <algorithm>
#include <array>
#include <clocale>
#include <csignal>
#include <cstddef>
#include <cstdint>

#include "posix/request/notification.h"

namespace kaio {

namespace limits {
inline constexpr int looks_until_known = 256;
inline constexpr int looks_until_known_after_a_change = 65536;
}  // namespace limits

class ThreadState {
 public:
  // As the thread is now, it is to be for every callback.
  void note() noexcept;
  // Before a callback.
  void begin() noexcept;
  // After `function` has returned. False: the thread cannot be what it was; end it.
  bool end(NotifyFunction function) noexcept;
  // When the thread has slept, before work of kaio's. What somebody else has changed meanwhile
  // (an administrator) stays. False: as of end().
  bool resume() noexcept;
  // For a thread that ends, so that a successor inherits nothing: looks at all. False: as of
  // end(); the successor has to be another thread's child.
  bool bring_back() noexcept;

 private:
  // Work that is to take one part in `share` of the time at most.
  class Ration {
   public:
    explicit constexpr Ration(int share) noexcept : share_(share) {}
    void start(std::int64_t now_ns) noexcept { last_ns_ = now_ns; }
    bool due(std::int64_t now_ns) const noexcept { return now_ns - last_ns_ >= interval_ns_; }
    void spend(std::int64_t begun_ns, std::int64_t ended_ns) noexcept {
      // The least, as any one may have been interrupted.
      interval_ns_ = std::min(interval_ns_, (ended_ns - begun_ns) * share_);
      last_ns_ = ended_ns;
    }
    std::int64_t last_ns() const noexcept { return last_ns_; }

   private:
    int share_;
    std::int64_t interval_ns_ = 1'000'000;
    std::int64_t last_ns_ = 0;
  };

  // struct sched_attr, as the kernel had it first: the C library does not declare it everywhere.
  struct Scheduling {
    std::uint32_t size_bytes, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
    bool operator==(const Scheduling&) const noexcept = default;
  };
  struct Processors {
    std::array<std::uint64_t, 128> words;  // 8,192 processors
    long size_bytes;                       // negative: not known
  };
  struct MemoryPolicy {
    int mode;
    std::array<unsigned long, 1024 / (8 * sizeof(long))> nodes;
    bool operator==(const MemoryPolicy&) const noexcept = default;
  };
  // What a thread cannot get back.
  struct Identity {
    std::array<std::uint32_t, 3> users, groups;
    long securebits;
    bool operator==(const Identity&) const noexcept = default;
  };
  struct Known {
    NotifyFunction function = nullptr;
    int clean_look_count = 0;
  };
  struct FloatingPoint {
    std::uint32_t vector_control = 0;
    std::uint16_t control = 0;
  };

  bool look(std::int64_t now_ns, bool at_all, bool& changed) noexcept;
  bool bring_back_often(bool& changed) noexcept;
  bool bring_back_scheduling(bool& changed) noexcept;
  bool bring_back_processors(bool& changed) noexcept;
  void bring_back_name(bool& changed) noexcept;
  // As soon as the callback is over: threads that are started from here inherit it.
  void bring_back_floating_point() noexcept;
  bool bring_back_seldom(bool& changed) noexcept;
  bool same_identity() noexcept;
  bool same_directory() noexcept;
  void note_attributes() noexcept;
  void note_seldom() noexcept;

  static bool read(Scheduling& scheduling) noexcept;
  static void read(Processors& processors) noexcept;
  static bool read(MemoryPolicy& policy) noexcept;
  static Identity read_identity() noexcept;
  static bool is_of_the_process(const Identity& identity) noexcept;
  static std::uint64_t read_directory() noexcept;
  static FloatingPoint read_floating_point() noexcept;

  // Noted.
  Scheduling scheduling_{};
  Processors processors_{};
  std::array<char, 16> name_{};
  long io_priority_ = -1;
  long timer_slack_ns_ = -1;
  stack_t signal_stack_{};
  MemoryPolicy memory_policy_{};
  Identity identity_{};
  std::uint64_t directory_ = 0;  // a hash of its path
  locale_t locale_{};
  FloatingPoint floating_point_;
  bool scheduling_noted_ = false, signal_stack_noted_ = false, memory_policy_noted_ = false;

  Ration often_{64};
  Ration seldom_{128};
  bool often_unseen_ = false;  // a callback has begun since
  bool seldom_unseen_ = false;
  int looks_until_known_ = limits::looks_until_known;
  std::array<Known, 16> known_{};
};

}  // namespace kaio
