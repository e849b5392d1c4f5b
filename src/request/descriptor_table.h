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
    DescriptorRecord* first = first_leaf_.load(std::memory_order_acquire);
    return static_cast<unsigned>(fd) < leaf_size && first != nullptr ? first + fd : find(fd);
  }

 private:
  static constexpr std::size_t leaf_size = 65536;
  static constexpr std::size_t leaf_count = (std::size_t{1} << 31) / leaf_size;

  __attribute__((noinline)) DescriptorRecord* find(int fd) noexcept {
    if (fd < 0 || leaves_ == nullptr) return nullptr;
    std::atomic<DescriptorRecord*>& slot = leaves_[static_cast<unsigned>(fd) / leaf_size];
    DescriptorRecord* leaf = slot.load(std::memory_order_acquire);
    if (leaf == nullptr && (leaf = make_leaf(slot)) == nullptr) return nullptr;
    if (&slot == leaves_) first_leaf_.store(leaf, std::memory_order_release);
    return leaf + static_cast<unsigned>(fd) % leaf_size;
  }

  // All members of a record are zero at first, which is what the kernel maps.
  static DescriptorRecord* make_leaf(std::atomic<DescriptorRecord*>& slot) noexcept {
    constexpr std::size_t leaf_bytes = leaf_size * sizeof(DescriptorRecord);
    auto* leaf = static_cast<DescriptorRecord*>(sys::map_pages(leaf_bytes));
    if (leaf == nullptr) return nullptr;
    DescriptorRecord* expected = nullptr;
    if (slot.compare_exchange_strong(expected, leaf, std::memory_order_acq_rel)) return leaf;
    sys::unmap_pages(leaf, leaf_bytes);
    return expected;
  }

  // Mapped and not a member, so that the quarter of a megabyte is not touched.
  using Leaf = std::atomic<DescriptorRecord*>;
  std::atomic<DescriptorRecord*> first_leaf_{nullptr};  // that of most programs' numbers
  Leaf* leaves_ = static_cast<Leaf*>(sys::map_pages(leaf_count * sizeof(Leaf)));
};

}  // namespace kaio
