// SPDX-License-Identifier: MIT
// Operations that are used again, moved, or end themselves; poll, wait, wake and the descriptor.
#include <kaio/engine.h>
#include <kaio/testing.h>

#include "support/channel.h"
#include "support/child.h"
#include "support/deadline.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

#include <boost/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <pthread.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using Clock = kaio::Operation::Clock;
using kaio::EngineError;
using kaio::Operation;

BOOST_AUTO_TEST_SUITE(driving)

namespace {

constexpr std::size_t block_bytes = 4096;

struct Disk {
  const support::TemporaryFile temporary{block_bytes * 16};
  kaio::File file{temporary.path().c_str(), {.flags = O_RDWR}};
  std::array<kaio::Buffer, 8> buffers;
  kaio::Engine engine{{.depth = 16}};

  Disk() {
    for (kaio::Buffer& buffer : buffers) buffer = kaio::Buffer(block_bytes);
  }
  Operation& read(Operation& operation, std::size_t block) {
    return operation.read(file, buffers[block].data(), block_bytes, block * block_bytes);
  }
  bool has(std::size_t block) const {
    return support::is_pattern({reinterpret_cast<const char*>(buffers[block].data()), block_bytes},
                               block * block_bytes);
  }
};

bool is_readable(int fd) {
  pollfd look{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&look, 1, 0) == 1;
}

kaio::Engine* engine_of_handler = nullptr;

}  // namespace

BOOST_AUTO_TEST_CASE(an_operation_submitted_again_does_the_same_again) {
  Disk disk;
  Operation operation;
  disk.read(operation, 2);
  for (int round = 0; round < 3; ++round) {
    disk.buffers[2].data()[7] = std::byte{0};
    disk.engine.submit(operation).or_throw();
    BOOST_TEST((disk.engine.submit(operation).reason() == EngineError::busy));
    BOOST_TEST(disk.engine.wait() == 1U);
    BOOST_TEST(operation.result().value() == block_bytes);
    BOOST_TEST(disk.has(2));
  }
}

BOOST_AUTO_TEST_CASE(after_short_transfers_it_asks_for_all_again) {
  kaio::testing::FaultyKernel kernel({.short_transfers = 0.5});
  Disk disk;
  if (!disk.file.is_direct()) return;
  kaio::Engine engine({.depth = 16, .kernel = &kernel});
  Operation operation;
  disk.read(operation, 1);
  for (int round = 0; round < 50; ++round) {
    disk.buffers[1].data()[4000] = std::byte{0};
    engine.submit(operation).or_throw();
    engine.drain();
    BOOST_REQUIRE(operation.result().value() == block_bytes);
    BOOST_REQUIRE(disk.has(1));
  }
  BOOST_TEST(kernel.counts().shortened != 0U);
}

BOOST_AUTO_TEST_CASE(an_idle_operation_moves_with_what_it_was_told) {
  Disk disk;
  Operation first;
  int number = 0;
  disk.read(first, 1).on_completion([](Operation& ended) { ++*static_cast<int*>(ended.context()); },
                                    &number);
  std::vector<Operation> operations;
  operations.push_back(std::move(first));
  Operation last(std::move(operations.front()));
  disk.engine.submit(last).or_throw();
  disk.engine.drain();
  BOOST_TEST(number == 1);
  BOOST_TEST(disk.has(1));
  Operation other(std::move(last));
  BOOST_TEST(other.result().value() == block_bytes);
}

BOOST_AUTO_TEST_CASE(a_completion_may_submit_it_again) {
  Disk disk;
  struct Loop {
    kaio::Engine* engine;
    int left;
  } loop{&disk.engine, 100};
  Operation operation;
  disk.read(operation, 0)
      .on_completion(
          [](Operation& ended) {
            Loop& self = *static_cast<Loop*>(ended.context());
            if (--self.left != 0) self.engine->submit(ended).or_throw();
          },
          &loop);
  disk.engine.submit(operation).or_throw();
  disk.engine.drain();
  BOOST_TEST(loop.left == 0);
  const kaio::EngineStatistics statistics = disk.engine.statistics();
  BOOST_TEST(statistics.submitted == 100U);
  BOOST_TEST(statistics.completed == 100U);
  BOOST_TEST(statistics.read_bytes == 100U * block_bytes);
  BOOST_TEST(statistics.queued + statistics.in_kernel + statistics.under_way == 0U);
}

BOOST_AUTO_TEST_CASE(a_completion_may_destroy_its_operation) {
  Disk disk;
  for (std::size_t i = 0; i < 8; ++i) {
    auto* operation = new Operation;
    disk.read(*operation, i).on_completion([](Operation& ended) { delete &ended; });
    disk.engine.submit(*operation).or_throw();
  }
  disk.engine.drain();
  for (std::size_t i = 0; i < 8; ++i) BOOST_TEST(disk.has(i));
}

