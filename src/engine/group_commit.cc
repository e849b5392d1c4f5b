// SPDX-License-Identifier: MIT
#include <kaio/engine/group_commit.h>

#include <array>
#include <cassert>
#include <cstring>
#include <linux/fs.h>
#include <stdexcept>

#include "engine/core.h"
#include "engine/group_waiters.h"
#include "engine/thread_core.h"

namespace kaio {
namespace engine {
namespace {

// Which of the two ways of making a group durable is quicker: both are tried a few times, then
// the better one is used for long.
class QuickerWay {
 public:
  explicit QuickerWay(Durability asked) noexcept : asked_(asked) {}

  bool dsync() const noexcept {
    if (asked_ != Durability::measured) return asked_ == Durability::dsync;
    if (group_ < 2 * trial_groups) return group_ % 2 == 0;
    return dsync_is_quicker_;
  }

  void took(bool dsync, std::int64_t ns) noexcept {
    if (group_ < 2 * trial_groups) (dsync ? dsync_ns_ : datasync_ns_) += ns;
    if (++group_ == 2 * trial_groups) {
      dsync_is_quicker_ = dsync_ns_ <= datasync_ns_;
    } else if (group_ == groups_between_trials) {
      group_ = 0;
      dsync_ns_ = datasync_ns_ = 0;
    }
  }

 private:
  static constexpr unsigned trial_groups = 8;  // by each way
  static constexpr unsigned groups_between_trials = 10'000;

  const Durability asked_;
  unsigned group_ = 0;
  std::int64_t dsync_ns_ = 0, datasync_ns_ = 0;
  bool dsync_is_quicker_ = true;
};

}  // namespace

class GroupCommitCore final : private BatchJoiner {
 public:
  GroupCommitCore(Engine& engine, EngineThread* thread, const File& file,
                  const GroupCommitOptions& options)
      : core_(*engine.core_), thread_(thread), file_(file),
        block_bytes_(file.alignment().write_bytes), way_(options.durability),
        chain_(file, Chain::Sync::data), start_bytes_(options.start_bytes) {
    const auto require = [](bool holds, const char* what) {
      if (!holds) throw std::invalid_argument(std::string("kaio::GroupCommitOptions: ") + what);
    };
    require(options.start_bytes % block_bytes_ == 0, "start_bytes is not at a block");
    group_bytes_ = options.group_bytes / block_bytes_ * block_bytes_;
    require(group_bytes_ != 0, "group_bytes is less than a block");
    for (Group& group : groups_) group.buffer = Buffer(group_bytes_);
    write_.on_completion(written, this);
    chain_.on_completion(synced, this);
    if (thread != nullptr) place_ = thread->core_->take_place();
  }
  ~GroupCommitCore() {
    // It told the last committer of the end, and may still have to do with the group.
    if (thread_ != nullptr && !thread_->engine().belongs_to_parent())
      thread_->core_->wait_until_it_is_elsewhere();
    assert(!is_writing_ && filling_->first == nullptr);
    ThreadCore::give_back(place_);
  }

  Refusal append(Commit& commit) noexcept {
    if (thread_ == nullptr) return append_here(commit);
    if (thread_->engine().belongs_to_parent()) return EngineError::other_process;
    commit.log_ = this;
    commit.posted_.commit = &commit;
    commit.posted_.run = [](EngineThread::Posted& posted) {
      Commit& self = *static_cast<Commit::Posted&>(posted).commit;
      GroupCommitCore& log = *self.log_;
      const Refusal refusal = log.append_here(self);
      if (!refusal || refusal.reason() == EngineError::busy) return;
      log.complete(self, refusal.reason());
      log.waiters_.wake();
    };
    thread_->core_->post(commit.posted_, place_);
    return {};
  }

  Result commit_and_wait(std::span<const std::byte> record,
                         std::uint64_t* position_bytes) noexcept {
    assert(thread_ != nullptr);
    GroupWaiters::Waiter waiter(waiters_);
    Commit commit;
    commit.set_record(record).on_completion(
        [](Commit& ended) { static_cast<GroupWaiters::Waiter*>(ended.context())->end(); }, &waiter);
    if (const Refusal refusal = append(commit)) return refusal.reason();
    waiter.wait();
    if (position_bytes != nullptr) *position_bytes = commit.position_bytes();
    return commit.result();
  }

