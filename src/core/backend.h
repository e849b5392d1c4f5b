// SPDX-License-Identifier: MIT
#pragma once

#include "core/transfer.h"

namespace kaio {

// What carries out one kind of attempt besides the ring: a wait for readiness
// (core/readiness/watcher.h), or a call that may block (core/threads/pool.h). The ring itself,
// which takes iocbs by the batch, is core/kernel/aio_context.h.
//
// What each keeps (test/unit/core/backends.cc asks it of all of them, the ring included):
//   - A transfer that start() has taken is given back exactly once: answered, in state `starting`
//     or `running`, or taken out by remove(). After that the backend does not touch it.
//   - A transfer that start() has refused is as it was.
//   - The answer is a number of bytes, a mask of poll events, or a negative error number.
//   - An answer comes from another thread than start()'s, and may come before start() returns.
//   - Neither call waits for I/O, and both are safe from any thread. Whoever may start no threads
//     (sys::MayStartThreads) may call them too: what is started then waits for the thread that
//     ThreadStarter starts.
//   - The destructor joins every thread and closes every descriptor of the backend.
class Backend {
 public:
  // Who starts threads for those that may not.
  class ThreadStarter {
   public:
    // start_threads() is to be called soon. False: there is nobody to do it.
    virtual bool call() noexcept = 0;

   protected:
    ~ThreadStarter() = default;
  };

  // From state `starting`, with transfer.attempt set. False: it has no thread, and none can be
  // made.
  virtual bool start(Transfer& transfer) noexcept = 0;
  // Whether start() would find a thread. Sees to it that there is one.
  virtual bool can_start() noexcept = 0;
  // To cancel it: `starting` again. False: it is not here any more, and its answer comes.
  virtual bool remove(Transfer& transfer) noexcept = 0;
  // Those that are lacking. What has been started and has no thread at all is refused.
  virtual void start_threads() noexcept = 0;

 protected:
  ~Backend() = default;
};

}  // namespace kaio
