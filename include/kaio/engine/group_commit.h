// SPDX-License-Identifier: MIT
// A log that many append to, and that one write and one sync make durable for all who came
// meanwhile.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <kaio/engine/thread.h>

namespace kaio {

class Commit;

namespace engine {
class GroupCommitCore;
}

// How a group is made durable.
enum class Durability : std::uint8_t {
  measured,  // whichever of the two has been quicker on this file; both are tried now and then
  dsync,     // one write with RWF_DSYNC
  datasync,  // a write, and fdatasync when it is whole
};

struct GroupCommitOptions {
  // Where the first group goes: a multiple of File::alignment().write_bytes.
  std::uint64_t start_bytes = 0;
  // The largest group, and so the largest record. Two such buffers are allocated.
  std::size_t group_bytes = std::size_t{1} << 20;
  Durability durability = Durability::measured;
  std::uint64_t reserved[4] = {};  // 0: for what later versions have to add
};

struct GroupCommitStatistics {
  std::uint64_t records = 0, groups = 0;
  std::uint64_t record_bytes = 0;
  std::uint64_t written_bytes = 0;  // with what fills up blocks
  bool uses_dsync = false;          // the next group
  std::uint64_t reserved[8] = {};   // 0: for what later versions have to add
};

// A record on its way into a log. Belongs to whoever made it; from append() until its completion
// it stays where it is, and so does the record.
class KAIO_ENGINE_API Commit {
 public:
  // In the thread of the engine. Must not throw.
  using Completion = void (*)(Commit& commit);

  Commit() noexcept = default;
  ~Commit();
  Commit(const Commit&) = delete;
  Commit& operator=(const Commit&) = delete;

  Commit& set_record(std::span<const std::byte> record) noexcept {
    record_ = record;
    return *this;
  }
  Commit& on_completion(Completion completion, void* context = nullptr) noexcept {
    completion_ = completion;
    context_ = context;
    return *this;
  }
  void* context() const noexcept { return context_; }

  bool is_idle() const noexcept { return !under_way_; }  // for the engine's thread
  // Of its last time, when it is idle. If result() is good then, the record is on the disk, at
  // position_bytes() of the file, and so are all that have a lower position. They mean nothing
  // before it has been appended once.
  Result result() const noexcept { return result_; }
  std::uint64_t position_bytes() const noexcept { return position_bytes_; }

 private:
  friend class engine::GroupCommitCore;

  std::span<const std::byte> record_;
  Completion completion_ = nullptr;
  void* context_ = nullptr;
  std::uint64_t position_bytes_ = 0;
  Result result_;
  Commit* next_ = nullptr;
  struct Posted : EngineThread::Posted {
    Commit* commit = nullptr;
  } posted_;
  engine::GroupCommitCore* log_ = nullptr;
  bool under_way_ = false;
};

// Groups follow each other in the file, each from the start of a block (File::alignment().
// write_bytes) and filled up with zeros, so that nothing that is durable is ever written again.
// Within a group records stand side by side, without gaps, and may cross the edges of blocks.
// What a record is, and how a reader tells one from zeros and from what was cut off, is the
// program's (examples/engine/write_ahead_log.cc).
//
// After a crash the block in which the last whole record ends may go on with the beginning of
// another, and up to group_bytes behind it may hold parts of that group. Whoever goes on in the
// same file first writes zeros over these and syncs, or tells old records from new ones by a
// number in each.
//
// One group is under way at a time. If one fails, so do all records that are not durable yet, and
// later ones are refused (EngineError::log_failed) until restart(): otherwise a record would be
// called durable behind a hole.
//
// The file had better be preallocated (File::preallocate) and then written with zeros once: a
// group that extends its file, or writes to blocks for the first time, takes the kernel longer.
class KAIO_ENGINE_API GroupCommit {
 public:
  // To be used by the thread that uses the engine. The file and the engine outlive it, and
  // nothing may be under way when it is destroyed. Throws std::bad_alloc, and
  // std::invalid_argument if start_bytes is at no block, or group_bytes less than one.
  GroupCommit(Engine& engine, const File& file, const GroupCommitOptions& options = {});
  // append() and commit_and_wait() for any thread. Made by any thread, and destroyed by any, which
  // waits until the engine's has left the log; but not in a completion of a commit.
  GroupCommit(EngineThread& thread, const File& file, const GroupCommitOptions& options = {});
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // Copied into the next group, which goes to the kernel with the engine's next flush. Refused
  // if it is empty or longer than a group (EngineError::record_size), if the log has failed
  // (log_failed), or the commit is under way (busy); on an EngineThread these are results.
  Refusal append(Commit& commit) noexcept;
  // The same, and sleeps until it is over. On an EngineThread only, and not in its thread.
  Result commit_and_wait(std::span<const std::byte> record,
                         std::uint64_t* position_bytes = nullptr) noexcept;

  // `Result result = co_await log.commit(record)`, in the engine's thread.
  class [[nodiscard]] Awaitable {
   public:
    Awaitable(GroupCommit& log, std::span<const std::byte> record) noexcept : log_(log) {
      commit_.set_record(record);
    }
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting) noexcept {
      commit_.on_completion(
          [](Commit& commit) { std::coroutine_handle<>::from_address(commit.context()).resume(); },
          waiting.address());
      refusal_ = log_.append(commit_);
      return !refusal_;
    }
    Result await_resume() const noexcept {
      return refusal_ ? Result(refusal_.reason()) : commit_.result();
    }

   private:
    GroupCommit& log_;
    Commit commit_;
    Refusal refusal_;
  };
  Awaitable commit(std::span<const std::byte> record) noexcept { return {*this, record}; }

  // By the engine's thread (EngineThread::post):
  // Where the next group goes.
  std::uint64_t end_bytes() const noexcept;
  bool has_failed() const noexcept;
  // After a failure: goes on at that block, behind what the program knows to be durable. If it was
  // a sync that failed (File::sync_has_failed), File::forgive() comes first: otherwise the next
  // group fails with EngineError::sync_failed_before.
  void restart(std::uint64_t start_bytes) noexcept;
  GroupCommitStatistics statistics() const noexcept;

 private:
  std::unique_ptr<engine::GroupCommitCore> core_;
};

}  // namespace kaio
