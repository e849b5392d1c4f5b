// SPDX-License-Identifier: MIT
// Kernel AIO in memory: a ring that the test fills, behind faked system calls.
#pragma once

#include "core/kernel/context.h"
#include "unit/faked_calls.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

namespace unit {

// One at a time.
class FakeKernel {
 public:
  static constexpr std::uint32_t slot_count = 128;

  explicit FakeKernel(bool known_layout = true) {
    header()[1] = slot_count;
    header()[4] = known_layout ? 0xa10a10a1 : 0;
    header()[7] = 32;
    current = this;
    calls_->io_setup = [](unsigned, io_context_t* context) {
      *context = reinterpret_cast<io_context_t>(current->memory_);
      return 0;
    };
    calls_->io_submit = [](io_context_t, long count, iocb**) { return static_cast<int>(count); };
    calls_->io_getevents = [](io_context_t, long min_count, long max_count, io_event* events,
                              const timespec* timeout) {
      return current->get_events(min_count, max_count, events, timeout);
    };
  }
  ~FakeKernel() {
    current = nullptr;
    ::munmap(memory_, memory_bytes);
  }
  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

  io_context_t context() { return reinterpret_cast<io_context_t>(memory_); }
  FakedCalls& calls() { return calls_; }

  // An event, as the kernel adds one.
  void add(void* data, long result) {
    const std::uint32_t place = tail().load();
    io_event event{};
    event.data = data;
    event.obj = reinterpret_cast<iocb*>(memory_);  // anything but null
    event.res = static_cast<unsigned long>(result);
    std::memcpy(memory_ + 32 + place * sizeof event, &event, sizeof event);
    tail().store((place + 1) % slot_count);
  }
  bool empty() { return head().load() == tail().load(); }
  void set_places(std::uint32_t head_place, std::uint32_t tail_place) {
    head().store(head_place);
    tail().store(tail_place);
  }
  std::uint32_t head_place() { return head().load(); }

  // Called in every io_getevents, before it looks.
  void (*on_get_events)() = nullptr;
  std::atomic<int> get_events_calls{0};

 private:
  static inline FakeKernel* current = nullptr;

  std::uint32_t* header() { return reinterpret_cast<std::uint32_t*>(memory_); }
  std::atomic_ref<std::uint32_t> head() { return std::atomic_ref(header()[2]); }
  std::atomic_ref<std::uint32_t> tail() { return std::atomic_ref(header()[3]); }

  // Sleeps in naps, until an event or the timeout; interruptible by pthread_cancel
  // as the system call would be.
  int get_events(long min_count, long max_count, io_event* events, const timespec* timeout) {
    get_events_calls.fetch_add(1);
    if (on_get_events != nullptr) on_get_events();
    long naps_left = timeout == nullptr
                         ? 10'000'000
                         : (timeout->tv_sec * 1'000'000'000 + timeout->tv_nsec) / 50'000;
    while (min_count > 0 && empty()) {
      if (naps_left-- <= 0) return 0;
      ::pthread_testcancel();
      const timespec nap{.tv_sec = 0, .tv_nsec = 50'000};
      ::nanosleep(&nap, nullptr);
    }
    int count = 0;
    for (; count < max_count && !empty(); ++count) {
      const std::uint32_t place = head().load();
      io_event event;
      std::memcpy(&event, memory_ + 32 + place * sizeof event, sizeof event);
      events[count].data = event.data;
      events[count].res = event.res;
      // Whoever passes by looks whether it is there (RingReaper::something_visible).
      std::atomic_ref(events[count].obj).store(event.obj);
      head().store((place + 1) % slot_count);
    }
    return count;
  }

  static char* map_memory() {
    void* const pages =
        ::mmap(nullptr, memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    return static_cast<char*>(pages);
  }

  // Pages of its own, as the kernel's ring has: a context keeps them from children of fork().
  static constexpr std::size_t memory_bytes = 32 + slot_count * sizeof(io_event);
  char* const memory_ = map_memory();
  FakedCalls calls_;
};

}  // namespace unit
