// SPDX-License-Identifier: MIT
// Descriptor number to record, without a lock: arrays in three levels, each mapped when it is
// first needed, and never freed. The numbers that most programs have are all in the first
// leaf, which is found at once.
#pragma once

#include <array>

#include "posix/order/descriptor_record.h"
#include "sys/pages.h"

namespace kaio {

class DescriptorTable {
 public:
  // Null for a negative number, or without memory.
  DescriptorRecord* at(int fd) noexcept {
    DescriptorRecord* const there = at_once(fd);
    return there != nullptr ? there : find(fd);
  }
  // Null as well for one that takes longer to find.
  DescriptorRecord* at_once(int fd) noexcept {
    const auto number = static_cast<unsigned>(fd);
    DescriptorRecord* const first = first_.load(std::memory_order_acquire);
    return number < leaf_size && first != nullptr ? first + number : nullptr;
  }

 private:
  // Small, because a program that locks its memory (mlockall) pays for all of it.
  static constexpr std::size_t leaf_size = 1024;
  static constexpr std::size_t branch_size = 1024;
  static constexpr std::size_t root_size = (std::size_t{1} << 31) / (leaf_size * branch_size);

  using Leaf = std::atomic<DescriptorRecord*>;
  using Branch = std::atomic<Leaf*>;

  // Not inlined, so that at() is short where it is.
  __attribute__((noinline)) DescriptorRecord* find(int fd) noexcept {
    if (fd < 0) return nullptr;
    const auto number = static_cast<unsigned>(fd);
    if (number < leaf_size) {
      DescriptorRecord* const first = get(first_, leaf_size);
      return first == nullptr ? nullptr : first + number;
    }
    Leaf* const leaves = get(root_[number / (leaf_size * branch_size)], branch_size);
    if (leaves == nullptr) return nullptr;
    DescriptorRecord* const leaf = get(leaves[number / leaf_size % branch_size], leaf_size);
    return leaf == nullptr ? nullptr : leaf + number % leaf_size;
  }

  // All members of what the arrays hold are zero at first, which is what the kernel maps.
  template <class Element>
  static Element* get(std::atomic<Element*>& slot, std::size_t count) noexcept {
    Element* there = slot.load(std::memory_order_acquire);
    if (there != nullptr) return there;
    auto* const made = static_cast<Element*>(sys::map_pages(count * sizeof(Element)));
    if (made == nullptr) return nullptr;
    if (slot.compare_exchange_strong(there, made, std::memory_order_acq_rel)) return made;
    sys::unmap_pages(made, count * sizeof(Element));
    return there;
  }

  Leaf first_{nullptr};
  std::array<Branch, root_size> root_{};
};

}  // namespace kaio
