// SPDX-License-Identifier: MIT
#pragma once

#include "core/transfer.h"

namespace kaio {

// How the backends report what they were answered, without knowing who listens.
class ResultSink {
 public:
  // `answer`: bytes transferred, poll events, or a negative error number.
  // transfer.attempt says of what. Called exactly once per attempt, by any thread;
  // takes the transfer over.
  // May be called with the lock held under which completions are taken: does not block, and
  // sends nothing on itself.
  virtual void on_result(Transfer& transfer, std::int32_t answer) = 0;

  // Sends on what answers put aside in this thread. Called by every thread that brings answers,
  // between two pieces of work, with no lock held.
  virtual void drain() = 0;

 protected:
  ~ResultSink() = default;
};

}  // namespace kaio
