// SPDX-License-Identifier: MIT
// The completion ring that the kernel maps into our memory: it writes events and
// `tail`; we read events and write `head`, which frees their slots.
//
// Only the holder of the reap lock may move the head (posix/wait/ring_reaper.h). Looking
// is free for everybody.
#pragma once

#include <atomic>
#include <cstdint>
#include <libaio.h>

#include "sys/alone.h"

namespace kaio {

class Ring {
 public:
  Ring() = default;

  // The context handle is the ring's address. Usable only if the layout is the
  // one we know: kernels are free to change it and say so in these two fields.
  explicit Ring(io_context_t context) noexcept {
    auto* header = reinterpret_cast<Header*>(context);
    if (header->magic == known_magic && header->incompatible_features == 0) header_ = header;
  }

  bool usable() const noexcept { return header_ != nullptr; }
  std::uint32_t slot_count() const noexcept { return header_->slot_count; }
  void* address() const noexcept { return header_; }
  std::size_t size_bytes() const noexcept {
    return header_->header_length + slot_count() * sizeof(io_event);
  }

  // Counts the events that were ever posted, modulo the size of the ring.
  std::uint32_t posted() const noexcept { return tail().load(std::memory_order_relaxed); }

  // Whether an event of that iocb is among those that were posted since posted() said so, provided
  // that they are fewer than the ring has room for.
  bool has_posted(const iocb& control, std::uint32_t since) const noexcept {
    const std::uint32_t end = tail().load(std::memory_order_acquire);
    for (std::uint32_t place = since; place != end;
         place = place + 1 == slot_count() ? 0 : place + 1)
      if (events()[place].obj == &control) return true;
    return false;
  }

  bool empty() const noexcept {
    // acquire on tail pairs with the kernel's write barrier between storing an
    // event and publishing it: the event is there when its number is.
    return head().load(std::memory_order_relaxed) == tail().load(std::memory_order_acquire);
  }

  // Takes the oldest event. False: there is none. The head moves by compare and
  // exchange because a signal handler of this very thread may have taken events
  // between our look and our claim; it holds the same lock.
  bool take(io_event& event) noexcept {
    std::uint32_t place = head().load(std::memory_order_relaxed);
    for (;;) {
      if (place == tail().load(std::memory_order_acquire)) return false;
      event = events()[place];
      const std::uint32_t following = place + 1 == slot_count() ? 0 : place + 1;
      // release: the copy above is complete before the kernel may overwrite it.
      if (sys::exchange_alone(header_->head, place, following)) return true;
    }
  }

 private:
  struct Header {
    std::uint32_t id;
    std::uint32_t slot_count;
    std::uint32_t head;
    std::uint32_t tail;
    std::uint32_t magic;
    std::uint32_t compatible_features;
    std::uint32_t incompatible_features;
    std::uint32_t header_length;
  };
  static constexpr std::uint32_t known_magic = 0xa10a10a1;

  std::atomic_ref<std::uint32_t> head() const noexcept {
    return std::atomic_ref<std::uint32_t>(header_->head);
  }
  std::atomic_ref<std::uint32_t> tail() const noexcept {
    return std::atomic_ref<std::uint32_t>(header_->tail);
  }
  const io_event* events() const noexcept {
    return reinterpret_cast<const io_event*>(reinterpret_cast<const char*>(header_) +
                                             header_->header_length);
  }

  Header* header_ = nullptr;
};

}  // namespace kaio
