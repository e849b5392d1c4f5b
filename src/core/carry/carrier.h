// SPDX-License-Identifier: MIT
// Carries transfers out: chooses what is tried first, understands what that was answered, and
// sends the transfer on to the next backend if need be. The decisions are judge.cc's; here they
// are acted upon. Its owner says whose the transfers are (core/carry/transfer_owner.h).
//
// Which thread. A submitter may do anything that does not block, copy a little of what is
// cached, and submit without RWF_NOWAIT where the device does not know it but has been quick
// (core/plain_speed.h). Threads that take completions submit nothing that may block: such things
// go to the pool. So does what may wait for a server: asking a file system for more than what
// the kernel knows by itself.
#pragma once

#include "core/backend.h"
#include "core/carry/transfer_owner.h"
#include "core/judge.h"
#include "core/kernel/aio_context.h"
#include "core/plain_speed.h"

namespace kaio {

// What is known of a file without asking.
struct KnownFile {
  DescriptorTraits traits;
  std::uint8_t reads_block = 0;  // guesses (TransferOwner::expect): 0 to surely_blocks
  std::uint8_t writes_block = 0;
};

class Carrier {
 public:
  // What the backends answer comes back through the owner: by process_result(), and of the
  // threads by perform() before.
  Carrier(TransferOwner& owner, AioContext& context, Backend& readiness, Backend& threads,
          const Route& route, Statistics& statistics) noexcept
      : owner_(owner), context_(context), readiness_(readiness), threads_(threads), route_(route),
        statistics_(statistics) {}

  // The first attempt, or the next one after a wait for others (state `starting`).
  Started start(Transfer& transfer, By by, SubmissionBatch* batch = nullptr,
                const KnownFile& known = {});

  // Makes the attempt again for which there was no thread.
  Started start_once_more(Transfer& transfer);

  // What an attempt was answered: bytes, poll events, or a negative error number. `refused`: by
  // io_submit itself, not in an event.
  Started process_result(Transfer& transfer, std::int32_t answer, bool refused, By by);

  // The part of it that may block, in a thread of the pool. Nothing: it has been handed on.
  std::optional<std::int32_t> perform(Transfer& transfer);

  // What a descriptor is, and what is known of its device. Asks the kernel.
  FileFacts ask_facts(int fd) const noexcept;

 private:
  // start.cc: what is tried first
  Started start_without_kernel(Transfer& transfer, By by);
  Started start_without_nowait(Transfer& transfer, const DescriptorTraits& traits, By by);
  static bool copies_too_much(const Transfer& transfer, const DescriptorTraits& traits,
                              SubmissionBatch* batch);
  bool may_exceed_size_limit(const Transfer& transfer) const;
  bool would_block(const Transfer& transfer, const DescriptorTraits& traits);

  // results.cc: what came of it, and what follows
  Started process_readiness(Transfer& transfer, std::int32_t answer);
  Started act(Transfer& transfer, const Verdict& verdict, By by);
  Answer describe(const Transfer& transfer, std::int32_t answer, bool refused) const;
  std::size_t whole_blocks(Transfer& transfer, std::size_t answer_bytes);
  Started less_than_a_block(Transfer& transfer, By by);
  static bool ends_with_file(const Transfer& transfer, const DescriptorTraits& traits,
                             std::int32_t answer);
  static std::optional<std::int32_t> attempt_on_stream(const Transfer& transfer,
                                                       const FileFacts& facts);
  bool is_abandoned(Transfer& transfer) { return !owner_.facts_if_same_file(transfer).has_value(); }
  void finish(Transfer& transfer, int error_number);

  // backends.cc: the ways other than straight into the ring
  Started wait_ready(Transfer& transfer, By by);
  static void limit_wait(Transfer& transfer, DescriptorKind kind);
  Started to_pool(Transfer& transfer, Attempt attempt);
  Started to_pool_io(Transfer& transfer, By by);
  FileAccess file_access_of(const Transfer& transfer, const FileFacts& facts) const;
  void learn_whether_it_locks(const Transfer& transfer, const FileFacts& facts);
  bool plain_is_quick(const Transfer& transfer, const FileFacts& facts, By by) const;
  Started submit_plain(Transfer& transfer, std::uint32_t device, By by);
  static bool waits_first(const Transfer& transfer, const FileFacts& facts);

  // Constant after construction.
  TransferOwner& owner_;
  AioContext& context_;
  Backend& readiness_;
  Backend& threads_;
  const Route& route_;
  Statistics& statistics_;

  DeviceSet no_nowait_devices_;  // refuse RWF_NOWAIT with O_DIRECT
  PlainSpeed plain_speed_;       // of those
  // Whose file systems locks_file_to_write() is true of, and is not.
  DeviceSet locking_devices_, other_devices_;
};

}  // namespace kaio
