// SPDX-License-Identifier: MIT
// Descriptor number to record, without a lock: two levels of arrays that are
// mapped when first touched and never freed.
#pragma once

#include "request/descriptor_record.h"
#include "sys/pages.h"

namespace kaio {

class DescriptorTable {
 public:
  // Null for a negative number, or without memory.
  DescriptorRecord* at(int fd) noexcept {
    if (fd < 0 || leaves_ == nullptr) return nullptr;
    Leaf& slot = leaves_[static_cast<unsigned>(fd) / leaf_size];
    DescriptorRecord* leaf = slot.load(std::memory_order_acquire);
    if (leaf == nullptr && (leaf = make_leaf(slot)) == nullptr) return nullptr;
    return leaf + static_cast<unsigned>(fd) % leaf_size;
  }

 private:
  static constexpr std::size_t leaf_size = 65536;
  static constexpr std::size_t leaf_count = (std::size_t{1} << 31) / leaf_size;

  using Leaf = std::atomic<DescriptorRecord*>;

  // All members of a record are zero at first, which is what the kernel maps. Not inlined,
  // so that at() is short where it is.
  __attribute__((noinline)) static DescriptorRecord* make_leaf(Leaf& slot) noexcept {
    constexpr std::size_t leaf_bytes = leaf_size * sizeof(DescriptorRecord);
    auto* leaf = static_cast<DescriptorRecord*>(sys::map_pages(leaf_bytes));
    if (leaf == nullptr) return nullptr;
    DescriptorRecord* expected = nullptr;
    if (slot.compare_exchange_strong(expected, leaf, std::memory_order_acq_rel)) return leaf;
    sys::unmap_pages(leaf, leaf_bytes);
    return expected;
  }

  // Mapped and not a member, so that the quarter of a megabyte is not touched.
  Leaf* leaves_ = static_cast<Leaf*>(sys::map_pages(leaf_count * sizeof(Leaf)));
};

}  // namespace kaio
