// SPDX-License-Identifier: MIT
#include "core/readiness/watcher.h"
#include "sys/clock.h"
#include "support/channel.h"
#include "support/deadline.h"
#include "support/limit.h"
#include "support/precondition.h"

#include <boost/test/unit_test.hpp>

#include <deque>
#include <fcntl.h>
#include <mutex>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <vector>

using kaio::Opcode;
using kaio::Transfer;
using kaio::TransferState;
using kaio::Watcher;
using support::eventually;
using namespace std::chrono_literals;

namespace {

// Counts answers in the transfer itself.
struct Sink final : kaio::ResultSink {
  void on_result(Transfer& transfer, std::int32_t answer) override {
    transfer.set_answer(answer);
    if (transfer.done_bytes++ != 0) ++doubled;
    ++answers;  // last: the test goes on, with the transfer too
  }
  void drain() override {}
  std::atomic<int> answers{0};
  std::atomic<int> doubled{0};
};

struct Fixture {
  static void prepare(Transfer& transfer, int fd, Opcode opcode) {
    transfer.operation.fd = fd;
    transfer.operation.opcode = opcode;
    transfer.attempt = kaio::Attempt::readiness;
    transfer.state = TransferState::starting;
    transfer.done_bytes = 0;
  }
  Sink sink;
  kaio::Statistics statistics;
  Watcher watcher{sink, statistics};
};

void put_byte(int fd) { BOOST_REQUIRE(::write(fd, "x", 1) == 1); }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(watcher_of_streams, Fixture)

BOOST_AUTO_TEST_CASE(a_read_is_answered_when_there_is_data) {
  const auto ends = support::make_pipe();
  Transfer read;
  prepare(read, ends.first.get(), Opcode::read);
  BOOST_REQUIRE(watcher.start(read));
  BOOST_TEST(support::stays([&] { return sink.answers == 0; }));
  BOOST_TEST(int(read.state.load()) == int(TransferState::watched));
  put_byte(ends.second.get());
  BOOST_REQUIRE(eventually([&] { return sink.answers == 1; }));
  BOOST_TEST((read.answer() & POLLIN) != 0);
  BOOST_TEST(int(read.state.load()) == int(TransferState::starting));
}

BOOST_AUTO_TEST_CASE(both_directions_of_one_descriptor_are_answered_apart) {
  support::Channel channel(support::ChannelKind::stream_socket);
  channel.fill();
  Transfer read;
  Transfer write;
  prepare(read, channel.writer(), Opcode::read);
  prepare(write, channel.writer(), Opcode::write);
  BOOST_REQUIRE(watcher.start(read));
  BOOST_REQUIRE(watcher.start(write));
  BOOST_TEST(support::stays([&] { return sink.answers == 0; }));
  put_byte(channel.reader());  // data for the reader of the same descriptor
  BOOST_REQUIRE(eventually([&] { return sink.answers == 1; }));
  BOOST_TEST(read.done_bytes == 1);
  char drained[65536];
  BOOST_REQUIRE(eventually([&] {
    while (::recv(channel.reader(), drained, sizeof drained, MSG_DONTWAIT) > 0) {
    }
    return sink.answers == 2;
  }));
  BOOST_TEST(write.done_bytes == 1);
}

BOOST_AUTO_TEST_CASE(a_hangup_answers_reads_and_writes) {
  auto ends = support::make_sockets(SOCK_STREAM);
  Transfer read;
  prepare(read, ends.first.get(), Opcode::read);
  BOOST_REQUIRE(watcher.start(read));
  ends.second.close();
  BOOST_TEST(eventually([&] { return sink.answers == 1; }));
}

BOOST_AUTO_TEST_CASE(a_closed_descriptor_ends_with_ebadf_within_two_seconds) {
  auto ends = support::make_pipe();
  Transfer read;
  prepare(read, ends.first.get(), Opcode::read);
  BOOST_REQUIRE(watcher.start(read));
  ends.first.close();
  BOOST_REQUIRE(eventually([&] { return sink.answers == 1; }, 3s));
  BOOST_TEST(read.answer() == -EBADF);
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_not_open_is_answered_with_its_error) {
  Transfer read;
  prepare(read, 1'000'000, Opcode::read);
  BOOST_REQUIRE(watcher.start(read));
  BOOST_TEST(sink.answers == 1);
  BOOST_TEST(read.answer() == -EBADF);
}

BOOST_AUTO_TEST_CASE(what_is_removed_is_not_answered_and_others_still_are) {
  const auto ends = support::make_pipe();
  Transfer first;
  Transfer second;
  prepare(first, ends.first.get(), Opcode::read);
  prepare(second, ends.first.get(), Opcode::read);
  BOOST_REQUIRE(watcher.start(first));
  BOOST_REQUIRE(watcher.start(second));
  BOOST_TEST(watcher.remove(first));
  BOOST_TEST(!watcher.remove(first));
  put_byte(ends.second.get());
  BOOST_REQUIRE(eventually([&] { return sink.answers == 1; }));
  BOOST_TEST(first.done_bytes == 0);
  BOOST_TEST(!watcher.remove(second));
}

BOOST_AUTO_TEST_CASE(five_thousand_descriptors_are_watched_by_one_thread) {
  constexpr int count = 5000;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < count * 2 + 100) {
    std::fprintf(stderr, "SKIPPED: %d descriptors: over the limit\n", count * 2);
    BOOST_TEST(true);
    return;
  }
  const support::Limit more(RLIMIT_NOFILE, limit.rlim_max);
  std::vector<support::FdPair> pipes;
  std::deque<Transfer> reads(count);
  for (int i = 0; i < count; ++i) {
    pipes.push_back(support::make_pipe());
    prepare(reads[i], pipes[i].first.get(), Opcode::read);
    if (!watcher.start(reads[i])) BOOST_FAIL("not watched");
  }
  for (const auto& ends : pipes)
    if (::write(ends.second.get(), "x", 1) != 1) BOOST_FAIL("not written");
  BOOST_TEST(eventually([&] { return sink.answers == count; }));
  BOOST_TEST(sink.doubled == 0);
}

