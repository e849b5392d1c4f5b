// SPDX-License-Identifier: MIT
// Says, where KAIO_LOG asks for it, that there is no kernel AIO for this process, or less than
// it asked for, why, and what to change: each once in a process's life.
#pragma once

#include <atomic>
#include <cstdint>

namespace kaio {

class LossReport {
 public:
  // Of setting the context up. `call`: what refused, or io_setup that granted; null: nothing
  // was asked for.
  struct Outcome {
    const char* call = nullptr;
    int error_number = 0;
    unsigned asked_count = 0;
    unsigned granted_count = 0;  // events; 0: refused
  };
  // `passing`: it is asked for again.
  void set_up(const Outcome& outcome, bool passing) noexcept;
  // By io_submit, of a process that has a context.
  void submit_refused(int error_number) noexcept;

 private:
  std::atomic<bool> refusal_told_{false}, return_told_{false};
};

}  // namespace kaio