BOOST_AUTO_TEST_CASE(a_completion_may_poll) {
  Disk disk;
  std::array<Operation, 8> operations;
  for (std::size_t i = 0; i < 8; ++i) {
    disk.read(operations[i], i)
        .on_completion(
            [](Operation& ended) { static_cast<kaio::Engine*>(ended.context())->poll(); },
            &disk.engine);
    disk.engine.submit(operations[i]).or_throw();
  }
  disk.engine.drain();
  BOOST_TEST(disk.engine.statistics().completed == 8U);
}

BOOST_AUTO_TEST_CASE(what_there_is_no_room_for_is_given_back_next_time) {
  Disk disk;
  std::array<Operation, 8> operations;
  for (std::size_t i = 0; i < 8; ++i) disk.engine.submit(disk.read(operations[i], i)).or_throw();
  std::vector<Operation*> ended;
  std::array<Operation*, 3> room{};
  while (ended.size() < 8) {
    const auto given = disk.engine.wait(room, Clock::now() + support::patience);
    BOOST_REQUIRE(!given.empty());
    ended.insert(ended.end(), given.begin(), given.end());
  }
  std::sort(ended.begin(), ended.end());
  for (std::size_t i = 0; i < 8; ++i) BOOST_TEST(ended[i] == &operations[i]);
  BOOST_TEST(disk.engine.poll(room).empty());
}

BOOST_AUTO_TEST_CASE(without_any_room_nothing_is_given_back_and_nothing_lost) {
  Disk disk;
  Operation operation;
  disk.engine.submit(disk.read(operation, 0)).or_throw();
  const auto wait_begin = Clock::now();
  while (disk.engine.statistics().in_kernel != 0 || Clock::now() == wait_begin)
    BOOST_REQUIRE(disk.engine.poll(std::span<Operation*>()).empty());
  BOOST_TEST(disk.engine.under_way() == 1);
  std::array<Operation*, 1> room{};
  const std::span<Operation*> given = disk.engine.wait(room);
  BOOST_REQUIRE(given.size() == 1);
  BOOST_TEST(given[0] == &operation);
  BOOST_TEST(disk.has(0));
}

BOOST_AUTO_TEST_CASE(a_wait_ends_at_its_deadline_and_by_wake) {
  kaio::Engine engine({.depth = 16});
  const auto ends = support::make_pipe();
  Operation poll;
  engine.submit(poll.poll(ends.first.get(), kaio::Readiness::readable)).or_throw();
  const auto before = Clock::now();
  BOOST_TEST(engine.wait(1, before + std::chrono::milliseconds(20)) == 0U);
  BOOST_TEST((Clock::now() >= before + std::chrono::milliseconds(20)));
  engine.wake();  // before the wait
  BOOST_TEST(engine.wait(1, before + support::patience) == 0U);
  for (int round = 0; round < 200; ++round) {
    std::thread other([&] { engine.wake(); });
    BOOST_REQUIRE(engine.wait(1, Clock::now() + support::patience) == 0U);
    other.join();
  }
  BOOST_TEST((Clock::now() < before + support::patience));
  BOOST_REQUIRE(::write(ends.second.get(), "x", 1) == 1);
  BOOST_TEST(engine.wait(1, Clock::now() + support::patience) == 1U);
  BOOST_TEST((poll.result().size_bytes() & POLLIN) != 0U);
}

BOOST_AUTO_TEST_CASE(a_signal_handler_ends_a_wait) {
  kaio::Engine engine({.depth = 16});
  const auto ends = support::make_pipe();
  Operation poll;
  engine.submit(poll.poll(ends.first.get(), kaio::Readiness::readable)).or_throw();
  engine_of_handler = &engine;
  struct sigaction action {
  }, saved{};
  action.sa_handler = [](int) { engine_of_handler->wake(); };
  ::sigaction(SIGUSR1, &action, &saved);
  const pthread_t waiter = ::pthread_self();
  std::thread other([&] { ::pthread_kill(waiter, SIGUSR1); });
  const auto limit = Clock::now() + support::patience;
  BOOST_TEST(engine.wait(1, limit) == 0U);
  BOOST_TEST((Clock::now() < limit));
  other.join();
  ::sigaction(SIGUSR1, &saved, nullptr);
  engine.cancel();
  engine.drain();
}

