// SPDX-License-Identifier: MIT
// Threads that submit, complete, suspend, cancel and get notified in every way, on
// files and streams. Data is verified; every notification is counted.
#include "stress.h"
#include "support/channel.h"
#include "support/pattern.h"
#include "support/precondition.h"
#include "support/request.h"
#include "support/seed.h"
#include "support/signals.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <deque>
#include <fcntl.h>
#include <random>
#include <thread>

using stress::Trouble;
using support::Clock;
using support::Request;

BOOST_AUTO_TEST_SUITE(mix)

namespace {

constexpr std::size_t block_bytes = 8192;
constexpr std::size_t file_blocks = 64;

struct Slot {
  explicit Slot(Request made) : request(std::move(made)) {}
  Request request;
  std::atomic<int> notified{0};
  bool wants = false;
};

void on_signal(int, siginfo_t* info, void*) {
  ++static_cast<Slot*>(info->si_value.sival_ptr)->notified;
}
void on_callback(sigval value) { ++static_cast<Slot*>(value.sival_ptr)->notified; }
void on_list(sigval value) { ++*static_cast<std::atomic<int>*>(value.sival_ptr); }

// The files that all threads share: the first half is only read, the second has a
// part for each thread.
struct Files {
  support::TemporaryFile on_disk{2 * file_blocks * block_bytes};
  support::TemporaryFile in_memory{support::tmpfs, 2 * file_blocks* block_bytes};
  std::vector<support::Fd> fds;
  Files() {
    fds.push_back(on_disk.open(O_RDWR));
    fds.push_back(in_memory.open(O_RDWR));
    try {
      fds.push_back(on_disk.open(O_RDWR | O_DIRECT));
    } catch (const std::exception&) {
    }
  }
};

class Worker {
 public:
  Worker(unsigned number, unsigned seed, Files& files, Trouble& trouble)
      : number_(number), random_(seed), files_(files), trouble_(trouble) {}

  void run(Clock::time_point until) {
    while (Clock::now() < until && trouble_.count() == 0) {
      one_of(4) ? stream_round() : file_round();
      ++rounds;
    }
    support::eventually([&] { return all_notified(); });
    for (const Slot& slot : slots_)
      trouble_.expect(slot.notified == (slot.wants ? 1 : 0), "not notified exactly once");
  }
  long rounds = 0;

 private:
  bool one_of(unsigned n) { return random_() % n == 0; }
  unsigned below(std::size_t n) { return static_cast<unsigned>(random_() % n); }

  bool all_notified() const {
    for (const Slot& slot : slots_)
      if (slot.notified < (slot.wants ? 1 : 0)) return false;
    return true;
  }

  void ask_for_notification(Slot& slot) {
    sigevent& event = slot.request->aio_sigevent;
    event.sigev_value.sival_ptr = &slot;
    const unsigned way = support::thread_sanitized ? 1 + below(3) : below(4);
    event.sigev_notify = way == 0 ? SIGEV_SIGNAL : way == 1 ? SIGEV_THREAD : SIGEV_NONE;
    slot.wants = way < 2;
    if (way == 0) event.sigev_signo = SIGRTMIN + 2;
    if (way == 1) event.sigev_notify_function = on_callback;
  }

  // Those done, and surely notified, go; so the memory stays bounded.
  void forget_old_slots() {
    while (slots_.size() > 500) {
      if (!trouble_.expect(support::eventually([&] {
                             return slots_.front().notified == (slots_.front().wants ? 1 : 0);
                           }),
                           "not notified exactly once"))
        return;
      slots_.pop_front();
    }
  }

