// SPDX-License-Identifier: MIT
// Threads of kaio's are small, exist only while they are needed, and keep nothing from
// ending.
#include "cases.h"

#include "support/child.h"
#include "support/process.h"

#include <fstream>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>

BOOST_AUTO_TEST_SUITE(helper_threads, *without_sanitizer())

namespace {

// A request that leaves threads behind, each for another reason.
enum class Use { callback, signal, stream_read, buffered_write, attributed_callback };
std::ostream& operator<<(std::ostream& out, Use use) {
  constexpr const char* names[] = {"callback", "signal", "stream read", "buffered write",
                                   "callback with attributes"};
  return out << names[static_cast<int>(use)];
}
std::vector<Use> all_uses() {
  return {Use::callback, Use::signal, Use::stream_read, Use::buffered_write,
          Use::attributed_callback};
}

std::atomic<int> told_count{0};

// True when it is over, and its notification has come.
bool make_use(Use use) {
  static std::vector<Request> kept;
  const TemporaryFile file{4096};
  const Fd fd = file.open(O_RDWR);
  const FdPair pipe = make_pipe();
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  const Request request = use == Use::stream_read ? Request::to_read(pipe.first.get(), 4)
                                                  : Request::to_write(fd.get(), "text");
  told_count = 0;
  if (use == Use::callback || use == Use::attributed_callback) {
    request->aio_sigevent.sigev_notify = SIGEV_THREAD;
    request->aio_sigevent.sigev_notify_function = [](sigval) { ++told_count; };
    if (use == Use::attributed_callback)
      request->aio_sigevent.sigev_notify_attributes = &attributes;
  } else if (use == Use::signal) {
    ::signal(SIGRTMIN, [](int) { ++told_count; });
    request->aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    request->aio_sigevent.sigev_signo = SIGRTMIN;
  } else {
    told_count = 1;
  }
  if ((use == Use::stream_read ? aio_read(request) : aio_write(request)) != 0) return false;
  if (use == Use::stream_read) {
    std::this_thread::sleep_for(10ms);  // it waits by then, mostly
    if (::write(pipe.second.get(), "text", 4) != 4) return false;
  }
  return wait_done(request) == 0 && aio_return(request) == 4 &&
         eventually([] { return told_count == 1; });
}

long status_kb(const std::string& name) {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":")) return std::stol(line.substr(name.size() + 1));
  return -1;
}

}  // namespace

// unshare() of a user namespace, setns() and others want a process of one thread.
BOOST_DATA_TEST_CASE(a_moment_after_its_last_request_a_program_has_one_thread_again,
                     data::make(all_uses()), use) {
  BOOST_TEST(run_in_child([&] {
               for (int round = 0; round < 2; ++round) {
                 if (!make_use(use)) return 1 + round;
                 if (!eventually([] { return thread_count() == 1; })) return 3 + round;
               }
               // The kernel counts a thread that ends for an instant longer than /proc does.
               const auto alone = [] { return ::unshare(CLONE_NEWUSER) == 0 || errno != EINVAL; };
               return eventually(alone) ? 0 : 5;
             }) == 0);
}

// What is outstanding for longer than threads stay idle is not forgotten.
BOOST_DATA_TEST_CASE(a_request_that_takes_long_is_carried_out_and_told_all_the_same,
                     data::make({Use::callback, Use::signal}), use) {
  BOOST_TEST(run_in_child([&] {
               const FdPair pipe = make_pipe();
               const Request read = Request::to_read(pipe.first.get(), 4);
               told_count = 0;
               ::signal(SIGRTMIN, [](int) { ++told_count; });
               read->aio_sigevent.sigev_notify = use == Use::callback ? SIGEV_THREAD : SIGEV_SIGNAL;
               read->aio_sigevent.sigev_signo = SIGRTMIN;
               if (use == Use::callback)
                 read->aio_sigevent.sigev_notify_function = [](sigval) { ++told_count; };
               if (aio_read(read) != 0) return 1;
               ::timespec pause{.tv_sec = 3, .tv_nsec = 0};
               ::nanosleep(&pause, nullptr);
               if (::write(pipe.second.get(), "text", 4) != 4) return 2;
               return eventually([] { return told_count == 1; }) && aio_return(read) == 4 ? 0 : 3;
             }) == 0);
}

// With all memory locked each thread counts with its whole stack; as an ordinary user:
// test/costs/locked_memory.c.
BOOST_AUTO_TEST_CASE(helper_threads_lock_little_memory, *as_root()) {
  BOOST_TEST(run_in_child([] {
               const TemporaryFile file{1 << 20};
               const Fd fd = file.open(O_RDWR);
               if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) return 1;
               const long before_kb = status_kb("VmLck");
               std::vector<Request> writes;
               for (int index = 0; index < 64; ++index) {
                 writes.push_back(Request::to_write(fd.get(), "text", index * 4096));
                 if (aio_write(writes.back()) != 0) return 2;
               }
               wait_all_done(writes);
               const FdPair pipe = make_pipe();
               const Request read = Request::to_read(pipe.first.get(), 4);
               if (aio_read(read) != 0 || ::write(pipe.second.get(), "text", 4) != 4 ||
                   wait_done(read) != 0)
                 return 3;
               const long more_kb = status_kb("VmLck") - before_kb;
               if (more_kb > 4096) std::fprintf(stderr, "%ld KiB more are locked\n", more_kb);
               return more_kb <= 4096 ? 0 : 4;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(callbacks_have_a_stack_of_the_programs_size) {
  BOOST_TEST(run_in_child([] {
               static std::size_t stack_bytes = 0;
               const TemporaryFile file{4096};
               const Fd fd = file.open(O_RDONLY);
               const Request read = Request::to_read(fd.get(), 4);
               told_count = 0;
               read->aio_sigevent.sigev_notify = SIGEV_THREAD;
               read->aio_sigevent.sigev_notify_function = [](sigval) {
                 pthread_attr_t attributes;
                 ::pthread_getattr_np(::pthread_self(), &attributes);
                 ::pthread_attr_getstacksize(&attributes, &stack_bytes);
                 ::pthread_attr_destroy(&attributes);
                 ++told_count;
               };
               if (aio_read(read) != 0 || !eventually([] { return told_count == 1; })) return 1;
               pthread_attr_t usual;
               std::size_t usual_bytes = 0;
               ::pthread_attr_init(&usual);
               ::pthread_attr_getstacksize(&usual, &usual_bytes);
               wait_done(read);
               return stack_bytes >= usual_bytes ? 0 : 2;
             }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