// Data that are not taken: it is always ready.
BOOST_AUTO_TEST_CASE(one_that_was_ready_for_nothing_is_answered_for_events_only) {
  const auto ends = support::make_sockets(SOCK_STREAM);
  put_byte(ends.second.get());
  Transfer read;
  prepare(read, ends.first.get(), Opcode::read);
  read.retried = true;
  read.set_watch_count(0);
  BOOST_REQUIRE(watcher.start(read));  // registered: it may have come since it was tried
  BOOST_REQUIRE(eventually([&] { return sink.answers == 1; }));
  read.state = TransferState::starting;
  BOOST_REQUIRE(watcher.start(read));
  // Less than the time between two audits.
  BOOST_TEST(support::stays([&] { return sink.answers == 1; }, 20ms));
  put_byte(ends.second.get());
  BOOST_REQUIRE(eventually([&] { return sink.answers == 2; }));
  // What comes while it is out is not missed.
  put_byte(ends.second.get());
  BOOST_REQUIRE(watcher.start(read));
  BOOST_REQUIRE(eventually([&] { return sink.answers == 3; }, 400ms));
  // Nor when another transfer of the descriptor was there meanwhile.
  Transfer write;
  prepare(write, ends.first.get(), Opcode::write);
  BOOST_REQUIRE(watcher.start(write));
  BOOST_REQUIRE(eventually([&] { return sink.answers == 4; }));
  BOOST_REQUIRE(watcher.start(read));
  BOOST_REQUIRE(eventually([&] { return sink.answers == 5; }, 400ms));
}

