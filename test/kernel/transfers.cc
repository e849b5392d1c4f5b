// SPDX-License-Identifier: MIT
//
// Reads and writes without NOWAIT: what the descriptor's own flags and position
// do, and what blocks the caller inside io_submit().
#include "kernel_aio.h"
#include "fixtures.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace kernel_aio;
using namespace std::chrono_literals;

namespace {

struct Transfer {
  Context context;
  char buffer[64] = {};

  static off_t size_of(const fixtures::Fd& file) {
    struct stat status = {};
    ::fstat(file.get(), &status);
    return status.st_size;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(transfers, Transfer)

BOOST_AUTO_TEST_CASE(O_APPEND_is_honoured_whatever_the_offset) {
  const fixtures::Fd file = fixtures::make_file(100, O_APPEND);
  BOOST_TEST(context.carry_out(write_block(file.get(), "12345", 5, 0)) == 5);
  BOOST_TEST(context.carry_out(write_block(file.get(), "67890", 5, 3)) == 5);
  BOOST_TEST(size_of(file) == 110);
  BOOST_TEST(::pread(file.get(), buffer, 10, 100) == 10);
  BOOST_TEST(std::string_view(buffer, 10) == "1234567890");
}

BOOST_AUTO_TEST_CASE(RWF_APPEND_appends_one_write) {
  const fixtures::Fd file = fixtures::make_file(100);
  const iocb block = with_flags(write_block(file.get(), "12345", 5, 0), rwf_append);
  BOOST_TEST(context.carry_out(block) == 5);
  BOOST_TEST(size_of(file) == 105);
}

BOOST_AUTO_TEST_CASE(the_position_of_the_descriptor_does_not_move) {
  const fixtures::Fd file = fixtures::make_file(100);
  BOOST_TEST(::lseek(file.get(), 7, SEEK_SET) == 7);
  BOOST_TEST(context.carry_out(read_block(file.get(), buffer, 10, 50)) == 10);
  BOOST_TEST(context.carry_out(write_block(file.get(), buffer, 10, 50)) == 10);
  BOOST_TEST(::lseek(file.get(), 0, SEEK_CUR) == 7);
}

BOOST_AUTO_TEST_CASE(O_NONBLOCK_gives_EAGAIN_as_an_event) {
  const fixtures::FdPair pipe = support::make_pipe();
  ::fcntl(pipe.first.get(), F_SETFL, O_NONBLOCK);
  iocb block = read_block(pipe.first.get(), buffer, 1);
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  BOOST_TEST(context.reap_one() == -EAGAIN);
}

// Why nothing is submitted from the caller without NOWAIT.
BOOST_AUTO_TEST_CASE(read_of_an_empty_pipe_blocks_io_submit_until_there_is_data) {
  const fixtures::FdPair pipe = support::make_pipe();
  std::atomic<bool> submitted{false};
  std::thread submitter{[&] {
    iocb block = read_block(pipe.first.get(), buffer, 1);
    context.submit(block);
    submitted = true;
  }};
  std::this_thread::sleep_for(50ms);
  BOOST_TEST(!submitted);
  fixtures::append(pipe.second, "x");
  submitter.join();
  BOOST_TEST(context.reap_one() == 1);
}

BOOST_AUTO_TEST_CASE(a_signal_ends_such_a_block_with_EINTR_as_an_event) {
  struct sigaction action = {};
  struct sigaction old_action = {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGUSR1, &action, &old_action);
  const fixtures::FdPair pipe = support::make_pipe();
  std::atomic<bool> submitted{false};
  std::atomic<int> answer{0};
  std::thread submitter{[&] {
    iocb block = read_block(pipe.first.get(), buffer, 1);
    answer = context.submit(block);
    submitted = true;
  }};
  while (!submitted) {  // the first may come before it blocks
    ::pthread_kill(submitter.native_handle(), SIGUSR1);
    std::this_thread::sleep_for(5ms);
  }
  submitter.join();
  ::sigaction(SIGUSR1, &old_action, nullptr);
  BOOST_TEST(answer == 1);
  BOOST_TEST(context.reap_one() == -EINTR);
}

BOOST_AUTO_TEST_CASE(a_pty_reads_and_writes_like_any_file) {
  const fixtures::FdPair pty = support::make_pty();
  fixtures::append(pty.first, "line\n");
  BOOST_TEST(context.carry_out(read_block(pty.second.get(), buffer, sizeof buffer)) == 5);
  BOOST_TEST(context.carry_out(write_block(pty.second.get(), "answer", 6)) == 6);
}

// The file-size limit and O_DSYNC are the file system's affair, not ours.
BOOST_AUTO_TEST_CASE(RWF_DSYNC_is_taken_on_writes_of_a_file) {
  const fixtures::Fd file = fixtures::make_file(100);
  BOOST_TEST(context.carry_out(with_flags(write_block(file.get(), "x", 1), rwf_dsync)) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
