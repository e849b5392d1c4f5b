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
  bool listed = false;
  for (const aiocb* control_block : list_) {
    if (control_block == nullptr) continue;
    listed = true;
    if (request_in_progress(requests_, *control_block) == nullptr) return true;
  }
  return !listed;
}

bool AnyDone::mark() {
  for (const aiocb* control_block : list_) {
    if (control_block == nullptr) continue;
    sys::FutexWord& word = cell_of(*control_block).word;
    std::uint32_t now = word.load(std::memory_order_seq_cst);
    do {
      if (!status::is_in_progress(now)) return true;
      // seq_cst: the completer's exchange either takes the bit, or is seen here.
    } while (!word.compare_exchange_weak(now, now | status::waiter, std::memory_order_seq_cst));
  }
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