  std::uint64_t end_bytes() const noexcept {
    return start_bytes_ + (is_writing_ ? written_bytes_ : 0);
  }
  bool has_failed() const noexcept { return has_failed_; }
  void restart(std::uint64_t start_bytes) noexcept {
    assert(!is_writing_ && start_bytes % block_bytes_ == 0);
    start_bytes_ = start_bytes;
    has_failed_ = false;
  }
  GroupCommitStatistics statistics() const noexcept {
    GroupCommitStatistics now = statistics_;
    now.uses_dsync = way_.dsync();
    return now;
  }

 private:
  struct Group {
    Buffer buffer;
    std::size_t size_bytes = 0;
    Commit* first = nullptr;
    Commit* last = nullptr;
  };

  Refusal append_here(Commit& commit) noexcept {
    if (core_.in_child()) return EngineError::other_process;
    if (commit.under_way_) return EngineError::busy;
    if (has_failed_) return EngineError::log_failed;
    if (commit.record_.empty() || commit.record_.size() > group_bytes_)
      return EngineError::record_size;
    commit.under_way_ = true;
    commit.result_ = {};
    if (waiting_first_ != nullptr || !put(commit)) {
      add(commit, waiting_first_, waiting_last_);
    }
    want_group();
    return {};
  }

  static void add(Commit& commit, Commit*& first, Commit*& last) noexcept {
    commit.next_ = nullptr;
    (first == nullptr ? first : last->next_) = &commit;
    last = &commit;
  }

  // Into the next group. False: it is full.
  bool put(Commit& commit) noexcept {
    Group& group = *filling_;
    if (commit.record_.size() > group_bytes_ - group.size_bytes) return false;
    std::memcpy(group.buffer.data() + group.size_bytes, commit.record_.data(),
                commit.record_.size());
    commit.position_bytes_ = group.size_bytes;  // the rest is known when the group begins
    group.size_bytes += commit.record_.size();
    add(commit, group.first, group.last);
    ++statistics_.records;
    statistics_.record_bytes += commit.record_.size();
    return true;
  }

  // Once all who come in this turn have come.
  void want_group() noexcept {
    if (is_writing_ || is_wanted_ || filling_->first == nullptr) return;
    is_wanted_ = true;
    core_.call_before_flush(*this);
  }

  void join_batch() noexcept override {
    is_wanted_ = false;
    Group& group = *filling_;
    filling_ = &group == &groups_[0] ? &groups_[1] : &groups_[0];
    writing_ = &group;
    is_writing_ = true;
    if (place_ != nullptr) place_->group_begins();
    waiters_.group_begins();
    written_bytes_ = (group.size_bytes + block_bytes_ - 1) / block_bytes_ * block_bytes_;
    std::memset(group.buffer.data() + group.size_bytes, 0, written_bytes_ - group.size_bytes);
    for (Commit* commit = group.first; commit != nullptr; commit = commit->next_)
      commit->position_bytes_ += start_bytes_;
    by_dsync_ = way_.dsync();
    begin_ns_ = sys::monotonic_ns();
    write_.write(file_, group.buffer.data(), written_bytes_, start_bytes_)
        .set_flags(by_dsync_ ? RWF_DSYNC : 0);
    Refusal refusal;
    if (by_dsync_) {
      refusal = file_.sync_has_failed() ? EngineError::sync_failed_before
                                        : core_.submit(state_of(write_));
    } else {
      chain_.add(write_);
      refusal = core_.submit(chain_);
    }
    if (refusal) group_ended(refusal.reason());
  }

  static void written(Operation& operation) {
    auto& self = *static_cast<GroupCommitCore*>(operation.context());
    if (self.by_dsync_) self.group_ended(operation.result());
  }
  static void synced(Chain& chain) {
    static_cast<GroupCommitCore*>(chain.context())->group_ended(chain.result());
  }

