// SPDX-License-Identifier: MIT
// Handlers that call these functions, whatever they interrupted in this thread.
#include "cases.h"

#include <atomic>
#include <csignal>
#include <map>
#include <sys/eventfd.h>
#include <sys/time.h>

BOOST_AUTO_TEST_SUITE(signal_safety)

namespace {

// The blocks that a handler may use; set before the signals start.
struct Shared {
  aiocb* pending = nullptr;
  aiocb* done = nullptr;
  std::atomic<int> handled_count = 0;
  std::atomic<int> wrong_count = 0;
} shared;

// SIGALRM at a high rate, for the thread that the kernel picks: there is but one
// in which it is not blocked.
class Storm {
 public:
  Storm(void (*handler)(int)) : handler_{SIGALRM, handler, SA_RESTART} {
    // Not so often that a slow machine does nothing else.
    const suseconds_t interval_us = 150 * slowness();
    const itimerval often{{0, interval_us}, {0, interval_us}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
  }
  ~Storm() {
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    sigset_t set;  // one may be pending still
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    const timespec no_time{};
    while (::sigtimedwait(&set, nullptr, &no_time) > 0) {
    }
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  }

 private:
  SignalHandler handler_;
};

void ask_about_everything(int) {
  const int kept_errno = errno;
  const timespec no_time{};
  const aiocb* const list[] = {shared.pending, nullptr};
  const aiocb* const done_list[] = {shared.pending, shared.done};
  bool right = aio_error(shared.pending) == EINPROGRESS;
  right = right && aio_error(shared.done) == 0 && aio_return(shared.done) == 16;
  right = right && aio_suspend(list, 2, &no_time) == -1;
  right = right && aio_suspend(done_list, 2, nullptr) == 0;
  shared.wrong_count += !right;
  ++shared.handled_count;
  errno = kept_errno;
}

// A ring of blocks that the handler reads into, as tutorials go on from the
// handler.
constexpr int block_count = 64;
struct Slot {
  aiocb* block = nullptr;
  bool was_submitted = false;
  char buffer[16];
};
Slot slots[block_count];
std::atomic<int> submitted_count;
std::atomic<int> refused_count;
std::atomic<int> bad_count;

void submit_the_next(int) {
  const int kept_errno = errno;
  ++shared.handled_count;
  for (Slot& slot : slots) {
    if (aio_error(slot.block) == EINPROGRESS) continue;
    if (slot.was_submitted && (aio_error(slot.block) != 0 || aio_return(slot.block) != 16))
      ++bad_count;
    slot.was_submitted = aio_read(slot.block) == 0;
    ++(slot.was_submitted ? submitted_count : refused_count);
    break;
  }
  errno = kept_errno;
}

class Slots {
 public:
  explicit Slots(int fd) {
    submitted_count = refused_count = bad_count = 0;
    shared.handled_count = 0;
    for (int index = 0; index < block_count; ++index) {
      aiocb* block = slots[index].block = new aiocb{};
      slots[index].was_submitted = false;
      block->aio_fildes = fd;
      block->aio_buf = slots[index].buffer;
      block->aio_nbytes = sizeof slots[index].buffer;
      block->aio_offset = index * 4096;
      block->aio_sigevent.sigev_notify = SIGEV_NONE;
    }
  }
  ~Slots() {
    for (Slot& slot : slots)
      if (!in_progress(slot.block))  // else it is left behind, not freed under the request
        delete slot.block;
  }
};

}  // namespace

BOOST_DATA_TEST_CASE(a_handler_may_ask_whatever_it_interrupted, data::make(storage_kinds()), kind) {
  const Channel pipe{ChannelKind::pipe};
  const Storage storage{kind};
  const Storage small{StorageKind::buffered_file};
  const Request pending = Request::to_read(pipe.reader(), 10);
  const Request done = Request::to_read(small.fd(), 16);
  BOOST_REQUIRE(aio_read(pending) == 0);
  BOOST_REQUIRE(aio_read(done) == 0);
  BOOST_REQUIRE(wait_done(done) == 0);
  shared.pending = pending;
  shared.done = done;
  shared.handled_count = shared.wrong_count = 0;
  std::map<std::string, int> failures;
  const auto expect = [&](const char* what, bool is_right) {
    if (!is_right) ++failures[what];
  };
  {
    const Storm storm{ask_about_everything};
    const auto deadline = Clock::now() + 1500ms;
    while (Clock::now() < deadline) {
      std::vector<Request> requests;
      for (int index = 0; index < 8; ++index)
        requests.push_back(index % 2 == 0
                               ? Request::to_read(storage.fd(), 4096, 4096 * index)
                               : Request::to_write(storage.fd(), pattern(4096), 4096 * index));
      expect("lio_listio", lio_listio(LIO_NOWAIT, list_of(requests).data(), 8, nullptr) == 0);
      const Request sync = Request::to_sync(storage.fd());
      expect("aio_fsync", aio_fsync(O_DSYNC, sync) == 0);
      const Request read = Request::to_read(storage.fd(), 4096);
      expect("aio_read", aio_read(read) == 0);
      const Request stream = Request::to_read(pipe.reader(), 10);
      expect("aio_read of a stream", aio_read(stream) == 0);
      const aiocb* const list[] = {read};
      while (aio_suspend(list, 1, nullptr) != 0) expect("aio_suspend", errno == EINTR);
      expect("aio_cancel", aio_cancel(pipe.reader(), stream) == AIO_CANCELED);
      expect("a read", wait_done(read) == 0 && aio_return(read) == 4096);
      wait_all_done(requests);
      expect("a sync", wait_done(sync) == 0);
    }
  }
  for (const auto& [what, count] : failures) BOOST_ERROR(what << " failed " << count << " times");
  BOOST_TEST(aio_error(pending) == EINPROGRESS);
  BOOST_TEST(aio_error(done) == 0);
  BOOST_TEST(shared.wrong_count == 0);
  BOOST_TEST(shared.handled_count > 10);
}

BOOST_DATA_TEST_CASE(a_handler_may_submit_on_the_descriptor_it_interrupted,
                     data::make({StorageKind::buffered_file, StorageKind::tmpfs_file}), kind) {
  const Storage storage{kind};
  const Slots blocks{storage.fd()};
  int failed_count = 0;
  {
    const Storm storm{submit_the_next};
    const auto deadline = Clock::now() + 1500ms;
    while (Clock::now() < deadline) {
      std::vector<Request> requests;
      for (int index = 0; index < 4; ++index) {
        requests.push_back(Request::to_read(storage.fd(), 4096, 4096 * index));
        failed_count += aio_read(requests.back()) != 0;
      }
      requests.push_back(Request::to_sync(storage.fd()));
      failed_count += aio_fsync(O_DSYNC, requests.back()) != 0;
      failed_count += aio_cancel(storage.fd(), nullptr) < 0;
      for (const Request& request : requests) {
        const int status = wait_done(request);
        failed_count += status != 0 && status != ECANCELED;
      }
    }
  }
  // aio_cancel() for the whole descriptor may have met the handler's.
  const auto all_done = [] {
    for (const Slot& slot : slots)
      if (in_progress(slot.block)) return false;
    return true;
  };
  BOOST_TEST(eventually(all_done));
  BOOST_TEST(failed_count == 0);
  BOOST_TEST(refused_count == 0);
  BOOST_TEST(submitted_count > 10);
}

BOOST_AUTO_TEST_CASE(a_handler_goes_on_while_the_program_waits) {
  const Storage storage{StorageKind::buffered_file};
  const Channel pipe{ChannelKind::pipe};
  const Slots blocks{storage.fd()};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  {
    const Storm storm{submit_the_next};
    const aiocb* const list[] = {read};
    const auto deadline = Clock::now() + 1s;
    while (Clock::now() < deadline) {
      const timespec little{0, 10'000'000};
      aio_suspend(list, 1, &little);
    }
  }
  for (const Slot& slot : slots) BOOST_TEST(wait_done(slot.block) == 0);
  BOOST_TEST(bad_count == 0);
  BOOST_TEST(refused_count == 0);
  BOOST_TEST(submitted_count > 10);
}

// The list's count must include what is put aside and made later. No call follows that could
// bring on what was left behind: the notifications alone say that all is done.
BOOST_AUTO_TEST_CASE(what_a_handler_submits_completes_without_further_calls) {
  const Storage storage{StorageKind::buffered_file};
  const Fd event = make_eventfd(0, EFD_NONBLOCK);
  const Slots blocks{storage.fd()};
  for (Slot& slot : slots) {
    slot.block->aio_sigevent.sigev_notify = SIGEV_EVENTFD;
    slot.block->aio_sigevent.sigev_notify_eventfd = event.get();
  }
  {
    const Storm storm{submit_the_next};
    const auto deadline = Clock::now() + 500ms;
    while (Clock::now() < deadline) {
      const Request read = Request::to_read(storage.fd(), 4096);
      BOOST_TEST(aio_read(read) == 0);
      BOOST_TEST(wait_done(read) == 0);
    }
  }
  eventfd_t told_count = 0;
  const auto all_told = [&] {
    eventfd_t more = 0;
    if (::eventfd_read(event.get(), &more) == 0) told_count += more;
    return told_count >= static_cast<eventfd_t>(submitted_count);
  };
  BOOST_TEST(eventually(all_told));
  BOOST_TEST(told_count == static_cast<eventfd_t>(submitted_count));
  BOOST_TEST(submitted_count > 10);
  BOOST_TEST(refused_count == 0);
  for (const Slot& slot : slots) BOOST_TEST(!in_progress(slot.block));
  BOOST_TEST(bad_count == 0);
}

BOOST_AUTO_TEST_SUITE_END()
