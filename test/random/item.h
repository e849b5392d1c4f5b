// SPDX-License-Identifier: MIT
// One request of an actor, from what is asked to what became of it. Proves that each ends
// with a status that can be foretold, and hands data and result to the model of what it
// was for.
#pragma once

#include "file_model.h"
#include "guarded_memory.h"
#include "notices.h"
#include "stream_model.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <sys/uio.h>
#include <vector>

namespace random_test {

class Item;

// What is added to, and taken from, an eventfd.
struct Counter {
  std::atomic<std::uint64_t> added{0};
  std::atomic<std::uint64_t> taken{0};
};

// A descriptor that requests are for.
struct Target {
  enum class Kind { file, append, stream_reader, stream_writer, counter };

  Kind kind;
  std::string name;
  int fd;
  bool direct = false;
  bool nonblocking = false;
  std::size_t length_max = GuardedMemory::buffer_bytes;
  FileModel* file = nullptr;
  AppendModel* append = nullptr;
  StreamModel* stream = nullptr;
  Counter* counter = nullptr;

  Target* twin = nullptr;  // the other direction of the same descriptor

  std::mutex order;  // held from before a call until behind it, where order is promised
  std::mutex mutex;
  std::vector<Item*> outstanding;               // guarded by mutex
  std::atomic<int> cancelling{0};               // aio_cancel() of all is going on
  std::atomic<std::uint64_t> cancelled_all{0};  // when the last has ended

  bool is_ordered() const { return kind != Kind::file && kind != Kind::counter; }
  bool is_stream() const { return kind == Kind::stream_reader || kind == Kind::stream_writer; }
  // Which requests that were accepted before the moment are in progress; how many.
  std::size_t count_left(std::uint64_t moment);
  // aio_cancel(fd, NULL), with what it says checked.
  int cancel_all();

 private:
  void note_cancelled(std::uint64_t ended);
};

class Item {
 public:
  enum class State { idle, begun, outstanding, ended };
  enum class Mistake { none, misaligned, bad_buffer, negative_offset, wrong_descriptor };

  // Fills the aiocb in. Target's order is held where it has one.
  void plan(Target& target, Chance& chance, Way way);
  // Calls aio_read() or what it is.
  void submit(Chance& chance);
  // Around a call of lio_listio().
  void begin();
  void accepted() {
    accepted_ = tick();
    state_ = State::outstanding;
  }
  // Whether it is still in progress; takes the result when it is not any more.
  bool look();
  // aio_cancel(fd, aiocb), with what it says checked. Not for one that ended.
  void cancel();
  // Whether its memory may be used again, and if so retires it.
  bool release(Chance& chance);

  State state() const { return state_; }
  aiocb& block() { return memory_.block(); }
  bool accessible() const { return memory_.accessible(); }
  Target* target() const { return target_; }
  bool is_sync() const { return op_ == Op::sync; }
  bool in_list_possible() const { return op_ != Op::sync && flags_ == 0; }
  std::uint64_t accepted_at() const { return accepted_; }
  Ticket* ticket() const { return ticket_; }
  // Stays until the list's notification came.
  void held_by_list(Ticket* ticket) { list_ticket_ = ticket; }
  void will_be_cancelled() { cancel_tried_ = true; }
  void describe();

  // Where aio_waitcomplete() takes the results.
  static std::atomic<bool> delivered_by_waitcomplete;
  void deliver(ssize_t result, int error);

 private:
  enum class Op { read, write, sync };

  void plan_place(Chance& chance);
  void plan_mistake(Chance& chance);
  int call(Chance& chance);
  void end(int status, ssize_t result);
  void check_success(ssize_t result);
  bool may_be_cancelled() const;
  void leave_target();
  const char* word() const;

  GuardedMemory memory_;
  State state_ = State::idle;
  Target* target_ = nullptr;
  Op op_ = Op::read;
  int flags_ = 0;
  unsigned part_count_ = 0;  // 0: no vector
  std::array<iovec, 4> parts_{};
  char* data_ = nullptr;
  std::size_t length_ = 0;
  std::uint64_t offset_ = 0;
  int expected_error_ = 0;
  bool cancel_tried_ = false;
  std::uint64_t submitted_ = 0;
  std::atomic<std::uint64_t> accepted_{never};
  FileModel::Write* write_ = nullptr;
  AppendModel::Append* append_ = nullptr;
  StreamModel::Write* sent_ = nullptr;
  StreamModel::Read* taken_ = nullptr;
  Ticket* ticket_ = nullptr;
  Ticket* list_ticket_ = nullptr;
  std::atomic<int> delivered_{0};
  int delivered_error_ = 0;
  ssize_t delivered_result_ = 0;
};

}  // namespace random_test