  void group_ended(Result result) noexcept {
    way_.took(by_dsync_, sys::monotonic_ns() - begin_ns_);
    ++statistics_.groups;
    is_writing_ = false;
    if (result) {
      start_bytes_ += written_bytes_;
      statistics_.written_bytes += written_bytes_;
    } else {
      has_failed_ = true;
    }
    complete_group(*writing_, result);
    if (has_failed_) fail_the_rest(result);
    waiters_.wake();
    while (Commit* const commit = waiting_first_) {
      if (!put_waiting(*commit)) break;
    }
    // What came meanwhile, and whoever has been woken and is back already.
    if (place_ != nullptr) place_->run_posted();
    want_group();
    if (place_ != nullptr && !is_wanted_) place_->group_ends();
  }

  bool put_waiting(Commit& commit) noexcept {
    Commit* const next = commit.next_;
    if (!put(commit)) return false;
    waiting_first_ = next;
    return true;
  }

  void complete_group(Group& group, Result result) noexcept {
    Commit* commit = group.first;
    group.first = group.last = nullptr;
    group.size_bytes = 0;
    complete_all(commit, result);
  }

  // They come behind the hole.
  void fail_the_rest(Result result) noexcept {
    complete_group(*filling_, result);
    Commit* const waiting = waiting_first_;
    waiting_first_ = nullptr;
    complete_all(waiting, result);
  }

  void complete_all(Commit* first, Result result) noexcept {
    while (first != nullptr) {
      Commit& commit = *first;
      first = commit.next_;
      complete(commit, result);
    }
  }

  void complete(Commit& commit, Result result) noexcept {
    commit.result_ = result.with_bytes(result ? commit.record_.size() : 0);
    commit.under_way_ = false;
    if (commit.completion_ != nullptr) commit.completion_(commit);
  }

  Core& core_;
  EngineThread* const thread_;
  ThreadCore::LogPlace* place_ = nullptr;  // of a thread's
  GroupWaiters waiters_;                   // those in commit_and_wait()
  const File& file_;
  const std::size_t block_bytes_;
  std::size_t group_bytes_ = 0;
  QuickerWay way_;

  std::array<Group, 2> groups_;
  Group* filling_ = &groups_[0];
  Group* writing_ = nullptr;
  Commit* waiting_first_ = nullptr;  // for a group that has room
  Commit* waiting_last_ = nullptr;
  bool is_wanted_ = false;
  bool is_writing_ = false;
  bool has_failed_ = false;
  bool by_dsync_ = false;
  Operation write_;
  Chain chain_;
  std::uint64_t start_bytes_;
  std::size_t written_bytes_ = 0;  // of the group that is under way
  std::int64_t begin_ns_ = 0;
  GroupCommitStatistics statistics_;
};

}  // namespace engine

Commit::~Commit() { assert(!under_way_); }

GroupCommit::GroupCommit(Engine& engine, const File& file, const GroupCommitOptions& options)
    : core_(std::make_unique<engine::GroupCommitCore>(engine, nullptr, file, options)) {}

GroupCommit::GroupCommit(EngineThread& thread, const File& file, const GroupCommitOptions& options)
    : core_(std::make_unique<engine::GroupCommitCore>(thread.engine(), &thread, file, options)) {}

GroupCommit::~GroupCommit() = default;

Refusal GroupCommit::append(Commit& commit) noexcept { return core_->append(commit); }

Result GroupCommit::commit_and_wait(std::span<const std::byte> record,
                                    std::uint64_t* position_bytes) noexcept {
  return core_->commit_and_wait(record, position_bytes);
}

std::uint64_t GroupCommit::end_bytes() const noexcept { return core_->end_bytes(); }
bool GroupCommit::has_failed() const noexcept { return core_->has_failed(); }
void GroupCommit::restart(std::uint64_t start_bytes) noexcept { core_->restart(start_bytes); }
GroupCommitStatistics GroupCommit::statistics() const noexcept { return core_->statistics(); }

}  // namespace kaio
