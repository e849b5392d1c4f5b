// SPDX-License-Identifier: MIT
// Where kaio keeps its part of an aiocb: in the members that glibc reserves for
// its own implementation, which a program compiled against <aio.h> never touches.
//
//   __next_prio      slot and generation of the request (posix/order/requests.h)
//   __error_code     the status word
//   __return_value   the result
#pragma once

#include <aio.h>
#include <cstddef>

#include "posix/order/requests.h"

namespace kaio {

static_assert(sizeof(aiocb) == 168, "an aiocb of another C library or architecture");
static_assert(offsetof(aiocb, __next_prio) == 96);
static_assert(offsetof(aiocb, __error_code) == 112);
static_assert(offsetof(aiocb, __return_value) == 120);
static_assert(offsetof(aiocb, aio_offset) == 128);
static_assert(offsetof(StatusCell, word) == 0 && offsetof(StatusCell, result_bytes) == 8);

// aio_error() and aio_suspend() take const aiocbs whose status changes under them.
inline StatusCell& cell_of(const aiocb& control_block) noexcept {
  return *reinterpret_cast<StatusCell*>(const_cast<int*>(&control_block.__error_code));
}

inline aiocb* aiocb_of(StatusCell& cell) noexcept {
  return reinterpret_cast<aiocb*>(reinterpret_cast<char*>(&cell) - offsetof(aiocb, __error_code));
}

struct RequestId {
  std::uint32_t slot;
  std::uint32_t generation;
};

inline RequestId id_of(const aiocb& control_block) noexcept {
  const auto bits = reinterpret_cast<std::uintptr_t>(control_block.__next_prio);
  return {.slot = static_cast<std::uint32_t>(bits),
          .generation = static_cast<std::uint32_t>(bits >> 32)};
}

inline void set_id(aiocb& control_block, std::uint64_t identity) noexcept {
  control_block.__next_prio = reinterpret_cast<aiocb*>(std::uintptr_t{identity});
}

// The request that this aiocb is in progress for; null if it is not, whatever its
// memory happens to hold.
inline Request* request_in_progress(const Requests& requests, const aiocb& control_block) noexcept {
  // acquire pairs with the exchange that publishes the status.
  if (!status::is_in_progress(cell_of(control_block).word.load(std::memory_order_acquire)))
    return nullptr;
  const RequestId id = id_of(control_block);
  Request* request = requests.find(id.slot, id.generation);
  return request != nullptr && request->cell == &cell_of(control_block) ? request : nullptr;
}

}  // namespace kaio
