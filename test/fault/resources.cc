// SPDX-License-Identifier: MIT
// Lists taken in pieces; signals, descriptors and space that run out.
#include "faults.h"
#include "mixed_io.h"
#include "patience.h"
#include "support/channel.h"
#include "support/child.h"
#include "support/limit.h"
#include "support/pattern.h"
#include "support/precondition.h"
#include "support/signals.h"
#include "support/small_disk.h"

#include <kaio/aio.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <unistd.h>

using fault::faults;
using fault::install_faults;
using fault::patience_s;
using support::Request;
using support::run_in_child;
namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(resources)

namespace {

constexpr int list_length = 12;

std::vector<Request> reads_of(int fd) {
  std::vector<Request> reads;
  for (int i = 0; i < list_length; ++i) {
    reads.push_back(Request::to_read(fd, 4096, i * 4096));
    reads.back()->aio_lio_opcode = LIO_READ;
  }
  return reads;
}

bool all_right(const std::vector<Request>& reads) {
  for (int i = 0; i < list_length; ++i)
    if (support::wait_done(reads[i]) != 0 || aio_return(reads[i]) != 4096 ||
        !support::is_pattern(reads[i].text(4096), static_cast<std::uint64_t>(i) * 4096))
      return false;
  return true;
}

// A list in each mode, after `prepare`.
template <class Prepare>
int lists_survive(Prepare prepare) {
  install_faults();
  const support::TemporaryFile file(list_length * 4096);
  const support::Fd fd = file.open(O_RDONLY);
  for (const int mode : {LIO_WAIT, LIO_NOWAIT}) {
    const std::vector<Request> reads = reads_of(fd.get());
    auto list = support::list_of(reads);
    prepare();
    static std::atomic<int> called{0};
    called = 0;
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD;
    event.sigev_notify_function = [](sigval) { ++called; };
    if (lio_listio(mode, list.data(), list_length, mode == LIO_WAIT ? nullptr : &event) != 0)
      return 1;
    if (mode == LIO_WAIT)
      for (const Request& read : reads)
        if (support::in_progress(read)) return 2;
    if (!all_right(reads)) return 3;
    if (mode == LIO_NOWAIT && !support::eventually([] { return called == 1; })) return 4;
  }
  return 0;
}

std::string fill_disk_text() { return support::pattern(256 * 1024); }

}  // namespace

BOOST_DATA_TEST_CASE(a_list_of_which_the_kernel_takes_some_at_a_time_is_done,
                     data::xrange(1, list_length + 1), taken) {
  BOOST_TEST(run_in_child([&] { return lists_survive([&] { faults.submit_at_most = taken; }); },
                          patience_s) == 0);
}

BOOST_DATA_TEST_CASE(a_list_that_finds_the_kernel_busy_is_done, data::make({1, 2, 3, 20}), times) {
  BOOST_TEST(run_in_child(
                 [&] {
                   return lists_survive([&] {
                     faults.submit_at_most = 5;
                     faults.submit_busy = times;
                   });
                 },
                 patience_s) == 0);
}

BOOST_DATA_TEST_CASE(a_list_whose_submission_is_filtered_midway_is_done, data::make({0, 1, 2, 3}),
                     calls) {
  BOOST_TEST(run_in_child(
                 [&] {
                   return lists_survive([&] {
                     faults.submit_at_most = 4;
                     faults.submit_error = EPERM;
                     if (faults.submit_refused_from == INT_MAX)
                       faults.submit_refused_from = faults.submit_calls + calls;
                   });
                 },
                 patience_s) == 0);
}

BOOST_DATA_TEST_CASE(signals_that_find_the_queue_full_come_later, data::make({1, 5, 1000}), times) {
  BOOST_TEST(run_in_child(
                 [&] {
                   install_faults();
                   const support::BlockedSignal signal(support::queue_signal());
                   const support::TemporaryFile file(list_length * 4096);
                   const support::Fd fd = file.open(O_RDONLY);
                   const std::vector<Request> reads = reads_of(fd.get());
                   faults.signals_refused = times;
                   for (int i = 0; i < list_length; ++i) {
                     signal.attach(reads[i]->aio_sigevent, i);
                     if (aio_read(reads[i]) != 0) return 1;
                   }
                   unsigned seen = 0;
                   for (int i = 0; i < list_length; ++i) {
                     const auto info = signal.next();
                     if (!info) return 2;
                     seen |= 1u << info->si_value.sival_int;
                   }
                   return seen == (1u << list_length) - 1 && !signal.is_pending() ? 0 : 3;
                 },
                 patience_s) == 0);
}

