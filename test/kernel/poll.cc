// SPDX-License-Identifier: MIT
//
// IOCB_CMD_POLL: waiting for a stream in the kernel context, with no thread.
#include "kernel_aio.h"
#include "fixtures.h"

#include "support/temporary_file.h"

#include <cerrno>
#include <memory>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <thread>
#include <unistd.h>

using namespace kernel_aio;
using namespace std::chrono_literals;

namespace {

struct Poll {
  Context context;

  // The readiness that the event tells; `Context::nothing` after a short wait.
  std::int64_t ready(const fixtures::Fd& descriptor, short events) {
    blocks_.push_back(std::make_unique<iocb>(poll_block(descriptor.get(), events)));
    if (const int taken = context.submit(*blocks_.back()); taken != 1) return taken;
    return context.reap_one(20ms);
  }
  std::int64_t later() { return context.reap_one(); }

 private:
  std::vector<std::unique_ptr<iocb>> blocks_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(polling, Poll)

BOOST_AUTO_TEST_CASE(empty_pipe_waits_and_a_written_one_is_ready) {
  const fixtures::FdPair pipe = support::make_pipe();
  BOOST_TEST(ready(pipe.first, POLLIN) == Context::nothing);
  fixtures::append(pipe.second, "x");
  BOOST_TEST((later() & POLLIN) != 0);
}

BOOST_AUTO_TEST_CASE(it_is_single_shot) {
  const fixtures::FdPair pipe = support::make_pipe();
  BOOST_TEST(ready(pipe.first, POLLIN) == Context::nothing);
  fixtures::append(pipe.second, "x");
  BOOST_TEST((later() & POLLIN) != 0);
  fixtures::append(pipe.second, "x");
  BOOST_TEST(context.reap_one(20ms) == Context::nothing);
}

BOOST_AUTO_TEST_CASE(full_pipe_waits_for_room) {
  const fixtures::FdPair pipe = support::make_pipe();
  const fixtures::AlignedBuffer buffer{65536};
  fixtures::write_all(pipe.second, buffer.data(), 65536);
  BOOST_TEST(ready(pipe.second, POLLOUT) == Context::nothing);
  BOOST_TEST(::read(pipe.first.get(), buffer.data(), 65536) == 65536);
  BOOST_TEST((later() & POLLOUT) != 0);
}

BOOST_AUTO_TEST_CASE(reads_and_writes_of_one_socket_are_waited_for_apart) {
  const fixtures::FdPair sockets = support::make_sockets(SOCK_STREAM);
  BOOST_TEST(ready(sockets.first, POLLIN) == Context::nothing);
  BOOST_TEST((ready(sockets.first, POLLOUT) & POLLOUT) != 0);
  fixtures::append(sockets.second, "x");
  BOOST_TEST((later() & POLLIN) != 0);
}

// One writer's wake-up makes every waiter's event: who is not first finds
// nothing to read and waits again.
BOOST_AUTO_TEST_CASE(every_poll_of_one_pipe_is_woken_by_one_write) {
  const fixtures::FdPair pipe = support::make_pipe();
  for (int waiter = 0; waiter < 3; ++waiter)
    BOOST_TEST(ready(pipe.first, POLLIN) == Context::nothing);
  fixtures::append(pipe.second, "x");
  for (int waiter = 0; waiter < 3; ++waiter) BOOST_TEST((later() & POLLIN) != 0);
}

BOOST_AUTO_TEST_CASE(other_end_closed_wakes_with_POLLHUP) {
  fixtures::FdPair pipe = support::make_pipe();
  BOOST_TEST(ready(pipe.first, POLLIN) == Context::nothing);
  pipe.second.close();
  BOOST_TEST((later() & POLLHUP) != 0);
}

// The poll holds the file, not the number: closing wakes nobody, and the number
// may mean something else by the time that the event comes.
BOOST_AUTO_TEST_CASE(closing_the_descriptor_wakes_nobody_and_the_poll_goes_on) {
  fixtures::FdPair pipe = support::make_pipe();
  BOOST_TEST(ready(pipe.first, POLLIN) == Context::nothing);
  pipe.first.close();
  BOOST_TEST(context.reap_one(20ms) == Context::nothing);
  // No SIGPIPE: the poll's reference keeps the reading end alive.
  fixtures::append(pipe.second, "x");
  BOOST_TEST((later() & POLLIN) != 0);
}

BOOST_AUTO_TEST_CASE(timerfd_and_inotify_wait_until_they_have_something) {
  const fixtures::Fd timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)};
  BOOST_TEST(ready(timer, POLLIN) == Context::nothing);
  const itimerspec soon{{0, 0}, {0, 1'000'000}};
  BOOST_TEST(::timerfd_settime(timer.get(), 0, &soon, nullptr) == 0);
  BOOST_TEST((later() & POLLIN) != 0);

