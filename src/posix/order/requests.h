// SPDX-License-Identifier: MIT
// All memory of requests, and how an aiocb finds its own: by slot and generation,
// both of which are checked, so that no content of an aiocb can lead astray.
#pragma once

#include "posix/order/descriptor_table.h"
#include "posix/request/iovec_store.h"
#include "posix/request/request_group.h"
#include "posix/request/slab.h"

namespace kaio {

namespace limits {
inline constexpr std::uint32_t requests_max = (4u << 20) - 256;
inline constexpr std::uint32_t groups_max = 1u << 20;
static_assert(requests_max <= OccupancyLayout::listed_max);  // all may be on one descriptor
}  // namespace limits

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
      if (request->state.load(std::memory_order_acquire) != TransferState::free &&
          (request->claim.load(std::memory_order_acquire) & claim::mask) != claim::taken)
        return true;
    }
  }

  // Memory held for requests, lists and vectors; none of it is ever given back.
  std::size_t mapped_bytes() const noexcept {
    return slab.mapped_bytes() + groups.mapped_bytes() + vectors.mapped_bytes();
  }

  void free(Request& request) noexcept {
    if (request.operation.vectored)
      vectors.free(request.operation.vector(), request.operation.size);
    request.operation.vectored = false;
    request.move_to(TransferState::free);
    // release: whoever finds the new generation finds nothing of the old life.
    request.claim.store(request.generation() + claim::next_life, std::memory_order_release);
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
