// SPDX-License-Identifier: MIT
// SIGEV_THREAD: what a callback does to its thread stays with that callback.
#include "cases.h"
#include "fresh_threads.h"

#include "support/child.h"
#include "support/process.h"

#include <atomic>
#include <cfenv>
#include <clocale>
#include <cstring>
#include <functional>
#include <linux/ioprio.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <utility>

BOOST_AUTO_TEST_SUITE(notification_thread_state)

namespace {

// What can be seen of a thread from inside.
struct Attributes {
  int policy = sched_getscheduler(0);
  int policy_by_pthread = -1;
  int nice = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
  int processor_count = 0;
  std::string name;
  long io_priority = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
  long timer_slack_ns = prctl(PR_GET_TIMERSLACK);
  bool own_signal_stack = false;
  bool signal_blocked = false;
  int cancel_state = -1;
  int cancel_type = -1;
  int rounding = fegetround();
  int exceptions = fetestexcept(FE_ALL_EXCEPT);
  bool own_locale = uselocale(locale_t{}) != LC_GLOBAL_LOCALE;
  std::string directory;
  uid_t effective_user = geteuid();

  Attributes() {
    sched_param parameters{};
    pthread_getschedparam(pthread_self(), &policy_by_pthread, &parameters);
    cpu_set_t processors;
    if (sched_getaffinity(0, sizeof processors, &processors) == 0)
      processor_count = CPU_COUNT(&processors);
    char text[4096] = {};
    prctl(PR_GET_NAME, text);
    name = text;
    directory = getcwd(text, sizeof text) == nullptr ? "none" : text;
    stack_t stack{};
    own_signal_stack = sigaltstack(nullptr, &stack) == 0 && stack.ss_size == 99999;
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    signal_blocked = sigismember(&mask, SIGHUP) == 1;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    pthread_setcancelstate(cancel_state, nullptr);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &cancel_type);
  }
  bool operator==(const Attributes&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Attributes& all) {
  return out << "policy " << all.policy << " (pthread " << all.policy_by_pthread << ") nice "
             << all.nice << " processors " << all.processor_count << " name " << all.name
             << " ioprio " << all.io_priority << " slack " << all.timer_slack_ns << " stack "
             << all.own_signal_stack << " blocked " << all.signal_blocked << " cancel "
             << all.cancel_state << '/' << all.cancel_type << " rounding " << all.rounding
             << " exceptions " << all.exceptions << " locale " << all.own_locale << " directory "
             << all.directory << " user " << all.effective_user;
}

void lower_the_policy() {
  const sched_param none{};
  sched_setscheduler(0, SCHED_BATCH, &none);
}
void lower_the_policy_by_pthread() {
  const sched_param none{};
  pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
}
// An ordinary user's thread cannot leave it.
void idle_policy() {
  const sched_param none{};
  sched_setscheduler(0, SCHED_IDLE, &none);
}
void be_nice() { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 15); }
void pin_itself() {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  CPU_SET(sched_getcpu(), &processors);
  sched_setaffinity(0, sizeof processors, &processors);
}
void rename_itself() { pthread_setname_np(pthread_self(), "renamed"); }
void lower_its_io() {
  syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}
void slacken_its_timers() { prctl(PR_SET_TIMERSLACK, 12345678); }
void set_a_signal_stack() {
  static char memory[99999];
  stack_t stack{};
  stack.ss_sp = memory;
  stack.ss_size = sizeof memory;
  sigaltstack(&stack, nullptr);
}
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}
void forbid_cancelling() {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
  pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, nullptr);
}
void round_upward() {
  fesetround(FE_UPWARD);
  feraiseexcept(FE_OVERFLOW);
}
void use_a_locale() {
  static const locale_t own = newlocale(LC_ALL_MASK, "C", locale_t{});
  uselocale(own);
}
void go_elsewhere() {
  if (unshare(CLONE_FS) == 0 && chdir("/dev") != 0) std::abort();
}
void become_another() { syscall(SYS_setresuid, -1, 12345, -1); }

struct Change {
  const char* name;
  void (*make)();
};
std::ostream& operator<<(std::ostream& out, const Change& change) { return out << change.name; }

std::vector<Change> changes() {
  std::vector<Change> all{
      {"policy", lower_the_policy},   {"policy by pthread", lower_the_policy_by_pthread},
      {"SCHED_IDLE", idle_policy},    {"nice", be_nice},
      {"processors", pin_itself},     {"name", rename_itself},
      {"I/O priority", lower_its_io}, {"timer slack", slacken_its_timers},
      {"signal mask", block_signals}, {"cancellation", forbid_cancelling},
      {"rounding", round_upward},     {"locale", use_a_locale},
  };
  if (!sanitized)  // AddressSanitizer gives each thread one, and takes it away itself
    all.push_back({"signal stack", set_a_signal_stack});
  if (is_root()) {
    all.push_back({"directory", go_elsewhere});
    all.push_back({"user id", become_another});
  }
  return all;
}

// A function of these cases' own: that of all others is trusted by now to change nothing.
void (*received)(sigval);
void receive(sigval value) { received(value); }

void read_with(Callbacks& callbacks, const Storage& storage, int& count) {
  const Request read = Request::to_read(storage.fd(), 16);
  callbacks.attach(read->aio_sigevent);
  received = std::exchange(read->aio_sigevent.sigev_notify_function, receive);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(callbacks.wait_for(++count));
}