  const support::TemporaryDirectory directory;
  const fixtures::Fd watch{::inotify_init1(IN_CLOEXEC)};
  BOOST_TEST(::inotify_add_watch(watch.get(), directory.path().c_str(), IN_CREATE) > 0);
  BOOST_TEST(ready(watch, POLLIN) == Context::nothing);
  fixtures::open_path((directory.path() + "/file").c_str(), O_RDWR | O_CREAT);
  BOOST_TEST((later() & POLLIN) != 0);
}

BOOST_AUTO_TEST_CASE(regular_files_and_null_are_ready_at_once) {
  const fixtures::Fd null = fixtures::open_path("/dev/null", O_RDWR);
  BOOST_TEST((ready(fixtures::make_file(512), POLLIN) & POLLIN) != 0);
  BOOST_TEST((ready(null, POLLIN) & POLLIN) != 0);
}

BOOST_AUTO_TEST_CASE(waiting_to_read_a_pty_is_EINVAL_at_submission) {
  const fixtures::FdPair pty = support::make_pty();
  BOOST_TEST(ready(pty.first, POLLIN) == -EINVAL);
  BOOST_TEST(ready(pty.second, POLLIN) == -EINVAL);
}

// The refusal is found only when it would have to wait.
BOOST_AUTO_TEST_CASE(pty_that_has_data_or_room_is_ready_and_not_refused) {
  const fixtures::FdPair pty = support::make_pty();
  BOOST_TEST((ready(pty.first, POLLOUT) & POLLOUT) != 0);
  BOOST_TEST((ready(pty.second, POLLOUT) & POLLOUT) != 0);
  fixtures::append(pty.first, "line\n");
  for (int attempt = 0; attempt < 200; ++attempt) {  // the line discipline is a workqueue's
    if (ready(pty.second, POLLIN) == POLLIN) return;
    std::this_thread::sleep_for(5ms);
  }
  BOOST_TEST(false, "the slave never became readable");
}

BOOST_AUTO_TEST_CASE(eventfd_poll_wakes_a_thread_that_sleeps_in_getevents) {
  const fixtures::Fd doorbell = support::make_eventfd();
  iocb block = poll_block(doorbell.get(), POLLIN);
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  std::thread ringer{[&] {
    std::this_thread::sleep_for(30ms);
    const std::uint64_t one = 1;
    fixtures::write_all(doorbell, &one, sizeof one);
  }};
  io_event event;
  const auto before = std::chrono::steady_clock::now();
  BOOST_TEST(context.get_events(1, 1, 5s, &event) == 1);
  BOOST_TEST((std::chrono::steady_clock::now() - before < 2s));
  BOOST_TEST(event.obj == reinterpret_cast<std::uint64_t>(&block));
  ringer.join();
}

BOOST_AUTO_TEST_CASE(a_length_an_offset_or_flags_on_a_poll_are_EINVAL_at_submission) {
  const fixtures::FdPair pipe = support::make_pipe();
  iocb block = poll_block(pipe.first.get(), POLLIN);
  block.aio_nbytes = 1;
  BOOST_TEST(context.submit(block) == -EINVAL);
  block = poll_block(pipe.first.get(), POLLIN);
  block.aio_offset = 1;
  BOOST_TEST(context.submit(block) == -EINVAL);
  block = with_flags(poll_block(pipe.first.get(), POLLIN), rwf_nowait);
  BOOST_TEST(context.submit(block) == -EINVAL);
}

BOOST_AUTO_TEST_SUITE_END()