  void wait(std::vector<Slot*>& list) {
    const unsigned way = below(3);
    std::vector<const aiocb*> blocks;
    for (Slot* slot : list) blocks.push_back(slot->request);
    const auto deadline = Clock::now() + support::patience * (support::sanitized ? 4 : 1);
    const auto any_left = [&] {
      for (const Slot* slot : list)
        if (support::in_progress(slot->request)) return true;
      return false;
    };
    while (any_left()) {
      if (!trouble_.expect(Clock::now() < deadline, "a request is not done in time")) return;
      if (way == 0) {
        // Not yield(): threads that only yield keep the kernel's workers, which end
        // some writes, waiting for seconds.
        std::this_thread::sleep_for(std::chrono::microseconds(20));
        continue;
      }
      for (std::size_t i = 0; i < list.size(); ++i)
        blocks[i] =
            support::in_progress(list[i]->request) ? list[i]->request.operator aiocb*() : nullptr;
      const timespec some_time{.tv_sec = way == 1 ? 1 : 0, .tv_nsec = 300'000};
      aio_suspend(blocks.data(), static_cast<int>(blocks.size()), &some_time);
    }
  }

  void file_round() {
    forget_old_slots();
    const unsigned kind = below(files_.fds.size());
    const int fd = files_.fds[kind].get();
    std::vector<Slot*> list;
    const std::uint64_t mine = file_blocks + number_ * 16 + kind * 5;
    for (unsigned i = 0, count = 1 + below(8); i < count; ++i) {
      const bool writes = i == 0 && one_of(2);
      const std::uint64_t place = (writes ? mine : below(file_blocks)) * block_bytes;
      const auto offset = static_cast<off_t>(place);
      slots_.emplace_back(
          writes ? Request::to_write(fd, support::pattern(block_bytes, place, number_), offset)
                 : Request::to_read(fd, block_bytes, offset));
      Slot& slot = slots_.back();
      slot.request->aio_lio_opcode = writes ? LIO_WRITE : LIO_READ;
      slot.request->aio_reqprio = static_cast<int>(below(21));
      ask_for_notification(slot);
      list.push_back(&slot);
    }
    if (!submit(list)) return;
    wait(list);
    for (Slot* slot : list) check_transfer(*slot);
    if (list[0]->request->aio_lio_opcode == LIO_WRITE) read_back(fd, mine * block_bytes);
  }

  bool submit(const std::vector<Slot*>& list) {
    bool ok = true;
    if (one_of(2)) {
      for (Slot* slot : list) {
        aiocb* block = slot->request;
        ok = ok && (block->aio_lio_opcode == LIO_WRITE ? aio_write(block) : aio_read(block)) == 0;
      }
      return trouble_.expect(ok, "a submission was refused");
    }
    std::vector<aiocb*> blocks;
    for (Slot* slot : list) blocks.push_back(slot->request);
    sigevent event{};
    event.sigev_notify = one_of(2) ? SIGEV_THREAD : SIGEV_NONE;
    event.sigev_notify_function = on_list;
    event.sigev_value.sival_ptr = &lists_notified_;
    const bool waits = one_of(2);
    if (!waits && event.sigev_notify == SIGEV_THREAD) ++lists_wanted_;
    int outcome = lio_listio(waits ? LIO_WAIT : LIO_NOWAIT, blocks.data(),
                             static_cast<int>(blocks.size()), &event);
    if (outcome != 0 && waits && errno == EINTR) outcome = 0;
    return trouble_.expect(outcome == 0, "a list was refused");
  }

  void check_transfer(Slot& slot) {
    const int status = aio_error(slot.request);
    const ssize_t result = aio_return(slot.request);
    const bool writes = slot.request->aio_lio_opcode == LIO_WRITE;
    const bool right = status == 0 && result == static_cast<ssize_t>(block_bytes);
    if (!right)
      trouble_.report("a " + std::string(writes ? "write" : "read") + " of descriptor " +
                      std::to_string(slot.request->aio_fildes) + " at " +
                      std::to_string(slot.request->aio_offset) + ": status " +
                      std::to_string(status) + ", result " + std::to_string(result));
    if (slot.request->aio_lio_opcode == LIO_READ)
      trouble_.expect(support::is_pattern(slot.request.text(block_bytes),
                                          static_cast<std::uint64_t>(slot.request->aio_offset)),
                      "wrong data was read");
  }

  void read_back(int fd, std::uint64_t place) {
    const Request read = Request::to_read(fd, block_bytes, static_cast<off_t>(place));
    if (!trouble_.expect(aio_read(read) == 0, "a submission was refused")) return;
    trouble_.expect(support::wait_done(read) == 0 &&
                        support::is_pattern(read.text(block_bytes), place, number_),
                    "what was written does not come back");
    aio_return(read);
  }

  // Reads that wait, some of them cancelled; the others get the numbers in order.
  void stream_round() {
    forget_old_slots();
    const support::Channel channel(one_of(2) ? support::ChannelKind::pipe
                                             : support::ChannelKind::stream_socket);
    std::vector<Slot*> list;
    for (unsigned i = 0, count = 1 + below(6); i < count; ++i) {
      Slot& slot = slots_.emplace_back(Request::to_read(channel.reader(), sizeof(int)));
      ask_for_notification(slot);
      list.push_back(&slot);
      if (!trouble_.expect(aio_read(slot.request) == 0, "a submission was refused")) return;
    }
    for (Slot* slot : list)
      if (one_of(3))
        trouble_.expect(aio_cancel(channel.reader(), slot->request) == AIO_CANCELED &&
                            aio_error(slot->request) == ECANCELED,
                        "a read that waits was not cancelled");
    for (int i = 0; i < static_cast<int>(list.size()); ++i)
      channel.send({reinterpret_cast<const char*>(&i), sizeof i});
    wait(list);
    int expected = 0;
    for (Slot* slot : list) {
      const int status = aio_error(slot->request);
      const ssize_t result = aio_return(slot->request);
      if (status == ECANCELED) {
        trouble_.expect(result == -1, "a cancelled request has a result");
        continue;
      }
      int number = -1;
      std::memcpy(&number, slot->request.data(), sizeof number);
      trouble_.expect(status == 0 && result == sizeof number && number == expected++,
                      "a stream was read out of order");
    }
  }

  unsigned number_;
  std::mt19937 random_;
  Files& files_;
  Trouble& trouble_;
  std::deque<Slot> slots_;

 public:
  int lists_wanted_ = 0;
  std::atomic<int> lists_notified_{0};
};

}  // namespace

BOOST_AUTO_TEST_CASE(many_threads_do_everything_and_every_request_ends_once) {
  const auto until = Clock::now() + stress::duration();
  const support::SignalHandler handler(SIGRTMIN + 2, on_signal, SA_RESTART);
  std::mt19937 seeds(support::seed());
  Files files;
  Trouble trouble;
  std::deque<Worker> workers;
  std::deque<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i)
    workers.emplace_back(i, static_cast<unsigned>(seeds()), files, trouble);
  for (Worker& worker : workers) threads.emplace_back([&] { worker.run(until); });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(trouble.first() == "");
  long rounds = 0;
  for (Worker& worker : workers) {
    BOOST_TEST(support::eventually([&] { return worker.lists_notified_ >= worker.lists_wanted_; }));
    BOOST_TEST(worker.lists_notified_ == worker.lists_wanted_);
    rounds += worker.rounds;
  }
  BOOST_TEST_MESSAGE(rounds << " rounds");
  BOOST_TEST(rounds > 50);
  kaio_statistics statistics{};
  kaio_get_statistics(&statistics, sizeof statistics);
  BOOST_TEST(statistics.submitted == statistics.completed);
}

BOOST_AUTO_TEST_SUITE_END()
