// SPDX-License-Identifier: MIT
// One POSIX request, from acceptance to the end of its notification: a transfer, and what its
// aiocb, its list, its notification and the order of its descriptor add to it. The table of
// states is core/transfer.h's; `held` is order/'s, `finished` is wait/'s and notify/'s.
//
// The struct is 192 bytes and a descriptor record 64, so that a request costs at most 256
// bytes of ours even when it is the only one of its descriptor.
#pragma once

#include "core/transfer.h"
#include "posix/request/notification.h"
#include "posix/request/status_cell.h"

namespace kaio {

struct RequestGroup;

// Request::claim: the generation in the upper 30 bits, the lowest of which is always set, and
// whose the result is. So a generation is never 0, which a zeroed aiocb holds, though it goes
// round after 2^29 lives of the slot. That does not matter for an aiocb: it also has to be the
// one that the request is for, whose identity each submission writes anew. And a call that
// compares the generation later on would have to be preempted for exactly as many lives.
namespace claim {
inline constexpr std::uint32_t mask = 3;
inline constexpr std::uint32_t next_life = 8;
inline constexpr std::uint32_t none = 0;      // not decided
inline constexpr std::uint32_t retained = 1;  // in the list for aio_waitcomplete
inline constexpr std::uint32_t taken = 2;     // by aio_return, or not wanted any more
inline constexpr std::uint32_t kept = 3;      // in no list: whoever takes it frees the request
}  // namespace claim

// Notifiable::next_item is, until the request is detached from its descriptor's record, the
// link of the record's list of everything outstanding, in call order.
struct Request : Transfer, Notifiable {
  Request* all_previous = nullptr;  // the other link of that list
  StatusCell* cell = nullptr;
  RequestGroup* group = nullptr;
  std::uint32_t slot = 0;  // its index in the slab; constant

  // Counts the lives of the slot, and who may still take the result of this one
  // (posix/order/requests.h, posix/wait/retrieval.h). Never 0, which a zeroed aiocb holds.
  std::atomic<std::uint32_t> claim{4};

  std::uint32_t generation() const noexcept {
    return claim.load(std::memory_order_relaxed) & ~kaio::claim::mask;
  }
  // Of this life of the slot: its generation, and its index below. Never 0.
  std::uint64_t identity() const noexcept { return std::uint64_t{generation()} << 32 | slot; }

  // In which place it ended, for posix/wait/retrieval.h; afterwards, in the same memory.
  std::uint64_t end_number() const noexcept {
    return static_cast<std::uint64_t>(control.u.c.offset);
  }
  void set_end_number(std::uint64_t value) noexcept {
    control.u.c.offset = static_cast<long long>(value);
  }
};
static_assert(sizeof(Request) <= 192);

// What the backends take, and give back.
inline Request& request_of(Transfer& transfer) noexcept { return static_cast<Request&>(transfer); }
inline const Request& request_of(const Transfer& transfer) noexcept {
  return static_cast<const Request&>(transfer);
}
inline Request* request_of(Transfer* transfer) noexcept { return static_cast<Request*>(transfer); }

}  // namespace kaio
