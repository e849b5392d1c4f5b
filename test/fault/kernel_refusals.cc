// SPDX-License-Identifier: MIT
// Kernel AIO that is not there, refused, short of places, or interrupted.
#include "faults.h"
#include "mixed_io.h"
#include "patience.h"
#include "support/child.h"
#include "support/precondition.h"

#include <kaio/aio.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <fcntl.h>
#include <sys/resource.h>

using fault::faults;
using fault::install_faults;
using fault::mixed_rounds;
using fault::patience_s;
using support::run_in_child;
namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(kernel_refusals)

namespace {

kaio_statistics statistics() {
  kaio_statistics now{};
  kaio_get_statistics(&now, sizeof now);
  return now;
}

}  // namespace

BOOST_AUTO_TEST_CASE(all_goes_well_without_a_fault) {
  BOOST_TEST(run_in_child([] { return mixed_rounds(5); }, patience_s) == 0);
}

BOOST_DATA_TEST_CASE(without_a_context_all_goes_by_pool_and_epoll,
                     data::make({ENOSYS, EPERM, EAGAIN, ENOMEM}), error_number) {
  BOOST_TEST(run_in_child(
                 [&] {
                   install_faults();
                   faults.setup_error = error_number;
                   faults.setup_granted = 0;
                   if (mixed_rounds(2) != 0) return 1;
                   if (statistics().by_kernel != 0) return 2;
                   return faults.setup_calls > 0 ? 0 : 3;
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(a_smaller_context_is_taken_when_little_is_left) {
  BOOST_TEST(run_in_child(
                 [] {
                   install_faults();
                   faults.setup_error = EAGAIN;
                   faults.setup_granted = 64;
                   return mixed_rounds(3);
                 },
                 patience_s) == 0);
}

BOOST_DATA_TEST_CASE(io_submit_may_be_filtered_from_the_start, data::make({EPERM, ENOSYS}),
                     error_number) {
  BOOST_TEST(run_in_child(
                 [&] {
                   install_faults();
                   faults.submit_error = error_number;
                   faults.submit_refused_from = 0;
                   return mixed_rounds(2);
                 },
                 patience_s) == 0);
}

BOOST_DATA_TEST_CASE(io_submit_may_be_filtered_from_any_call_on,
                     data::make({EPERM, ENOSYS}) * data::make({1, 2, 5, 17, 30, 60}), error_number,
                     call) {
  BOOST_TEST(run_in_child(
                 [&] {
                   install_faults();
                   faults.submit_error = error_number;
                   faults.submit_refused_from = call;
                   return mixed_rounds(2);
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(io_submit_may_be_filtered_while_requests_of_every_kind_are_in_flight) {
  BOOST_TEST(run_in_child(
                 [] {
                   install_faults();
                   fault::MixedIo io;
                   io.begin();
                   faults.submit_error = EPERM;
                   faults.submit_refused_from = 0;
                   io.end();
                   io.begin();
                   io.end();
                   return io.failures() == 0 ? 0 : 1;
                 },
                 patience_s) == 0);
}

BOOST_DATA_TEST_CASE(io_submit_that_is_busy_for_a_while_is_tried_again,
                     data::make({1, 2, 3, 10, 100}), times) {
  BOOST_TEST(run_in_child(
                 [&] {
                   install_faults();
                   faults.submit_busy = times;
                   if (mixed_rounds(1) != 0) return 1;
                   faults.submit_busy = times;  // and with nothing else in flight
                   return mixed_rounds(1);
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(a_single_request_survives_a_busy_io_submit_with_nothing_in_flight) {
  BOOST_TEST(run_in_child(
                 [] {
                   install_faults();
                   const support::TemporaryFile file(4096);
                   const support::Fd fd = file.open(O_RDONLY);
                   faults.submit_busy = 50;
                   support::Request read = support::Request::to_read(fd.get(), 4096);
                   read->aio_sigevent.sigev_notify = SIGEV_THREAD;  // nobody calls in meanwhile
                   static std::atomic<bool> called{false};
                   read->aio_sigevent.sigev_notify_function = [](sigval) { called = true; };
                   if (aio_read(read) != 0) return 1;
                   return support::eventually([] { return called.load(); }) ? 0 : 2;
                 },
                 patience_s) == 0);
}

BOOST_DATA_TEST_CASE(io_submit_may_be_busy_every_now_and_then, data::make({2, 3, 7}), every) {
  BOOST_TEST(run_in_child(
                 [&] {
                   install_faults();
                   faults.submit_busy_every = every;
                   return mixed_rounds(3);
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(transfers_that_the_kernel_cuts_short_are_completed) {
  BOOST_TEST(run_in_child(
                 [] {
                   install_faults();
                   faults.halve_transfers = true;
                   constexpr int rounds = 2, direct_transfers = 12;
                   fault::MixedIo io;
                   // Those of the direct file, as nothing is noted of it (doc/limits.md).
                   io.allow_short();
                   for (int round = 0; round < rounds; ++round) {
                     io.begin();
                     io.end();
                   }
                   if (io.failures() != 0) return 1;
                   return io.short_count() <= rounds * direct_transfers ? 0 : 2;
                 },
                 patience_s) == 0);
}

BOOST_DATA_TEST_CASE(io_getevents_may_be_refused, data::make({EPERM, ENOSYS}), error_number) {
  BOOST_TEST(run_in_child(
                 [&] {
                   install_faults();
                   faults.getevents_error = error_number;
                   return mixed_rounds(2);
                 },
                 patience_s) == 0);
}

BOOST_DATA_TEST_CASE(io_getevents_may_be_interrupted, data::make({1, 2, 3}), every) {
  BOOST_TEST(run_in_child(
                 [&] {
                   install_faults();
                   faults.getevents_interrupted_every = every;
                   return mixed_rounds(2);
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(without_the_ring_all_goes_well_too) {
  BOOST_TEST(run_in_child(
                 [] {
                   if (kaio_set_option("ring", "0") != 0) return 1;
                   return mixed_rounds(3);
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(without_the_ring_a_waiting_thread_sleeps) {
  BOOST_TEST(run_in_child([] {
               if (kaio_set_option("ring", "0") != 0) return 1;
               const auto ends = support::make_pipe();
               const support::Request read = support::Request::to_read(ends.first.get(), 1);
               if (aio_read(read) != 0) return 2;
               const aiocb* list[] = {read};
               const timespec some_time{.tv_sec = 0, .tv_nsec = 500'000'000};
               aio_suspend(list, 1, &some_time);
               rusage usage{};
               ::getrusage(RUSAGE_THREAD, &usage);
               const auto spent = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
               aio_cancel(ends.first.get(), nullptr);
               return spent < 200'000 ? 0 : 3;
             }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
