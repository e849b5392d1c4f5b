// SPDX-License-Identifier: MIT
#include "posix/request/submitting_call.h"

#include <algorithm>

namespace kaio {

KAIO_THREAD_LOCAL std::atomic<std::uint64_t> SubmittingCall::unnumbered{none};
SubmittingCall::Word SubmittingCall::words[count];

std::atomic<std::uint64_t>* SubmittingCall::find(std::uint64_t identity) noexcept {
  const std::uint32_t numbers = std::min(Statistics::thread_numbers(), count);
  for (std::uint32_t number = 0; number < numbers; ++number)
    if (words[number].identity.load(std::memory_order_acquire) == identity)
      return &words[number].identity;
  return nullptr;
}

bool SubmittingCall::is_elsewhere(const Request& request) noexcept {
  // What the kernel was asked before comes before this look.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return find(request.identity()) != nullptr;
}

void SubmittingCall::settle(const Request& request) noexcept {
  std::uint64_t identity = request.identity();
  std::atomic<std::uint64_t>* const word = find(identity);
  if (word != nullptr) word->compare_exchange_strong(identity, none);
}

// Of other threads, which the child does not have.
void SubmittingCall::forget_after_fork() noexcept {
  for (Word& word : words) word.identity.store(none, std::memory_order_relaxed);
  unnumbered = none;
}

}  // namespace kaio
