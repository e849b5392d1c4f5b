// SPDX-License-Identifier: MIT
// All memory of requests, and how an aiocb finds its own: by slot and generation,
// both of which are checked, so that no content of an aiocb can lead astray.
#pragma once

#include "request/descriptor_table.h"
#include "request/iovec_store.h"
#include "request/request_group.h"
#include "request/slab.h"

namespace kaio {

namespace limits {
inline constexpr std::uint32_t requests_max = (4u << 20) - 256;
inline constexpr std::uint32_t groups_max = 1u << 20;
static_assert(requests_max <= OccupancyLayout::listed_max);  // all may be on one descriptor
}  // namespace limits

// Request::claim: generation in the upper 30 bits, the lowest of which is always set, and
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
inline constexpr std::uint32_t kept = 3;      // in no list: who takes it frees the request
}  // namespace claim

struct Requests {
  Slab<Request, 64, limits::requests_max / 64> slab;  // three pages each time
  Slab<RequestGroup, 256, limits::groups_max / 256> groups;
  IovecStore vectors;
  DescriptorTable descriptors;

  // The request of that slot and generation; null when that life is over.
  Request* find(std::uint32_t slot, std::uint32_t generation) const noexcept {
    Request* request = slab.at(slot);
    if (request == nullptr) return nullptr;
    const std::uint32_t claim = request->claim.load(std::memory_order_acquire);
    return (claim & ~claim::mask) == generation ? request : nullptr;
  }

  // Whether any request is outstanding, or ended with a result that nobody has taken.
  // Looks at one after the other.
  bool any_to_retrieve() const noexcept {
    for (std::uint32_t slot = 0;; ++slot) {
      const Request* request = slab.at(slot);
      if (request == nullptr) return false;
      if (request->state.load(std::memory_order_acquire) != RequestState::free &&
          (request->claim.load(std::memory_order_acquire) & claim::mask) != claim::taken)
        return true;
    }
  }

  // Memory held for requests, lists and vectors; none of it is ever given back.
  std::size_t mapped_bytes() const noexcept {
    return slab.mapped_bytes() + groups.mapped_bytes() + vectors.mapped_bytes();
  }

  static std::uint32_t generation_of(const Request& request) noexcept {
    return request.claim.load(std::memory_order_relaxed) & ~claim::mask;
  }

  void free(Request& request) noexcept {
    if (request.operation.vectored)
      vectors.free(request.operation.vector(), request.operation.size);
    request.operation.vectored = false;
    request.state.store(RequestState::free, std::memory_order_relaxed);
    // release: whoever finds the new generation finds nothing of the old life.
    request.claim.store(generation_of(request) + claim::next_life, std::memory_order_release);
    auto pending = KernelPoll::pending;
    if (request.poll.load(std::memory_order_acquire) == KernelPoll::none ||
        !request.poll.compare_exchange_strong(pending, KernelPoll::orphaned))
      slab.free(request);
  }

  // The event of its poll has come, or the poll was not taken.
  void release_poll(Request& request) noexcept {
    if (request.poll.exchange(KernelPoll::none) == KernelPoll::orphaned) slab.free(request);
  }
};

}  // namespace kaio