BOOST_AUTO_TEST_CASE(the_descriptor_is_readable_until_all_has_been_taken) {
  Disk disk;
  const support::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{.events = EPOLLIN, .data = {.fd = disk.engine.fd()}};
  BOOST_REQUIRE(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, disk.engine.fd(), &event) == 0);
  BOOST_TEST(!is_readable(disk.engine.fd()));
  std::array<Operation, 8> operations;
  std::array<Operation*, 3> room{};
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < 8; ++i) disk.engine.submit(disk.read(operations[i], i)).or_throw();
    disk.engine.flush();
    for (std::size_t count = 0; count < 8;) {
      BOOST_REQUIRE(::epoll_wait(epoll.get(), &event, 1, 10'000) == 1);
      count += disk.engine.poll(room).size();
    }
    while (is_readable(disk.engine.fd())) BOOST_REQUIRE(disk.engine.poll(room).empty());
  }
}

BOOST_AUTO_TEST_CASE(the_descriptor_is_readable_for_what_ends_before_the_kernel_has_it) {
  Disk disk;
  const int fd = disk.engine.fd();
  Operation operation;
  const auto ends_with = [&](std::errc error) {
    BOOST_TEST(is_readable(fd));
    BOOST_TEST(disk.engine.poll() == 1);
    BOOST_TEST((operation.result().error() == error));
    BOOST_TEST(!is_readable(fd));
  };
  const auto submit = [&](Operation& asked) { disk.engine.submit(asked).or_throw(); };

  submit(disk.read(operation, 0).set_deadline(Clock::now()));
  disk.engine.flush();
  ends_with(std::errc::timed_out);
  operation.clear_deadline();

  submit(disk.read(operation, 0));
  BOOST_TEST((disk.engine.cancel(operation) == kaio::Cancelled::yes));
  ends_with(std::errc::operation_canceled);
  submit(disk.read(operation, 0));
  disk.engine.cancel();
  ends_with(std::errc::operation_canceled);

  const kaio::File file(disk.temporary.path().c_str(), {.flags = O_RDONLY});
  submit(operation.write(file, disk.buffers[0].data(), block_bytes, 0));
  disk.engine.flush();
  ends_with(std::errc::bad_file_descriptor);
}

BOOST_AUTO_TEST_CASE(the_descriptor_is_to_be_asked_for_while_nothing_is_under_way) {
  Disk disk;
  Operation operation;
  disk.engine.submit(disk.read(operation, 0)).or_throw();
  BOOST_CHECK_THROW(disk.engine.fd(), std::system_error);
  disk.engine.drain();
  BOOST_TEST(disk.engine.fd() >= 0);
}

BOOST_AUTO_TEST_CASE(an_engine_that_ends_accepts_nothing_more_and_ends_its_chains) {
  Disk disk;
  struct Again {
    kaio::Engine* engine;
    Operation* operation;
    EngineError refused_for = EngineError::none;
    int completed_count = 0;
  };
  Operation read, write;
  Again again{.engine = nullptr, .operation = &read};
  read.on_completion(
      [](Operation& operation) {
        Again& what = *static_cast<Again*>(operation.context());
        ++what.completed_count;
        what.refused_for = what.engine->submit(operation).reason();
      },
      &again);
  kaio::Chain chain(disk.file);
  {
    kaio::Engine engine({.depth = 8});
    again.engine = &engine;
    write.write(disk.file, disk.buffers[1].data(), block_bytes, block_bytes);
    chain.add(write);
    engine.submit(disk.read(read, 0)).or_throw();
    engine.submit(chain).or_throw();
  }
  BOOST_TEST(again.completed_count == 1);
  BOOST_TEST((again.refused_for == EngineError::ending));
  BOOST_TEST(!chain.result().error());
  BOOST_TEST(chain.is_idle());
}

BOOST_AUTO_TEST_CASE(a_child_of_fork_is_refused_and_wakes_nobody) {
  Disk disk;
  const int fd = disk.engine.fd();
  Operation operation, other;
  disk.engine.submit(disk.read(operation, 1)).or_throw();
  const int status = support::run_in_child([&] {
    if (!disk.engine.belongs_to_parent()) return 1;
    if (disk.engine.submit(disk.read(other, 2)).reason() != EngineError::other_process) return 2;
    if (disk.engine.poll() != 0 || disk.engine.wait() != 0) return 3;
    if (disk.engine.cancel(operation) != kaio::Cancelled::not_in_use) return 4;
    disk.engine.wake();
    disk.engine.cancel();
    disk.engine.drain();
    std::destroy_at(&operation);  // as exit() would, of a static one
    return 0;
  });
  BOOST_TEST(status == 0);
  BOOST_TEST(!is_readable(fd));
  disk.engine.drain();
  BOOST_TEST(disk.has(1));
}

BOOST_AUTO_TEST_SUITE_END()
