// SPDX-License-Identifier: MIT
// kaio's C++ engine: O_DIRECT I/O at depth for programs that own their threads, their memory and
// their loop. Kernel AIO where there is any, helper threads for what would block, and where there
// is none. Link with libkaio-engine.
//
//   kaio::Engine engine;
//   kaio::File file("data", {.flags = O_RDONLY});
//   kaio::BufferPool buffers(file, 1, 4096);
//   auto block = buffers.take();
//   kaio::Operation read;
//   engine.submit(read.read(file, block.data(), block.size(), 0)).or_throw();
//   engine.wait();
//   read.result().value();
//
// Threads: an engine and its operations are used by one thread at a time, which need not always
// be the same. Only wake(), and stop requests, come from any thread, or from a signal handler
// (wake()). Nothing else here is async-signal-safe. EngineThread (<kaio/engine/thread.h>)
// takes operations from any.
//
// fork(): in the child an engine refuses everything with EngineError::other_process, and its
// destructor does nothing. Operations that were under way in the parent
// stay so in the child's copy for ever.
//
// Nothing is allocated after an engine has been made, but the stacks of helper threads.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <kaio/engine/buffer.h>
#include <kaio/engine/chain.h>
#include <kaio/engine/export.h>
#include <kaio/engine/file.h>
#include <kaio/engine/operation.h>
#include <kaio/engine/result.h>
#include <kaio/engine/statistics.h>

namespace kaio {

namespace engine {
class Core;
class GroupCommitCore;
class ThreadCore;
}  // namespace engine

namespace testing {
class FaultyKernel;
}

// How an engine is made. By value: later changes to it change nothing.
struct EngineOptions {
  // Operations that the kernel is given at a time, 1 to 65,536; more wait in the engine. The
  // kernel's limit of all processes together is fs.aio-max-nr.
  unsigned depth = 256;
  // submit() flushes by itself when so many have come together, 1 to 256.
  unsigned batch = 32;
  // False: by helper threads alone.
  bool kernel_aio = true;
  // Helper threads for each device, 1 to 4,096. They end after a second without work.
  unsigned threads_max = 32;
  // Histograms of times; counters are kept in any case.
  bool statistics = true;
  // In place of the kernel's AIO, for tests (<kaio/testing.h>): outlives the engine.
  testing::FaultyKernel* kernel = nullptr;
  std::uint64_t reserved[6] = {};  // 0: for what later versions have to add
};

// Whether an engine has kernel AIO, or why not.
enum class KernelAio : std::uint8_t {
  in_use,
  switched_off,   // EngineOptions::kernel_aio
  not_supported,  // this kernel was built without it: ENOSYS
  forbidden,      // by a filter of system calls: EPERM, EACCES
  used_up,        // fs.aio-max-nr, or memory; asked for again now and then
};

// Whether a cancel took effect.
enum class Cancelled : std::uint8_t {
  yes,         // it had not begun. It ends with std::errc::operation_canceled, when the engine is
               // driven next
  under_way,   // it cannot be taken back: it ends with what it comes to. If that is nothing, and
               // it would have to be tried again, it ends as if this had taken effect
  not_in_use,  // it is idle
};

template <bool throws>
class Awaitable;
class ChainAwaitable;

// Takes operations, gives many of them to the kernel by few calls, and calls their completions
// when it is driven: by poll(), wait() or drain().
class KAIO_ENGINE_API Engine {
 public:
  // Throws std::bad_alloc, std::invalid_argument (an option out of its range), and
  // std::system_error if not even an eventfd can be had. Not for want of kernel AIO.
  explicit Engine(const EngineOptions& options = {});
  // Ends all that is under way as drain() does, and all threads. In the thread that uses it,
  // and not in a completion. What completions submit meanwhile is refused (EngineError::ending).
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Queues the operation until flush(), poll(), wait() or a full batch. The kernel is then given
  // one of them by the first call and twice as many by each further one, so that the device has
  // something to do while the rest is prepared: 32 take six calls. Refused, it is still idle.
  // What the kernel refuses is its result.
  Refusal submit(Operation& operation) noexcept;
  // Submits all of its operations: refused, it has begun none of them.
  Refusal submit(Chain& chain) noexcept;
  // Gives the kernel what is queued, as far as it has room.
  void flush() noexcept;

