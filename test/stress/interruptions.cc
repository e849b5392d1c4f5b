// SPDX-License-Identifier: MIT
// Signals that interrupt everything, descriptors that change hands, and forks.
#include "stress.h"
#include "support/channel.h"
#include "support/child.h"
#include "support/pattern.h"
#include "support/request.h"
#include "support/seed.h"
#include "support/signals.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <deque>
#include <fcntl.h>
#include <random>
#include <sys/time.h>
#include <thread>

using stress::Trouble;
using support::Clock;
using support::eventually;
using support::Request;

BOOST_AUTO_TEST_SUITE(interruptions)

namespace {

constexpr std::size_t file_bytes = 1 << 20;

// What the handler works with: one request at a time, by whatever thread it hits.
struct InHandler {
  std::atomic_flag busy;
  aiocb block;
  char bytes[4096];
  int file = -1;
  int pipe = -1;
  bool begun = false;
  bool of_pipe = false;
  std::atomic<long> runs{0};
  std::atomic<long> ended{0};
  std::atomic<int> wrong{0};
};
InHandler in_handler;

void use_everything(int) {
  const int saved_errno = errno;
  InHandler& h = in_handler;
  if (h.busy.test_and_set()) return;
  ++h.runs;
  if (h.begun) {
    const aiocb* list[] = {&h.block};
    const timespec no_time{};
    aio_suspend(list, 1, &no_time);
    if (h.of_pipe) aio_cancel(h.pipe, &h.block);
    const int status = aio_error(&h.block);
    if (status != EINPROGRESS) {
      const ssize_t result = aio_return(&h.block);
      const bool right =
          h.of_pipe ? status == ECANCELED && result == -1 : status == 0 && result == 4096;
      if (!right) ++h.wrong;
      h.begun = false;
      ++h.ended;
    }
  } else {
    h.of_pipe = h.runs % 3 == 0;
    h.block = {};
    h.block.aio_fildes = h.of_pipe ? h.pipe : h.file;
    h.block.aio_buf = h.bytes;
    h.block.aio_nbytes = sizeof h.bytes;
    h.block.aio_sigevent.sigev_notify = SIGEV_NONE;
    h.begun = aio_read(&h.block) == 0;
    if (!h.begun) ++h.wrong;
  }
  h.busy.clear();
  errno = saved_errno;
}

class TimerStorm {
 public:
  explicit TimerStorm(int microseconds) {
    const itimerval often{.it_interval = {0, microseconds}, .it_value = {0, microseconds}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
  }
  ~TimerStorm() {
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
  }
  TimerStorm(const TimerStorm&) = delete;
  TimerStorm& operator=(const TimerStorm&) = delete;
};

void read_for_a_while(int fd, unsigned seed, Clock::time_point until, Trouble& trouble,
                      long& count) {
  std::mt19937 random(seed);
  while (Clock::now() < until && trouble.count() == 0) {
    std::vector<Request> reads;
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t place = random() % 255 * 4096;
      reads.push_back(Request::to_read(fd, 4096, static_cast<off_t>(place)));
      if (!trouble.expect(aio_read(reads.back()) == 0, "a submission was refused")) return;
    }
    for (const Request& read : reads) {
      const aiocb* list[] = {read};
      const auto give_up = Clock::now() + support::patience * 3;
      while (support::in_progress(read)) {
        const timespec some_time{.tv_sec = 1, .tv_nsec = 0};
        aio_suspend(list, 1, &some_time);
        if (!trouble.expect(Clock::now() < give_up, "a read is not done in time")) return;
      }
      trouble.expect(
          aio_error(read) == 0 && aio_return(read) == 4096 &&
              support::is_pattern(read.text(4096), static_cast<std::uint64_t>(read->aio_offset)),
          "a wrong result");
      ++count;
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(handlers_that_use_every_function_disturb_nobody) {
  const auto until = Clock::now() + stress::duration();
  const support::TemporaryFile file(file_bytes);
  const support::Fd fd = file.open(O_RDONLY);
  const auto ends = support::make_pipe();
  in_handler.file = fd.get();
  in_handler.pipe = ends.first.get();
  std::mt19937 seeds(support::seed());
  Trouble trouble;
  long counts[3] = {};
  {
    const support::SignalHandler handler(SIGALRM, use_everything, SA_RESTART);
    const TimerStorm storm(support::sanitized ? 2000 : 300);
    std::deque<std::thread> threads;
    for (long& count : counts)
      threads.emplace_back([&, seed = static_cast<unsigned>(seeds())] {
        read_for_a_while(fd.get(), seed, until, trouble, count);
      });
    for (std::thread& thread : threads) thread.join();
  }
  eventually([] { return !in_handler.busy.test(); });
  if (in_handler.begun) {
    aio_cancel(in_handler.block.aio_fildes, &in_handler.block);
    BOOST_TEST(eventually([] { return aio_error(&in_handler.block) != EINPROGRESS; }));
  }
  BOOST_TEST(trouble.first() == "");
  BOOST_TEST(in_handler.wrong == 0);
  BOOST_TEST(in_handler.ended > 10);
  for (const long count : counts) BOOST_TEST(count > 10);
}

// Numbers are closed while requests wait on them, and are something else at once.
BOOST_AUTO_TEST_CASE(descriptors_that_change_hands_give_everybody_his_own_data) {
  const auto until = Clock::now() + stress::duration();
  const support::TemporaryFile file(file_bytes);
  std::mt19937 random(support::seed());
  int rounds = 0;
  for (; Clock::now() < until; ++rounds) {
    std::vector<Request> old;
    {
      auto ends = support::make_pipe();
      for (unsigned i = 0; i < 1 + random() % 3; ++i) {
        old.push_back(Request::to_read(ends.first.get(), 4));
        BOOST_REQUIRE(aio_read(old.back()) == 0);
      }
      // First: when the writer's end wakes them up, their number is closed.
      ends.first.close();
    }
    std::vector<Request> fresh;
    const bool is_file = random() % 2 == 0;
    support::FdPair next;
    if (is_file) {
      next.first = file.open(O_RDONLY);
      for (int i = 0; i < 3; ++i)
        fresh.push_back(Request::to_read(next.first.get(), 4096, i * 4096));
    } else {
      next = support::make_pipe();
      for (int i = 0; i < 3; ++i) fresh.push_back(Request::to_read(next.first.get(), 4));
    }
    for (const Request& read : fresh) BOOST_REQUIRE(aio_read(read) == 0);
    if (!is_file) BOOST_REQUIRE(::write(next.second.get(), "aaaabbbbcccc", 12) == 12);
    for (int i = 0; i < 3; ++i) {
      BOOST_REQUIRE(eventually([&] { return !support::in_progress(fresh[i]); }));
      BOOST_TEST_INFO("read " << i << ", status " << aio_error(fresh[i]) << ", of " << old.size()
                              << " old ones, a file: " << is_file);
      BOOST_REQUIRE(aio_error(fresh[i]) == 0);
      if (is_file) {
        BOOST_REQUIRE(
            support::is_pattern(fresh[i].text(4096), static_cast<std::uint64_t>(i) * 4096));
      } else {
        BOOST_REQUIRE(fresh[i].text(4) == std::string(4, static_cast<char>('a' + i)));
      }
    }
    for (const Request& read : old) {
      BOOST_REQUIRE(eventually([&] { return !support::in_progress(read); }));
      // The pipe's writer is gone: end of file, or a descriptor that is no more.
      const int status = aio_error(read);
      BOOST_TEST_INFO("status " << status << ", the number is a file now: " << is_file);
      BOOST_REQUIRE(
          (status == EBADF || status == ECANCELED || (status == 0 && aio_return(read) == 0)));
    }
  }
  // One may take as long as epoll's silence about closed descriptors is looked into.
  BOOST_TEST(rounds > 3);
}

BOOST_AUTO_TEST_CASE(children_have_asynchronous_io_of_their_own_and_parents_keep_theirs,
                     *support::without_sanitizer()) {
  const auto until = Clock::now() + stress::duration();
  const support::TemporaryFile file(file_bytes);
  const support::Fd fd = file.open(O_RDONLY);
  std::mt19937 seeds(support::seed());
  Trouble trouble;
  long counts[2] = {};
  std::deque<std::thread> threads;
  for (long& count : counts)
    threads.emplace_back([&, seed = static_cast<unsigned>(seeds())] {
      read_for_a_while(fd.get(), seed, until, trouble, count);
    });
  int children = 0;
  for (; Clock::now() < until && trouble.count() == 0; ++children) {
    const int number = fd.get();
    const Request inherited = Request::to_read(number, 4096);
    trouble.expect(aio_read(inherited) == 0, "a submission was refused");
    const int outcome = support::run_in_child([&] {
      const int status = aio_error(inherited);
      if (status != ECANCELED && status != 0) return 1;
      Trouble own;
      long count = 0;
      // On a busy machine the time may be over before the first read.
      while (count == 0 && own.count() == 0)
        read_for_a_while(number, 1, Clock::now() + std::chrono::milliseconds(5), own, count);
      if (own.count() == 0) return 0;
      std::fprintf(stderr, "in a child: %s\n", own.first().c_str());
      return 2;
    });
    if (!trouble.expect(outcome == 0, "a child failed"))
      std::fprintf(stderr, "a child said %d\n", outcome);
    trouble.expect(eventually([&] { return aio_error(inherited) == 0; }), "the parent's was lost");
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(trouble.first() == "");
  BOOST_TEST(children > 5);
}

BOOST_AUTO_TEST_SUITE_END()
