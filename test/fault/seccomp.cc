// SPDX-License-Identifier: MIT
// Real refusals by the kernel: a seccomp filter, as containers have them, and a
// machine whose fs.aio-max-nr is used up.
#include "filter.h"
#include "mixed_io.h"
#include "patience.h"
#include "support/callbacks.h"
#include "support/child.h"
#include "support/precondition.h"
#include "support/request.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <libaio.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

using fault::patience_s;
using fault::refuse;
using support::run_in_child;
namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(filtered)

namespace {

bool callbacks_come() {
  const support::TemporaryFile file(4096);
  const support::Fd fd = file.open(O_RDONLY);
  support::Callbacks callbacks;
  for (int count = 1; count <= 2; ++count) {
    const support::Request read = support::Request::to_read(fd.get(), 4096);
    callbacks.attach(read->aio_sigevent);
    if (aio_read(read) != 0 || !callbacks.wait_for(count)) return false;
  }
  return true;
}

// The handler answers for the kernel.
void say_enosys(int, siginfo_t*, void* context) {
#if defined(__x86_64__)
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
#elif defined(__aarch64__)
  static_cast<ucontext_t*>(context)->uc_mcontext.regs[0] = static_cast<unsigned long>(-ENOSYS);
#endif
}

}  // namespace

BOOST_DATA_TEST_CASE(a_filter_may_refuse_calls_of_kaios_threads_by_a_signal,
                     data::make({SYS_preadv2, SYS_pwritev2, SYS_ppoll, SYS_prctl,
                                 SYS_sched_getaffinity, SYS_epoll_pwait, SYS_io_submit}),
                     call) {
  BOOST_TEST(run_in_child(
                 [&] {
                   if (fault::sanitizers_need(call)) return 0;
                   struct sigaction action {};
                   action.sa_sigaction = say_enosys;
                   action.sa_flags = SA_SIGINFO;
                   ::sigaction(SIGSYS, &action, nullptr);
                   if (!fault::trap(call)) return 100;
                   return callbacks_come() ? fault::mixed_rounds(2) : 101;
                 },
                 patience_s) == 0);
}

BOOST_DATA_TEST_CASE(a_program_whose_kernel_aio_is_filtered_runs_all_the_same,
                     data::make({SYS_io_setup, SYS_io_submit, SYS_io_getevents, SYS_io_cancel}) *
                         data::make({EPERM, ENOSYS}),
                     call, error_number) {
  BOOST_TEST(run_in_child([&] { return refuse(call, error_number) ? fault::mixed_rounds(2) : 100; },
                          patience_s) == 0);
}

BOOST_DATA_TEST_CASE(a_filter_that_comes_while_requests_are_in_flight_loses_none,
                     data::make({SYS_io_submit, SYS_io_getevents}), call) {
  BOOST_TEST(run_in_child(
                 [&] {
                   fault::MixedIo io;
                   io.begin();
                   if (!refuse(call, EPERM)) return 100;
                   io.end();
                   io.begin();
                   io.end();
                   return io.failures() == 0 ? 0 : 1;
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(futex_waitv_may_be_filtered) {
  BOOST_TEST(run_in_child(
                 [] {
                   constexpr long futex_waitv = 449;
                   return refuse(futex_waitv, EPERM) ? fault::mixed_rounds(2) : 100;
                 },
                 patience_s) == 0);
}

// Then who waits for a list sleeps on a word that everybody shares.
BOOST_DATA_TEST_CASE(lists_are_waited_for_without_futex_waitv, data::make({"auto", "pool"}),
                     chosen) {
  BOOST_TEST(run_in_child(
                 [chosen] {
                   constexpr long futex_waitv = 449;
                   if (kaio_set_option("route", chosen) != 0 || !refuse(futex_waitv, ENOSYS))
                     return 100;
                   const support::TemporaryFile file(4096);
                   const support::Fd opened = file.open(O_RDWR);
                   const support::Request write = support::Request::to_write(opened.get(), "text");
                   aiocb* const list[] = {write};
                   for (int round = 0; round < 5000; ++round)
                     if (lio_listio(LIO_WAIT, list, 1, nullptr) != 0 || aio_return(write) != 4)
                       return 1;
                   return 0;
                 },
                 patience_s) == 0);
}

// The same for long lists of aio_suspend, and for aio_waitcomplete.
BOOST_DATA_TEST_CASE(threads_are_woken_without_futex_waitv, data::make({"auto", "pool"}), chosen) {
  BOOST_TEST(run_in_child(
                 [chosen] {
                   constexpr long futex_waitv = 449;
                   constexpr int rounds = 200;
                   if (kaio_set_option("route", chosen) != 0 || !refuse(futex_waitv, ENOSYS))
                     return 100;
                   const auto ends = support::make_pipe();
                   const auto silent_ends = support::make_pipe();
                   std::vector<support::Request> silent;
                   std::vector<const aiocb*> list;
                   for (int i = 0; i < 200; ++i) {
                     silent.push_back(support::Request::to_read(silent_ends.first.get(), 1));
                     if (aio_read(silent.back()) != 0) return 1;
                     list.push_back(silent.back());
                   }
                   list.push_back(nullptr);
                   std::atomic<int> begun_count{0};
                   std::atomic<int> good_count{0};
                   std::thread suspends([&] {
                     for (int round = 0; round < rounds; ++round) {
                       const support::Request read = support::Request::to_read(ends.first.get(), 1);
                       list.back() = read;
                       if (aio_read(read) != 0) return;
                       ++begun_count;
                       if (aio_suspend(list.data(), static_cast<int>(list.size()), nullptr) != 0)
                         return;
                       good_count += aio_return(read) == 1;
                     }
                   });
                   for (int round = 0; round < rounds; ++round) {
                     if (!support::eventually([&] { return begun_count == round + 1; })) return 2;
                     ::usleep(200);  // it sleeps by then, mostly
                     if (::write(ends.second.get(), "x", 1) != 1) return 3;
                   }
                   suspends.join();
                   if (good_count != rounds) return 4;
                   std::vector<std::thread> takers;
                   std::atomic<int> taken_count{0};
                   for (int i = 0; i < 4; ++i)
                     takers.emplace_back([&] {
                       aiocb* block = nullptr;
                       taken_count += aio_waitcomplete(&block, nullptr) == 1;
                     });
                   for (int i = 0; i < 4; ++i) {
                     ::usleep(2000);
                     if (::write(silent_ends.second.get(), "x", 1) != 1) return 5;
                   }
                   for (std::thread& taker : takers) taker.join();
                   return taken_count == 4 ? 0 : 6;
                 },
                 patience_s) == 0);
}

// The contexts are held only while the first request is made: others on this
// machine need them too.
BOOST_AUTO_TEST_CASE(when_the_machine_has_no_contexts_left_all_goes_by_pool_and_epoll) {
  BOOST_TEST(run_in_child(
                 [] {
                   fault::MixedIo io;
                   std::vector<io_context_t> taken;
                   for (long depth = 65536; depth > 0;) {
                     io_context_t context = nullptr;
                     if (taken.size() < 1000 && ::syscall(SYS_io_setup, depth, &context) == 0) {
                       taken.push_back(context);
                     } else {
                       depth /= 2;
                     }
                   }
                   io.begin();
                   for (const io_context_t context : taken) ::syscall(SYS_io_destroy, context);
                   io.end();
                   io.begin();
                   io.end();
                   return io.failures() == 0 ? 0 : 1;
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
