// SPDX-License-Identifier: MIT
// One thing that an engine is asked to do.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <sys/uio.h>

#include <kaio/engine/export.h>
#include <kaio/engine/file.h>
#include <kaio/engine/result.h>

namespace kaio {

class Engine;
class Operation;

// What happens when it is over. In the thread that uses the engine; the operation is idle again,
// and may be submitted anew, or destroyed. Must not throw.
using Completion = void (*)(Operation& operation);

enum class Readiness : std::uint8_t { readable, writable };

// ioprio_set(2)'s. What a class needs is the kernel's: realtime takes CAP_SYS_ADMIN or
// CAP_SYS_NICE, and only some I/O schedulers heed any.
struct IoPriority {
  enum class Class : std::uint8_t { of_thread, realtime, best_effort, idle };
  Class io_class = Class::of_thread;
  std::uint8_t level = 4;  // 0 (first) to 7
};

// Belongs to whoever made it, costs no allocation, and can be used again and again. From
// submit() until its completion it is the engine's: it and its memory stay where they are, and
// only result(), cancel and stop requests may touch it. Movable while it is idle.
//
// read() and its likes say what to do, and return the operation, so that
//   engine.submit(operation.read(file, to, size_bytes, offset_bytes)).or_throw();
// What else was set (completion, context, priority, deadline ...) stays until it is set anew.
class KAIO_ENGINE_API Operation {
 public:
  Operation() noexcept;
  ~Operation();
  Operation(Operation&& other) noexcept;
  Operation& operator=(Operation&& other) noexcept;

  // A transfer is whole unless the file ends or an error comes: what the kernel leaves out is
  // asked for again. On a stream a read ends with what there is, and offsets are ignored.
  Operation& read(const File& file, void* to, std::size_t size_bytes,
                  std::uint64_t offset_bytes) noexcept;
  Operation& write(const File& file, const void* from, std::size_t size_bytes,
                   std::uint64_t offset_bytes) noexcept;
  // The array is the operation's until it is over, and used up by it: the entries say then what
  // was left to do.
  Operation& readv(const File& file, std::span<iovec> parts, std::uint64_t offset_bytes) noexcept;
  Operation& writev(const File& file, std::span<iovec> parts, std::uint64_t offset_bytes) noexcept;
  // fsync(2), fdatasync(2): of what was written before, by whomever. It does not wait for what
  // is under way: see Chain.
  Operation& sync(const File& file) noexcept;
  Operation& datasync(const File& file) noexcept;
  // Waits until the descriptor could be read or written without waiting.
  Operation& poll(int fd, Readiness readiness) noexcept;

  // RWF_* of preadv2(2): RWF_DSYNC, RWF_SYNC, RWF_APPEND, RWF_ATOMIC, RWF_DONTCACHE, and
  // RWF_NOWAIT, which makes the transfer end with EAGAIN where it would wait. One that the kernel
  // does not know ends it with EOPNOTSUPP.
  Operation& set_flags(unsigned rw_flags) noexcept;
  // For what kernel AIO transfers: a helper thread has the priority of whoever made it.
  Operation& set_priority(IoPriority priority) noexcept;
  // A transfer that ends short is not asked for again.
  Operation& set_partial(bool partial) noexcept;

  // What has not been started by then is not, and ends with std::errc::timed_out. What the
  // kernel has cannot be taken back: `late` is called, once, if there is one, and the operation
  // goes on, and ends with what it came to. The engine looks at the time when it is driven.
  using Clock = std::chrono::steady_clock;
  Operation& set_deadline(Clock::time_point deadline, Completion late = nullptr) noexcept;
  Operation& clear_deadline() noexcept;
  // A stop request cancels it (Engine::cancel), from whichever thread; it takes effect when the
  // engine is driven next, and a wait() that sleeps looks at it at once.
  Operation& set_stop_token(std::stop_token token) noexcept;

  // Without one, it is given back by Engine::poll(span) and wait(span) instead; the other calls
  // that drive the engine leave it idle, and tell nobody.
  Operation& on_completion(Completion completion, void* context = nullptr) noexcept;
  void* context() const noexcept;

  bool is_idle() const noexcept;
  // Of its last time, when it is idle.
  Result result() const noexcept;

 private:
  static constexpr std::size_t state_bytes = 384;  // room for what later versions need, too
  alignas(8) std::byte memory_[state_bytes];
};

}  // namespace kaio