  // Flushes, and completes what has ended, without waiting. Returns how many. No system call if
  // nothing was queued, unless fd() is in use.
  std::size_t poll();
  // The same, and gives back those that have no completion, in `room`: as many as there is room
  // for, the others next time. Returns the part of it that is used.
  std::span<Operation*> poll(std::span<Operation*> room);
  // As poll(), until `at_least` operations have been completed by this call; or nothing is under
  // way (it does not sleep then), the deadline has come, or wake() was called. Signal handlers do
  // not end it. Deadlines of operations are seen to meanwhile.
  //
  // What counts are operations: those of a chain, and its sync, count each, and so do the writes
  // and syncs of a GroupCommit, but not its records. To wait for a chain:
  // `while (!chain.is_idle()) engine.wait();`
  using Clock = Operation::Clock;
  std::size_t wait(std::size_t at_least = 1, Clock::time_point deadline = Clock::time_point::max());
  // As poll(room), until one can be given back. Operations of chains never are.
  std::span<Operation*> wait(std::span<Operation*> room,
                             Clock::time_point deadline = Clock::time_point::max());
  // Until nothing is under way.
  void drain();

  // Ends a wait() of the engine's, or the next one if there is none, be it after a drain(). Any
  // thread, and signal handlers.
  void wake() noexcept;
  // For the program's own loop: an eventfd that is readable when poll() would find something. It
  // is the engine's, not to be read or closed. From then on each operation costs the kernel a
  // little more. To be called first while nothing is under way, or it throws std::system_error
  // (EBUSY).
  int fd();

  // The first deadline of all that are under way, for the timeout of such a loop: the engine
  // looks at the time only when it is driven. wait() needs no such care. time_point::max(): none.
  Clock::time_point next_deadline() const noexcept;

  // What has not begun is taken out; the rest cannot be.
  Cancelled cancel(Operation& operation) noexcept;
  // Its operations, as above; its sync does not begin. under_way: that has begun.
  Cancelled cancel(Chain& chain) noexcept;
  // The same of all: makes what drain() waits for as little as can be.
  void cancel() noexcept;

  // Submitted and not completed.
  std::size_t under_way() const noexcept;
  KernelAio kernel_aio() const noexcept;
  // What the kernel granted: may be less than was asked for. 0: no kernel AIO.
  unsigned depth() const noexcept;
  // This is a child of fork(), and the engine its parent's.
  bool belongs_to_parent() const noexcept;
  // Any time, by the thread that uses the engine.
  EngineStatistics statistics() const noexcept;

  // For coroutines: `Result result = co_await engine.read(...)`. What cannot be submitted is the
  // result as well. The coroutine goes on inside poll() or wait().
  Awaitable<false> read(const File& file, void* to, std::size_t size_bytes,
                        std::uint64_t offset_bytes) noexcept;
  Awaitable<false> write(const File& file, const void* from, std::size_t size_bytes,
                         std::uint64_t offset_bytes) noexcept;
  Awaitable<false> sync(const File& file) noexcept;
  Awaitable<false> datasync(const File& file) noexcept;
  Awaitable<false> poll(int fd, Readiness readiness) noexcept;
  // The chain keeps its completion to itself meanwhile.
  ChainAwaitable run(Chain& chain) noexcept;

 private:
  friend class engine::GroupCommitCore;
  friend class engine::ThreadCore;

  std::unique_ptr<engine::Core> core_;
};

}  // namespace kaio

#include <kaio/engine/awaitable.h>
