// SPDX-License-Identifier: MIT
// A kernel that misbehaves, for the tests of programs that use the engine: short transfers,
// errors, refusals, completions that come late and in another order, and a disk that loses what
// was not synced. What it does follows from a seed and from what it is asked, so that a run can
// be repeated.
//
//   kaio::testing::FaultyKernel kernel({.seed = seed, .short_transfers = 0.1});
//   {
//     kaio::Engine engine({.kernel = &kernel});
//     ...
//     kernel.cut_power();
//   }
//   kernel.lose_unsynced();
//
// It reads and writes the files by ordinary calls, when a completion is taken, in the thread that
// takes it. What an engine does without kernel AIO, by its helper threads (buffered files that
// would block, for example), it does not see: such tests want files that are direct. Of these it
// sees fsync and fdatasync too.
//
// A write is made when its completion is taken, and is unsynced from then on: to lose it, call
// cut_power() in the completion of a write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <kaio/engine/export.h>

namespace kaio::testing {

class FaultyContext;

// Of the chances, 0 is never, and 1 always.
struct FaultOptions {
  std::uint64_t seed = 1;
  unsigned depth = 128;            // that it takes at a time
  double short_transfers = 0;      // of a transfer to end early, at a whole sector
  double errors = 0;               // of a transfer to end with error_number
  int error_number = 5;            // EIO
  double sync_errors = 0;          // the same of an fsync
  double refusals = 0;             // of io_submit to stop with EAGAIN, while others are under way
  double would_block = 0;          // of a transfer with RWF_NOWAIT to end with EAGAIN
  unsigned delay_turns_max = 0;    // looks at the completions until one is there
  bool reorder = true;             // those that are there at once, among each other
  double torn = 0.5;               // of a write that lose_unsynced() loses, to be lost in part
  std::uint64_t reserved[8] = {};  // 0: for what later versions have to add
};

// For the thread that uses the engine, or for any while no engine does.
class KAIO_ENGINE_API FaultyKernel {
 public:
  explicit FaultyKernel(const FaultOptions& options = {});
  ~FaultyKernel();
  FaultyKernel(const FaultyKernel&) = delete;
  FaultyKernel& operator=(const FaultyKernel&) = delete;

  // Once: the `number`th iocb from now, counted from 0, is refused by io_submit.
  void refuse(std::uint64_t number, int error_number);
  // Once: the `number`th operation to end from now, counted from 0, ends with the error, and
  // transfers nothing.
  void fail(std::uint64_t number, int error_number);
  // The next fsync or fdatasync fails, and what it was to make durable stays unsynced.
  void fail_sync(int error_number);

  // From now on every operation ends with EIO and does nothing, until lose_unsynced().
  void cut_power();
  // What a power cut leaves: of each write that no sync of its file and no RWF_DSYNC has made
  // durable, some of its sectors of 512 bytes are there, or none, or all, as the seed says. No
  // engine may be using it; the kaio::Files may be closed. Throws std::system_error if the files
  // cannot be written.
  void lose_unsynced();

  // `unsynced_writes`: how many there are now. What ended for want of power is not in `failed`.
  struct Counts {
    std::uint64_t submitted = 0, completed = 0, refused = 0, shortened = 0, failed = 0,
                  would_block = 0, unsynced_writes = 0, lost_writes = 0, torn_writes = 0;
    std::uint64_t reserved[8] = {};  // 0: for what later versions have to add
  };
  Counts counts() const;

  // For the engine.
  FaultyContext& context() noexcept { return *context_; }

 private:
  std::unique_ptr<FaultyContext> context_;
};

}  // namespace kaio::testing
