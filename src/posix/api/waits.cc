// SPDX-License-Identifier: MIT
#include "posix/api/waits.h"

#include <algorithm>

namespace kaio {

WaitSet::OnRing on_ring(const Context& context, const Requests& requests, AiocbList list) noexcept {
  bool some = false;
  bool others = false;
  for (const aiocb* control_block : list) {
    if (control_block == nullptr) continue;
    const Request* request = request_in_progress(requests, *control_block);
    if (request == nullptr) continue;
    // seq_cst: a leader says that it is wakeable, then looks here; whoever takes a request
    // off the ring says so here, then calls.
    const TransferState state = request->state.load(std::memory_order_seq_cst);
    const bool in_ring = state == TransferState::in_kernel || state == TransferState::polling;
    // In some thread's hands, which may be about to submit it, lazily.
    const bool in_motion = state == TransferState::starting || state == TransferState::free;
    some |= in_ring || in_motion;
    others |= !in_ring;
  }
  if (!some || !context.ready()) return WaitSet::OnRing::none;
  return others ? WaitSet::OnRing::some : WaitSet::OnRing::all;
}

bool AnyDone::done() const {
  if (all_found_) return any_ended();
  bool listed = false;
  for (const aiocb* control_block : list_) {
    if (control_block == nullptr) continue;
    listed = true;
    if (request_in_progress(requests_, *control_block) == nullptr) return true;
  }
  all_found_ = listed;
  return !listed;
}

bool AnyDone::any_ended() const {
  for (const aiocb* control_block : list_) {
    if (control_block == nullptr) continue;
    // acquire pairs with the exchange that publishes the status.
    if (!status::is_in_progress(cell_of(*control_block).word.load(std::memory_order_acquire)))
      return true;
  }
  return false;
}

// The status word of a request in progress, so that its end wakes us.
std::uint32_t AnyDone::marked(std::uint32_t word) const noexcept {
  return is_long() ? status::announced_to(word, event_count_number_) : word | status::waiter;
}

bool AnyDone::mark() {
  if (is_long()) {
    // First, so that whatever is announced from now on shows.
    const std::uint32_t numbers[] = {event_count_number_, status::several};
    for (std::size_t i = 0; i < counts_seen_.size(); ++i) {
      const sys::FutexWord& count = event_counts_.at(numbers[i]);
      counts_seen_[i] = {.expected = count.load(std::memory_order_seq_cst), .word = &count};
    }
  }
  for (const aiocb* control_block : list_) {
    if (control_block == nullptr) continue;
    sys::FutexWord& word = cell_of(*control_block).word;
    // seq_cst: the completer's exchange either takes the mark, or is seen here. That
    // holds too for a mark that is there already, which only the exchange takes away: so
    // a list that is waited for again and again is marked once.
    std::uint32_t now = word.load(std::memory_order_seq_cst);
    for (;;) {
      if (!status::is_in_progress(now)) return true;
      const std::uint32_t wanted = marked(now);
      if (wanted == now || word.compare_exchange_weak(now, wanted, std::memory_order_seq_cst))
        break;
    }
  }
  // Before a sleep, all of it anew: a handler may have forked, and be in the child,
  // where the words stay as they are and nobody ever ends these requests.
  all_found_ = false;
  return done();
}

std::size_t AnyDone::words(std::span<sys::FutexExpectation> space) {
  if (is_long()) {
    std::ranges::copy(counts_seen_, space.begin());
    return counts_seen_.size();
  }
  std::size_t count = 0;
  for (const aiocb* control_block : list_) {
    if (control_block == nullptr) continue;
    const sys::FutexWord& word = cell_of(*control_block).word;
    const std::uint32_t now = word.load(std::memory_order_seq_cst);
    if (!status::is_in_progress(now)) return 0;
    // Without the mark it is another request's by now: then nobody sleeps on it.
    space[count++] = {.expected = now | status::waiter, .word = &word};
  }
  return count;
}

}  // namespace kaio