// The reaper sleeps in io_getevents, because reads of a pipe wait for each other.
BOOST_AUTO_TEST_CASE(a_refused_signal_comes_later_even_while_the_reaper_leads) {
  BOOST_TEST(run_in_child(
                 [] {
                   install_faults();
                   const support::BlockedSignal signal(support::queue_signal());
                   const auto ends = support::make_pipe();
                   const Request first = Request::to_read(ends.first.get(), 1);
                   const Request second = Request::to_read(ends.first.get(), 1);
                   if (aio_read(first) != 0 || aio_read(second) != 0) return 1;
                   ::usleep(100'000);
                   const support::TemporaryFile file(support::tmpfs, 4096);
                   const support::Fd fd = file.open(O_RDWR);
                   faults.signals_refused = 3;
                   Request write = Request::to_write(fd.get(), "hello");  // by the pool
                   signal.attach(write->aio_sigevent, 5);
                   if (aio_write(write) != 0) return 2;
                   const bool came = signal.next(std::chrono::seconds(5)).has_value();
                   aio_cancel(ends.first.get(), nullptr);
                   return came ? 0 : 3;
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(without_a_free_descriptor_files_are_still_read) {
  BOOST_TEST(run_in_child(
                 [] {
                   const support::TemporaryFile file(list_length * 4096);
                   const support::Fd fd = file.open(O_RDONLY);
                   const support::Limit none(RLIMIT_NOFILE, 3);
                   const std::vector<Request> reads = reads_of(fd.get());
                   for (const Request& read : reads)
                     if (aio_read(read) != 0) return errno == EAGAIN ? 0 : 1;
                   return all_right(reads) ? 0 : 2;
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(without_a_free_descriptor_streams_are_refused_or_served) {
  BOOST_TEST(run_in_child(
                 [] {
                   const auto ends = support::make_pipe();
                   Request read = Request::to_read(ends.first.get(), 1);
                   {
                     const support::Limit none(RLIMIT_NOFILE, 3);
                     if (aio_read(read) != 0) return errno == EAGAIN ? 0 : 1;
                     if (::write(ends.second.get(), "x", 1) != 1) return 2;
                     const int status = support::wait_done(read);
                     return status == 0 || status == EAGAIN ? 0 : 3;
                   }
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(a_device_without_space_says_so) {
  const support::Fd full(::open("/dev/full", O_RDWR | O_CLOEXEC));
  BOOST_REQUIRE(full.get() >= 0);
  const int fd = full.get();
  BOOST_TEST(run_in_child(
                 [&] {
                   const Request write = Request::to_write(fd, "hello");
                   if (aio_write(write) != 0) return 1;
                   return support::wait_done(write) == ENOSPC && aio_return(write) == -1 ? 0 : 2;
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(a_write_for_which_there_is_half_the_space_is_half_done,
                     *support::where_disks_can_be_mounted()) {
  BOOST_TEST(run_in_child(
                 [] {
                   const support::SmallDisk disk("128k");
                   const support::Fd fd(
                       ::open((disk.path() + "/file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
                   const Request first = Request::to_write(fd.get(), fill_disk_text());
                   if (aio_write(first) != 0) return 2;
                   const int status = support::wait_done(first);
                   const ssize_t result = aio_return(first);
                   if (status != 0 || result != 128 * 1024) {
                     std::fprintf(stderr, "status %d, result %zd\n", status, result);
                     return 3;
                   }
                   const Request second = Request::to_write(fd.get(), "more", 256 * 1024);
                   if (aio_write(second) != 0) return 4;
                   return support::wait_done(second) == ENOSPC ? 0 : 5;
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