BOOST_AUTO_TEST_CASE(one_with_a_deadline_is_answered_then_and_others_are_not) {
  const auto ends = support::make_pipe();
  const auto others = support::make_pipe();
  Transfer read;
  Transfer without;
  prepare(without, others.first.get(), Opcode::read);
  BOOST_REQUIRE(watcher.start(without));
  prepare(read, ends.first.get(), Opcode::read);
  const auto begin = kaio::sys::monotonic_ns();
  read.set_deadline(begin + 50'000'000, -EAGAIN);
  BOOST_REQUIRE(watcher.start(read));
  BOOST_REQUIRE(eventually([&] { return sink.answers == 1; }));
  BOOST_TEST(kaio::sys::monotonic_ns() - begin >= 50'000'000);
  BOOST_TEST(read.answer() == Transfer::time_is_up);
  BOOST_TEST(read.result_at_deadline() == -EAGAIN);
  BOOST_TEST(without.done_bytes == 0);
  BOOST_TEST(watcher.remove(without));
}

// Cancelling as data arrives: either the canceller gets it, or the answer comes;
// exactly one of them.
BOOST_AUTO_TEST_CASE(removal_while_it_becomes_ready_happens_or_fails_cleanly) {
  const int rounds = (support::sanitized ? 2000 : 20000) / support::slowness();
  auto ends = support::make_sockets(SOCK_STREAM);
  std::atomic<int> go{0};
  std::atomic<bool> ending{false};
  std::thread writer([&] {
    for (int seen = 0; !ending;) {
      if (go == seen) continue;
      seen = go;
      [[maybe_unused]] const ssize_t size = ::write(ends.second.get(), "x", 1);
    }
  });
  std::deque<Transfer> neighbours(2);  // in the same bucket, on another descriptor
  const auto idle = support::make_pipe();
  const int far = ::fcntl(idle.first.get(), F_DUPFD_CLOEXEC, ends.first.get() + 1024);
  int removed = 0;
  Transfer read;
  if (far == ends.first.get() + 1024) {
    prepare(neighbours[0], far, Opcode::read);
    BOOST_REQUIRE(watcher.start(neighbours[0]));
  }
  for (int round = 0; round < rounds; ++round) {
    const int before = sink.answers;
    prepare(read, ends.first.get(), Opcode::read);
    BOOST_REQUIRE(watcher.start(read));
    ++go;
    for (volatile int pause = round * 7 % 20000; pause > 0;) pause = pause - 1;
    if (watcher.remove(read)) {
      ++removed;
    } else {
      BOOST_REQUIRE(eventually([&] { return sink.answers == before + 1; }));
    }
    char byte;
    BOOST_REQUIRE(::read(ends.first.get(), &byte, 1) == 1);
  }
  ending = true;
  writer.join();
  BOOST_TEST(sink.answers + removed == rounds);
  if (far >= 0) {
    BOOST_TEST(watcher.remove(neighbours[0]));
    ::close(far);
  }
}

// It waits for the thread that somebody else starts.
BOOST_AUTO_TEST_CASE(who_may_start_no_thread_calls_for_it) {
  struct Starter final : kaio::Backend::ThreadStarter {
    bool call() noexcept override {
      ++calls;
      return is_there;
    }
    bool is_there = false;
    int calls = 0;
  } starter;
  Watcher thrifty{sink, statistics, &starter};
  const auto ends = support::make_pipe();
  Transfer transfer;
  prepare(transfer, ends.first.get(), Opcode::read);
  const auto start = [&] {
    const kaio::sys::MayStartThreads may_start_threads(false);
    return thrifty.can_start() && thrifty.start(transfer);
  };
  BOOST_TEST(!start());
  BOOST_TEST(int(transfer.state.load()) == int(TransferState::starting));
  starter.is_there = true;
  BOOST_REQUIRE(start());
  BOOST_TEST(starter.calls > 1);
  BOOST_TEST(int(transfer.state.load()) == int(TransferState::watched));
  put_byte(ends.second.get());
  BOOST_TEST(statistics.get(kaio::Count::threads_started) == 0u);
  thrifty.start_threads();
  BOOST_TEST(eventually([&] { return sink.answers == 1; }));
  BOOST_TEST(statistics.get(kaio::Count::threads_started) == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
