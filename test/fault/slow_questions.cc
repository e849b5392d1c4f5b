// SPDX-License-Identifier: MIT
// A thread of kaio's that has the answer to another thread's request, and is held up while it asks
// what the descriptor is: until the call has returned, and the number is another file's.
#include "support/channel.h"
#include "support/checked.h"
#include "support/child.h"
#include "support/pattern.h"
#include "support/request.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

using support::Channel;
using support::ChannelKind;
using support::Fd;
using support::Request;

BOOST_AUTO_TEST_SUITE(slow_questions)

namespace {

// The number that questions are slow about, in threads that are.
std::atomic<int> slow_number{-1};
std::atomic<int> held_up_count{0};
thread_local bool is_slow = false;

std::string content_of(const Fd& file) {
  std::string content(1 << 20, '\0');
  const ssize_t size = ::pread(file.get(), content.data(), content.size(), 0);
  content.resize(static_cast<std::size_t>(support::checked(size, "pread")));
  return content;
}

// In a child of its own: one thread waits for what never comes, and takes all answers meanwhile.
// Afterwards the number is the first file's again, or a third one's.
int writes_go_to_their_own_file(bool first_again) {
  const support::TemporaryFile first_file{4096}, second_file{0}, third_file{1 << 16};
  const Fd first = first_file.open(O_RDWR), second = second_file.open(O_RDWR),
           third = third_file.open(O_RDWR);
  const Fd& last = first_again ? first : third;
  const std::string last_content = content_of(last);
  const Channel never{ChannelKind::pipe};
  const Request never_ends = Request::to_read(never.reader(), 1);
  std::thread slow{[&] {
    is_slow = true;
    const aiocb* const list[] = {never_ends};
    if (aio_read(never_ends) == 0) aio_suspend(list, 1, nullptr);
  }};
  int problems = 0, held_up_before = 0, held_up_rounds = 0;
  for (int round = 0; round < 10; ++round) {
    const Channel channel{ChannelKind::pipe};
    const Fd number{::fcntl(channel.reader(), F_DUPFD, 300 + round)};
    // Something stays outstanding on the number; and what it is gets noted, by the list.
    const Request waiting = Request::to_read(number.get(), 1);
    problems += aio_read(waiting) != 0;
    ::dup2(first.get(), number.get());
    const Request read = Request::to_read(number.get(), 4096);
    read->aio_lio_opcode = LIO_READ;
    aiocb* const list[] = {read};
    problems += lio_listio(LIO_WAIT, list, 1, nullptr) != 0;

    ::dup2(second.get(), number.get());
    slow_number = number.get();
    const Request write = Request::to_write(number.get(), std::string(4096, 'x'), 4096 * round);
    problems += aio_write(write) != 0;
    ::dup2(last.get(), number.get());
    held_up_rounds += held_up_count != std::exchange(held_up_before, held_up_count);
    slow_number = -1;
    const int status = support::wait_done(write);
    // The program has closed its file: so it may have been given up.
    problems += status == 0 ? aio_return(write) != 4096 : status != ECANCELED;
    problems += content_of(last) != last_content;
    aio_cancel(number.get(), nullptr);
    problems += support::wait_done(waiting) != ECANCELED;
  }
  never.send("x");
  slow.join();
  if (problems == 0 && held_up_rounds == 0) return -1;  // nothing was tried
  return problems;
}

}  // namespace

// kaio asks by it what a descriptor is.
extern "C" int statx(int fd, const char* path, int flags, unsigned mask, struct statx* result) {
  if (is_slow && fd == slow_number) {
    ++held_up_count;
    while (fd == slow_number) ::usleep(100);
  }
  return static_cast<int>(::syscall(SYS_statx, fd, path, flags, mask, result));
}

BOOST_DATA_TEST_CASE(a_number_that_becomes_another_file_meanwhile_is_not_written_to,
                     boost::unit_test::data::make({false, true}), first_again) {
  BOOST_TEST(support::run_in_child([&] { return writes_go_to_their_own_file(first_again); }, 60) ==
             0);
}

BOOST_AUTO_TEST_SUITE_END()
