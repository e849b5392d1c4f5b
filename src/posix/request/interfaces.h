// SPDX-License-Identifier: MIT
// How the parts below report upwards without knowing who listens.
#pragma once

#include "posix/request/request.h"

namespace kaio {

// Implemented by wait/: where every way ends.
class CompletionSink {
 public:
  // `result`: bytes, or a negative error number. Exactly once per request; it is
  // gone afterwards. Never waits; async-signal-safe.
  virtual void complete(Request& request, std::int64_t result) = 0;
  // For a request that was completed, and detached from its record by another
  // frame: the rest.
  virtual void notify(Request& request) = 0;
  // The eventfd to ring when a request that is to be notified has ended: there is
  // always a thread that listens to it.
  virtual int doorbell_for(const Request& request) = 0;
  // io_submit refused the request, perhaps because the program has closed that eventfd.
  virtual void doubt_doorbell_for(const Request& request) = 0;

 protected:
  ~CompletionSink() = default;
};

// Implemented by wait/.
class NotificationOwner {
 public:
  // The notification has been sent, and `item` is no longer used by notify/.
  virtual void sent(Notifiable& item) = 0;
  // Completes whatever has ended meanwhile: its notifications come to notify/. For
  // threads of notify/ between two pieces of work, with no lock held.
  virtual void reap() = 0;
  // Routes what handlers have put aside in this thread.
  virtual void drain() = 0;
  // Something cannot be sent until notify/ is asked to try again.
  virtual void wants_retry() = 0;

 protected:
  ~NotificationOwner() = default;
};

}  // namespace kaio
