// SPDX-License-Identifier: MIT
//
// How long the kernel needs what it was given, and what outlives what.
#include "kernel_aio.h"
#include "fixtures.h"

#include "support/deadline.h"
#include "support/signals.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace kernel_aio;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(lifetime)

namespace {

constexpr std::size_t transfer_bytes = 1 << 20;  // long enough to be in flight for a while

struct InFlight {
  Context context;
  fixtures::AlignedBuffer buffer{transfer_bytes, '-'};
  fixtures::Fd file = fixtures::make_file(transfer_bytes, O_DIRECT);

  bool arrived() const { return std::memchr(buffer.data(), '-', transfer_bytes) == nullptr; }
};

// Whether another process would find a POSIX record lock of ours on the file.
bool is_locked(const fixtures::Fd& file) {
  const pid_t child = ::fork();
  if (child == 0) {
    struct flock question = {};
    question.l_type = F_WRLCK;
    question.l_whence = SEEK_SET;
    ::_exit(::fcntl(file.get(), F_GETLK, &question) == 0 && question.l_type == F_WRLCK ? 1 : 0);
  }
  int status = 0;
  BOOST_REQUIRE_EQUAL(::waitpid(child, &status, 0), child);
  return WEXITSTATUS(status) == 1;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_iocb_may_go_as_soon_as_submit_returned, InFlight,
                        *support::with_direct_io()) {
  iocb block = read_block(file.get(), buffer.data(), transfer_bytes);
  block.aio_data = 42;
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  std::memset(&block, 0xff, sizeof block);
  io_event event;
  BOOST_REQUIRE_EQUAL(context.get_events(1, 1, 5s, &event), 1);
  BOOST_TEST(event.res == static_cast<std::int64_t>(transfer_bytes));
  BOOST_TEST(event.data == 42u);
  BOOST_TEST(arrived());
}

BOOST_FIXTURE_TEST_CASE(the_vector_may_go_as_soon_as_submit_returned, InFlight,
                        *support::with_direct_io()) {
  iovec halves[2] = {{buffer.data(), transfer_bytes / 2},
                     {buffer.data() + transfer_bytes / 2, transfer_bytes / 2}};
  iocb block = readv_block(file.get(), halves, 2);
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  std::memset(halves, 0, sizeof halves);
  BOOST_TEST(context.reap_one() == static_cast<std::int64_t>(transfer_bytes));
  BOOST_TEST(arrived());
}

BOOST_FIXTURE_TEST_CASE(the_descriptor_may_be_closed_as_soon_as_submit_returned, InFlight,
                        *support::with_direct_io()) {
  iocb block = read_block(file.get(), buffer.data(), transfer_bytes);
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  file.close();
  BOOST_TEST(context.reap_one() == static_cast<std::int64_t>(transfer_bytes));
  BOOST_TEST(arrived());
}

BOOST_FIXTURE_TEST_CASE(a_request_outlives_the_thread_that_submitted_it, InFlight,
                        *support::with_direct_io()) {
  const fixtures::FdPair pipe = support::make_pipe();
  iocb block = read_block(file.get(), buffer.data(), transfer_bytes);
  iocb waits = poll_block(pipe.first.get(), POLLIN);
  std::thread{[&] { BOOST_TEST(context.submit({&block, &waits}) == 2); }}.join();
  BOOST_TEST(context.reap_one() == static_cast<std::int64_t>(transfer_bytes));
  fixtures::append(pipe.second, "x");
  BOOST_TEST((context.reap_one() & POLLIN) != 0);
}

BOOST_AUTO_TEST_CASE(destroying_a_context_ends_its_polls_and_frees_their_files) {
  fixtures::FdPair pipe = support::make_pipe();
  iocb waits = poll_block(pipe.first.get(), POLLIN);
  {
    Context context;
    BOOST_REQUIRE_EQUAL(context.submit(waits), 1);
    pipe.first.close();
  }
  // With the last reference gone a write finds nobody. A kernel worker drops it,
  // now and then after io_destroy() has returned.
  support::SignalHandler no_signal{SIGPIPE, SIG_IGN};
  BOOST_TEST(support::eventually(
      [&] { return ::write(pipe.second.get(), "x", 1) == -1 && errno == EPIPE; }));
}

// Why a file is never pinned with dup() behind a program's back.
BOOST_AUTO_TEST_CASE(closing_a_duplicate_drops_the_record_locks_of_the_process) {
  const fixtures::Fd file = fixtures::make_file(4096);
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  BOOST_REQUIRE_EQUAL(::fcntl(file.get(), F_SETLK, &lock), 0);
  BOOST_TEST(is_locked(file));
  fixtures::Fd duplicate{::dup(file.get())};
  duplicate.close();
  BOOST_TEST(!is_locked(file));
}

BOOST_AUTO_TEST_CASE(kernel_aio_itself_leaves_record_locks_alone) {
  const fixtures::Fd file = fixtures::make_file(4096);
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  BOOST_REQUIRE_EQUAL(::fcntl(file.get(), F_SETLK, &lock), 0);
  char byte = 0;
  Context context;
  BOOST_TEST(context.carry_out(read_block(file.get(), &byte, 1)) == 1);
  BOOST_TEST(is_locked(file));
}

BOOST_AUTO_TEST_SUITE_END()
