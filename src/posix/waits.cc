// SPDX-License-Identifier: MIT
#include "posix/waits.h"

namespace kaio {

WaitSet::OnRing on_ring(const Context& context, const Requests& requests,
                        AiocbList list) noexcept {
  bool some = false;
  bool others = false;
  for (const aiocb* control_block : list) {
    if (control_block == nullptr) continue;
    const Request* request = request_in_progress(requests, *control_block);
    if (request == nullptr) continue;
    // seq_cst: a leader says that it is callable, then looks here; who takes a request
    // off the ring says so here, then calls.
    const RequestState state = request->state.load(std::memory_order_seq_cst);
    const bool in_ring = state == RequestState::in_kernel || state == RequestState::polling;
    // In some thread's hands, which may be about to submit it, lazily.
    const bool in_motion = state == RequestState::starting || state == RequestState::free;
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

bool AnyDone::mark() {
  for (const aiocb* control_block : list_) {
    if (control_block == nullptr) continue;
    sys::FutexWord& word = cell_of(*control_block).word;
    // seq_cst: the completer's exchange either takes the bit, or is seen here. That
    // holds too for a bit that is set already, which only the exchange takes away: so a
    // list that is waited for again and again is marked once.
    std::uint32_t now = word.load(std::memory_order_seq_cst);
    do {
      if (!status::is_in_progress(now)) return true;
    } while ((now & status::waiter) == 0 &&
             !word.compare_exchange_weak(now, now | status::waiter, std::memory_order_seq_cst));
  }
  // Before a sleep, all of it anew: a handler may have forked, and be in the child,
  // where the words stay as they are and nobody ever ends these requests.
  all_found_ = false;
  return done();
}

std::size_t AnyDone::words(std::span<sys::FutexExpectation> space) const {
  std::size_t count = 0;
  for (const aiocb* control_block : list_) {
    if (control_block == nullptr) continue;
    if (count < space.size())
      space[count] = {.word = &cell_of(*control_block).word,
                      .expected = status::in_progress | status::waiter};
    ++count;
  }
  return count;
}

}  // namespace kaio
