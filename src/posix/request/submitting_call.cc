// SPDX-License-Identifier: MIT
#include "posix/request/submitting_call.h"

#include <algorithm>

namespace kaio {

KAIO_THREAD_LOCAL std::uint64_t SubmittingCall::unnumbered = none;
SubmittingCall::Word SubmittingCall::words[own_count + shared_count];

void SubmittingCall::begin_unnumbered(std::uint64_t identity) noexcept {
  std::atomic<std::uint64_t>* before = find(unnumbered);
  unnumbered = identity;
  if (before != nullptr) return before->store(identity, std::memory_order_release);
  if (identity == none) return;
  for (std::uint32_t place = own_count; place < own_count + shared_count; ++place) {
    std::uint64_t expected = none;
    if (words[place].identity.compare_exchange_strong(expected, identity)) return;
  }
}

std::atomic<std::uint64_t>* SubmittingCall::find(std::uint64_t identity) noexcept {
  if (identity == none) return nullptr;
  const auto look = [identity](std::uint32_t begin, std::uint32_t end) {
    std::atomic<std::uint64_t>* found = nullptr;
    for (std::uint32_t place = begin; place < end && found == nullptr; ++place)
      if (words[place].identity.load(std::memory_order_acquire) == identity)
        found = &words[place].identity;
    return found;
  };
  const std::uint32_t numbers = Statistics::thread_numbers();
  std::atomic<std::uint64_t>* found = look(0, std::min(numbers, own_count));
  if (found == nullptr && numbers > own_count) found = look(own_count, own_count + shared_count);
  return found;
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
