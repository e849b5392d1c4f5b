// SPDX-License-Identifier: MIT
// Our copies of the caller's iovec arrays, in two sizes, from slabs, because the
// copy is given back by whoever completes the request.
#pragma once

#include <sys/uio.h>

#include "posix/request/slab.h"

namespace kaio {

class IovecStore {
 public:
  static constexpr std::size_t count_max = 1024;  // IOV_MAX

  // Null when there is no memory. `count` <= count_max.
  iovec* copy(const iovec* source, std::size_t count) noexcept {
    iovec* target = allocate(count);
    for (std::size_t i = 0; target != nullptr && i < count; ++i) target[i] = source[i];
    return target;
  }

  // `vector` and `count` as for copy().
  void free(iovec* vector, std::size_t count) noexcept {
    if (count <= few) {
      small_.free(*block_of<SmallBlock>(vector));
    } else {
      large_.free(*block_of<LargeBlock>(vector));
    }
  }

  std::size_t mapped_bytes() const noexcept {
    return small_.mapped_bytes() + large_.mapped_bytes();
  }

 private:
  static constexpr std::size_t few = 15;

  template <std::size_t capacity>
  struct Block {
    std::uint32_t slot = 0;
    std::atomic<std::uint32_t> next_free{0};
    iovec parts[capacity];
  };
  using SmallBlock = Block<few>;
  using LargeBlock = Block<count_max>;

  template <class BlockType>
  static BlockType* block_of(iovec* vector) noexcept {
    return reinterpret_cast<BlockType*>(reinterpret_cast<char*>(vector) -
                                        offsetof(BlockType, parts));
  }

  iovec* allocate(std::size_t count) noexcept {
    if (count <= few) {
      SmallBlock* block = small_.allocate();
      return block == nullptr ? nullptr : block->parts;
    }
    LargeBlock* block = large_.allocate();
    return block == nullptr ? nullptr : block->parts;
  }

  Slab<SmallBlock, 256, 4096> small_;
  Slab<LargeBlock, 16, 4096> large_;
};

}  // namespace kaio