// How many of the callbacks found the thread other than the first did, each leaving it changed.
int changed_count(const std::function<void()>& change, int callback_count,
                  std::chrono::milliseconds pause = 0ms) {
  const Storage storage{StorageKind::buffered_file};
  std::vector<Attributes> seen;
  Callbacks callbacks{[&] {
    seen.emplace_back();  // callbacks follow one another here
    change();
  }};
  int count = 0;
  while (count < callback_count) {
    read_with(callbacks, storage, count);
    std::this_thread::sleep_for(pause);
  }
  int wrong_count = 0;
  for (const Attributes& attributes : seen) {
    if (attributes == seen.front()) continue;
    if (++wrong_count == 1)
      BOOST_TEST_MESSAGE("first: " << seen.front() << "\nlater: " << attributes);
  }
  return wrong_count;
}

thread_local int own_value = 0;

std::atomic<int> ended_count;

}  // namespace

BOOST_DATA_TEST_CASE(what_a_callback_changes_of_its_thread_does_not_reach_the_next,
                     data::make(changes()), change) {
  // Where the thread has to be replaced, another one may be long in coming on a busy machine.
  const std::string name = change.name;
  const bool replaced = name == "directory" || name == "user id";
  BOOST_TEST(changed_count(change.make, 20, replaced ? 50ms : 0ms) <= (replaced ? 10 : 0));
}

BOOST_DATA_TEST_CASE(nor_when_the_callback_ends_its_thread, data::make(changes()), change) {
  const Storage storage{StorageKind::buffered_file};
  std::vector<Attributes> seen;
  int count = 0;
  Callbacks looking{[&] { seen.emplace_back(); }};
  read_with(looking, storage, count);
  static void (*make)();
  make = change.make;
  for (int round = 0; round < 20; ++round) {
    ended_count = 0;
    const Request read = Request::to_read(storage.fd(), 16);
    read->aio_sigevent.sigev_notify = SIGEV_THREAD;
    read->aio_sigevent.sigev_notify_function = [](sigval) {
      make();
      ++ended_count;
      pthread_exit(nullptr);
    };
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(eventually([] { return ended_count == 1; }));
    read_with(looking, storage, count);
    BOOST_TEST(seen.back() == seen.front());
  }
}

// Not as root, which may undo it: a thread that cannot is replaced.
BOOST_AUTO_TEST_CASE(what_an_ordinary_user_cannot_undo_does_not_reach_the_next_either,
                     *as_root() * without_sanitizer()) {
  const int result = run_in_child([] {
    if (setgid(12345) != 0 || setuid(12345) != 0) return 1;
    return changed_count(idle_policy, 20) + 10 * changed_count(be_nice, 20);
  });
  BOOST_TEST(result == 0);
}

BOOST_AUTO_TEST_CASE(a_function_that_was_harmless_for_long_is_found_out_all_the_same) {
  std::atomic<int> count = 0;
  const auto change = [&] { ++count % 500 == 0 ? lower_the_policy() : void(); };
  // The first time on each thread it may be seen some microseconds later, and what begins in
  // between meets it: of twelve changes few, and not for long.
  BOOST_TEST(changed_count(change, 6000) <= 20);
}

BOOST_AUTO_TEST_CASE(one_that_cancels_its_thread_does_not_cancel_the_next) {
  const Storage storage{StorageKind::buffered_file};
  std::atomic<int> survived_count = 0;
  Callbacks survivors{[&] {
    pthread_testcancel();
    ++survived_count;
  }};
  int count = 0;
  for (int round = 0; round < 20; ++round) {
    ended_count = 0;
    const Request read = Request::to_read(storage.fd(), 16);
    read->aio_sigevent.sigev_notify = SIGEV_THREAD;
    read->aio_sigevent.sigev_notify_function = [](sigval) {
      pthread_cancel(pthread_self());
      ++ended_count;
    };
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(eventually([] { return ended_count == 1; }));
    read_with(survivors, storage, count);
  }
  BOOST_TEST(survived_count == 20);
}

BOOST_AUTO_TEST_CASE(where_the_whole_process_goes_the_threads_go_too, *without_sanitizer()) {
  const int result = run_in_child([] {
    const Storage storage{StorageKind::buffered_file};
    std::string directory;
    int count = 0;
    Callbacks callbacks{[&] { directory = Attributes{}.directory; }};
    for (const char* path : {"/dev", "/proc", "/dev", "/proc", "/dev", "/proc"}) {
      if (chdir(path) != 0) return 1;
      for (int round = 0; round < 5; ++round) read_with(callbacks, storage, count);
      if (directory != path) return 2;
    }
    return 0;
  });
  BOOST_TEST(result == 0);
}

BOOST_AUTO_TEST_CASE(a_fresh_thread_has_nothing_of_another_callback, *without_sanitizer()) {
  const FreshThreads fresh;
  static pthread_key_t key;
  static const bool made = pthread_key_create(&key, nullptr) == 0;
  BOOST_REQUIRE(made);
  std::atomic<int> leftover_count = 0;
  BOOST_TEST(changed_count(
                 [&] {
                   leftover_count += std::exchange(own_value, 7) != 0;
                   leftover_count += pthread_getspecific(key) != nullptr;
                   pthread_setspecific(key, &key);
                   for (const Change& change : changes()) change.make();
                 },
                 50) == 0);
  BOOST_TEST(leftover_count == 0);
}

BOOST_AUTO_TEST_SUITE_END()
