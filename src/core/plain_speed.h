// SPDX-License-Identifier: MIT
// Whether io_submit without RWF_NOWAIT returns soon, device by device.
//
// Where O_DIRECT files do not know RWF_NOWAIT nobody can tell before: for a compressed disk
// in memory the call takes microseconds, for a busy server as long as the server. So helper
// threads do it, and it is measured. When it was quick often enough in a row, whoever
// submits may do it in its own call, as all users of kernel AIO do, which takes a third of the
// time; until a call was slow, which then has to be made up for by more quick ones than
// before. Of reads and writes apart.
//
// A bounded set; devices beyond it are left to the helper threads. Any thread may ask and
// tell at any time: guesses only.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace kaio {

class PlainSpeed {
 public:
  static constexpr std::int64_t quick_ns_max = 200'000;
  static constexpr std::int64_t slow_ns_min = 1'000'000;
  static constexpr std::uint32_t quick_count_first = 16;
  static constexpr std::uint32_t quick_count_max = 4096;

  bool is_quick(std::uint32_t device, bool to_read) const noexcept {
    for (const Entry& entry : entries_) {
      const std::uint64_t key = entry.key.load(std::memory_order_relaxed);
      if (key == key_of(device, to_read)) return entry.missing.load(std::memory_order_relaxed) == 0;
      if (key == 0) return false;
    }
    return false;
  }

  void took(std::uint32_t device, bool to_read, std::int64_t time_ns) noexcept {
    Entry* entry = find_or_make(key_of(device, to_read));
    if (entry == nullptr) return;
    const std::uint32_t missing = entry->missing.load(std::memory_order_relaxed);
    if (time_ns >= slow_ns_min) {
      const std::uint32_t next =
          std::min(2 * entry->required.load(std::memory_order_relaxed), quick_count_max);
      entry->required.store(next, std::memory_order_relaxed);
      entry->missing.store(next, std::memory_order_relaxed);
    } else if (missing != 0) {
      const std::uint32_t required = entry->required.load(std::memory_order_relaxed);
      entry->missing.store(time_ns <= quick_ns_max ? missing - 1 : required,
                           std::memory_order_relaxed);
    }
  }

 private:
  struct Entry {
    std::atomic<std::uint64_t> key{0};                      // 0: free
    std::atomic<std::uint32_t> missing{quick_count_first};  // quick ones, until it counts as quick
    std::atomic<std::uint32_t> required{quick_count_first};
  };

  static std::uint64_t key_of(std::uint32_t device, bool to_read) noexcept {
    return (std::uint64_t{device} << 1 | std::uint64_t{to_read}) + 1;
  }

  Entry* find_or_make(std::uint64_t wanted) noexcept {
    for (Entry& entry : entries_) {
      std::uint64_t key = 0;
      if (entry.key.compare_exchange_strong(key, wanted, std::memory_order_relaxed) ||
          key == wanted)
        return &entry;
    }
    return nullptr;
  }

  std::array<Entry, 64> entries_;
};

}  // namespace kaio
