// SPDX-License-Identifier: MIT
// All memory of requests, and how an aiocb finds its own: by slot and generation,
// both of which are checked, so that no content of an aiocb can lead astray.
#pragma once

#include "core/statistics.h"
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

// A free request for each of the first threads: what a thread has just freed it mostly needs
// next, and so takes and gives back without an atomic read-modify-write, and nobody else's cache
// line. Only the thread itself, and its signal handlers, ever touch its place.
class OwnPlaces {
 public:
  // How many there are at most. They are free, but of no use to other threads.
  static constexpr std::uint32_t count = Statistics::own_shard_count;

  // Null: there is none, or the thread has no place.
  Request* take() noexcept {
    const std::uint32_t number = Statistics::this_threads_number();
    return number < count ? take(number) : nullptr;
  }
  // `number`: the calling thread's.
  Request* take(std::uint32_t number) noexcept {
    std::atomic<Request*>& place = places_[number].request;
    Request* const request = place.load(std::memory_order_relaxed);
    // False: a handler has just taken it.
    return request != nullptr && sys::exchange_alone<Request>(place, request, nullptr) ? request
                                                                                       : nullptr;
  }
  // False: it is taken, or the thread has none.
  bool put(Request& request) noexcept {
    const std::uint32_t number = Statistics::this_threads_number();
    return number < count &&
           sys::exchange_alone<Request>(places_[number].request, nullptr, &request);
  }

 private:
  struct alignas(64) Place {
    std::atomic<Request*> request{nullptr};
  };
  std::array<Place, count> places_{};
};

struct Requests {
  Slab<Request, 64, limits::requests_max / 64> slab;  // three pages each time
  OwnPlaces own_places;
  Slab<RequestGroup, 256, limits::groups_max / 256> groups;
  IovecStore vectors;
  DescriptorTable descriptors;

  // Null when all the memory that there is so far is in use.
  Request* take_free() noexcept {
    Request* const own = own_places.take();
    return own != nullptr ? own : slab.take_free();
  }
  // The same for a thread that has that number.
  Request* take_free(std::uint32_t number) noexcept {
    Request* const own = own_places.take(number);
    return own != nullptr ? own : slab.take_free();
  }
  // Memory for so many at once.
  void reserve(std::uint32_t count) noexcept { slab.reserve(count + OwnPlaces::count); }

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
    begin_next_life(request, request.generation());
    auto pending = KernelPoll::pending;
    if (request.poll.load(std::memory_order_acquire) == KernelPoll::none ||
        !request.poll.compare_exchange_strong(pending, KernelPoll::orphaned))
      put_back(request);
  }
  // The same for one that has nothing but itself to be freed.
  static bool is_freed_at_once(const Request& request) noexcept {
    return !request.operation.vectored &&
           request.poll.load(std::memory_order_acquire) == KernelPoll::none;
  }
  void free_at_once(Request& request, std::uint32_t generation) noexcept {
    begin_next_life(request, generation);
    put_back(request);
  }

  // The event of its poll has come, or the poll was not taken.
  void release_poll(Request& request) noexcept {
    if (request.poll.exchange(KernelPoll::none) == KernelPoll::orphaned) slab.free(request);
  }

 private:
  static void begin_next_life(Request& request, std::uint32_t generation) noexcept {
    request.move_to(TransferState::free);
    // release: whoever finds the new generation finds nothing of the old life.
    request.claim.store(generation + claim::next_life, std::memory_order_release);
  }
  void put_back(Request& request) noexcept {
    if (!own_places.put(request)) slab.free(request);
  }
};

}  // namespace kaio
