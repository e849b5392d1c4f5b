// SPDX-License-Identifier: MIT
// How the parts below report upwards without knowing who listens.
#pragma once

#include "request/request.h"

namespace kaio {

// Implemented by route/: what an attempt was answered.
class AnswerSink {
 public:
  // `answer`: bytes transferred, poll events, or a negative error number.
  // request.attempt says of what. Called exactly once per attempt, by any thread;
  // takes the request over.
  // Called with the harvest lock held: does not block, and routes nothing itself.
  virtual void answered(Request& request, std::int32_t answer) = 0;

  // Routes what answers put aside in this thread. Called by every harvesting or
  // working thread between two pieces of work, with no lock held.
  virtual void drain() = 0;

 protected:
  ~AnswerSink() = default;
};

// Implemented by complete/: where every way ends.
class CompletionSink {
 public:
  // `result`: bytes, or a negative error number. Exactly once per request; it is
  // gone afterwards. Never waits; async-signal-safe.
  virtual void complete(Request& request, std::int64_t result) = 0;
  // For a request that was completed, and detached from its record by another
  // frame: the rest.
  virtual void notify(Request& request) = 0;
  // The eventfd to ring when a request that is to be notified has ended: there is
  // always a thread that hears it.
  virtual int doorbell_for(const Request& request) = 0;
  // io_submit refused the request, perhaps because the program has closed that eventfd.
  virtual void doubt_doorbell_for(const Request& request) = 0;

 protected:
  ~CompletionSink() = default;
};

// Implemented by complete/.
class NotificationOwner {
 public:
  // The notification has been sent, and `item` is no longer used by notify/.
  virtual void sent(Notifiable& item) = 0;
  // Completes whatever has ended meanwhile: its notifications come to notify/. For
  // threads of notify/ between two pieces of work, with no lock held.
  virtual void harvest() = 0;
  // Routes what handlers have put aside in this thread.
  virtual void drain() = 0;
  // Something cannot be sent until notify/ is asked to try again.
  virtual void wants_retry() = 0;

 protected:
  ~NotificationOwner() = default;
};

}  // namespace kaio
