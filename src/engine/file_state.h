// SPDX-License-Identifier: MIT
// What is known of a File. Found when it is opened, but for the atomic members: guesses of all
// engines that use the file, and whether a sync of it has failed.
#pragma once

#include <atomic>

#include <kaio/engine/file.h>

#include "core/carry/carrier.h"

namespace kaio::engine {

struct FileState {
  int fd = -1;

  struct Direction {
    // Kernel AIO can be tried with RWF_NOWAIT before anything is asked.
    std::atomic<bool> straight{false};
    // RWF_NOWAIT was refused; a guess whether the next one would block, as KnownFile has them.
    std::atomic<bool> refuses_nowait{false};
    std::atomic<std::uint8_t> blocks{0};
    std::uint32_t misaligned_bits = 0;  // that lengths and offsets must not have
  } reads, writes;
  std::uintptr_t misaligned_address_bits = 0;

  FileFacts facts;
  Alignment alignment;
  std::atomic<bool> sync_failed{false};

  Direction& direction(bool to_read) noexcept { return to_read ? reads : writes; }

  // After a change of what decides it.
  void decide(bool to_read) noexcept {
    Direction& to = direction(to_read);
    to.straight.store(facts.traits.direct && !(facts.traits.append && !to_read) &&
                          !to.refuses_nowait.load(std::memory_order_relaxed) &&
                          to.blocks.load(std::memory_order_relaxed) == 0,
                      std::memory_order_relaxed);
  }

  FileFacts facts_now() const noexcept {
    FileFacts now = facts;
    now.traits.refuses_nowait_reads |= reads.refuses_nowait.load(std::memory_order_relaxed);
    now.traits.refuses_nowait_writes |= writes.refuses_nowait.load(std::memory_order_relaxed);
    return now;
  }
  KnownFile known() const noexcept {
    return {.traits = facts_now().traits,
            .reads_block = reads.blocks.load(std::memory_order_relaxed),
            .writes_block = writes.blocks.load(std::memory_order_relaxed)};
  }
};

}  // namespace kaio::engine
