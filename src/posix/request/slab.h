// SPDX-License-Identifier: MIT
// Fixed-size objects, allocated and freed without a lock and without malloc, so
// that it may happen in a signal handler and in whoever reaps completions.
//
// Memory is mapped in chunks and never given back, so a stale pointer into it
// reads an object of the same type: what makes the generation check of a request
// safe, whatever an aiocb happens to contain.
//
// Free objects form a stack of indexes. Its head carries a counter next to the
// index, so that popping cannot be fooled by an object that went and came back.
#pragma once

#include <atomic>
#include <cstdint>
#include <new>

#include "sys/pages.h"

namespace kaio {

// `Object` has a member `std::uint32_t slot`, which the slab sets, and one
// `std::atomic<std::uint32_t> next_free`, which is the slab's while the object is
// free (atomic, because a popper may read it while another thread already has
// the object). Objects are default-constructed once, when their chunk is mapped.
template <class Object, std::uint32_t objects_per_chunk, std::uint32_t chunks_max>
class Slab {
 public:
  static constexpr std::uint32_t capacity = objects_per_chunk * chunks_max;

  // Null when the process has no memory left, or `capacity` are in use.
  Object* allocate() noexcept {
    do {
      if (Object* object = take_free()) return object;
    } while (grow());
    return nullptr;
  }

  // Null when all the memory that there is so far is in use.
  Object* take_free() noexcept {
    std::uint64_t head = free_head_.load(std::memory_order_acquire);
    while (index_of(head) != none) {
      Object& object = known(index_of(head));
      const std::uint64_t next = successor(head, object.next_free.load(std::memory_order_relaxed));
      // acquire pairs with the release in push(): the object as it was left.
      if (free_head_.compare_exchange_weak(head, next, std::memory_order_acquire,
                                           std::memory_order_acquire))
        return &object;
    }
    return nullptr;
  }

  void free(Object& object) noexcept { push(object.slot, object); }

  // The object with that index, in use or free; null where there never was one.
  Object* at(std::uint32_t index) const noexcept {
    return index < slot_count() ? &known(index) : nullptr;
  }

  // Every index below has an object.
  std::uint32_t slot_count() const noexcept {
    return chunk_count_.load(std::memory_order_acquire) * objects_per_chunk;
  }

  // Makes memory ready for `count` objects.
  void reserve(std::uint32_t count) noexcept {
    while (slot_count() < count && grow()) {
    }
  }

  std::size_t mapped_bytes() const noexcept {
    return chunk_count_.load(std::memory_order_acquire) * chunk_bytes;
  }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;
  static constexpr std::size_t chunk_bytes = sizeof(Object) * objects_per_chunk;

  // One that there is.
  Object& known(std::uint32_t index) const noexcept {
    // acquire pairs with the exchange that put the chunk in place.
    return chunks_[index / objects_per_chunk].load(
        std::memory_order_acquire)[index % objects_per_chunk];
  }

  static std::uint32_t index_of(std::uint64_t head) noexcept {
    return static_cast<std::uint32_t>(head);
  }
  static std::uint64_t successor(std::uint64_t head, std::uint32_t index) noexcept {
    return ((head >> 32) + 1) << 32 | index;
  }

  // Puts `last`, which is linked to whatever leads to it from index `first`, on
  // top of the free ones.
  void push(std::uint32_t first, Object& last) noexcept {
    std::uint64_t head = free_head_.load(std::memory_order_relaxed);
    do {
      last.next_free.store(index_of(head), std::memory_order_relaxed);
    } while (!free_head_.compare_exchange_weak(
        head, successor(head, first), std::memory_order_release, std::memory_order_relaxed));
  }

  // True when there may be something to allocate: we mapped a chunk, or somebody
  // else did.
  bool grow() noexcept {
    std::uint32_t index = chunk_count_.load(std::memory_order_acquire);
    if (index == chunks_max || chunks_ == nullptr) return index_of(free_head_.load()) != none;
    void* pages = sys::map_pages(chunk_bytes);
    if (pages == nullptr) return false;
    auto* chunk = static_cast<Object*>(pages);
    const std::uint32_t first = index * objects_per_chunk;
    for (std::uint32_t i = 0; i < objects_per_chunk; ++i) {
      new (&chunk[i]) Object;
      chunk[i].slot = first + i;
      chunk[i].next_free.store(first + i + 1, std::memory_order_relaxed);
    }
    Object* expected = nullptr;
    const bool first_here =
        chunks_[index].compare_exchange_strong(expected, chunk, std::memory_order_acq_rel);
    // Both count it: the first one may be a frame that our signal handler interrupted.
    chunk_count_.compare_exchange_strong(index, index + 1, std::memory_order_acq_rel);
    if (!first_here) {
      sys::unmap_pages(pages, chunk_bytes);
      return true;
    }
    push(first, chunk[objects_per_chunk - 1]);
    return true;
  }

  std::atomic<std::uint64_t> free_head_{none};
  std::atomic<std::uint32_t> chunk_count_{0};
  // Mapped, so that what is not needed of it is not touched.
  using ChunkPointer = std::atomic<Object*>;
  ChunkPointer* chunks_ =
      static_cast<ChunkPointer*>(sys::map_sparse_pages(chunks_max * sizeof(ChunkPointer)));
};

}  // namespace kaio
