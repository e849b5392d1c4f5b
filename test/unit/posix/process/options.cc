// SPDX-License-Identifier: MIT
#include "posix/process/options.h"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <thread>
#include <unistd.h>

using kaio::Options;
using kaio::Route;

BOOST_AUTO_TEST_SUITE(options)

namespace {

// What read_environment() says on standard error.
std::string complaint(Options& options) {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  const int saved = ::dup(STDERR_FILENO);
  ::dup2(ends[1], STDERR_FILENO);
  kaio::sys::StandardError errors;
  errors.remember(kaio::sys::KeepCopy::no);
  options.read_environment(errors);
  ::dup2(saved, STDERR_FILENO);
  ::close(saved);
  ::close(ends[1]);
  char text[4096];
  const ssize_t size = ::read(ends[0], text, sizeof text);
  ::close(ends[0]);
  return std::string(text, static_cast<std::size_t>(size < 0 ? 0 : size));
}

class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value, 1);
  }
  ~Variable() {
    if (before_.empty()) {
      ::unsetenv(name_);
    } else {
      ::setenv(name_, before_.c_str(), 1);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::string before_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_route_has_its_name) {
  Options options;
  BOOST_TEST(int(options.fixed().route) == int(Route::automatic));
  const std::pair<const char*, Route> names[] = {{"kernel", Route::kernel},
                                                 {"poll", Route::poll},
                                                 {"pool", Route::pool},
                                                 {"auto", Route::automatic}};
  for (const auto& [name, route] : names) {
    BOOST_TEST(options.set("route", name) == 0);
    BOOST_TEST(int(options.fixed().route) == int(route));
  }
}

BOOST_AUTO_TEST_CASE(numbers_are_taken_within_their_bounds_and_refused_outside) {
  Options options;
  for (const char* good : {"1", "16", "65536"}) BOOST_TEST(options.set("queue_depth", good) == 0);
  BOOST_TEST(options.fixed().kernel.queue_depth == 65536u);
  for (const char* bad : {"0", "65537", "-1", "", " 5", "5 ", "x", "5x", "99999999999999999999"})
    BOOST_TEST(options.set("queue_depth", bad) == EINVAL);
  BOOST_TEST(options.fixed().kernel.queue_depth == 65536u);
  for (const char* good : {"1", "4096"}) BOOST_TEST(options.set("threads", good) == 0);
  for (const char* bad : {"0", "4097"}) BOOST_TEST(options.set("threads", bad) == EINVAL);
  BOOST_TEST(options.threads.load() == 4096u);
  for (const char* good : {"0", "86400"}) BOOST_TEST(options.set("idle_time", good) == 0);
  BOOST_TEST(options.set("idle_time", "86401") == EINVAL);
  for (const char* good : {"auto", "0", "1000000"}) BOOST_TEST(options.set("spin_time", good) == 0);
  BOOST_TEST(options.set("spin_time", "1000001") == EINVAL);
  BOOST_TEST(options.idle_seconds.load() == 86400);
}

BOOST_AUTO_TEST_CASE(switches_take_0_and_1_only) {
  Options options;
  for (const char* name : {"ring", "strict", "stats", "log"}) {
    BOOST_TEST(options.set(name, "1") == 0);
    BOOST_TEST(options.set(name, "0") == 0);
    for (const char* bad : {"", "2", "yes", "01"}) BOOST_TEST(options.set(name, bad) == EINVAL);
  }
  BOOST_TEST(!options.fixed().kernel.read_ring);
  BOOST_TEST(!options.strict.load());
  BOOST_TEST(!options.print_statistics.load());
}

BOOST_AUTO_TEST_CASE(callback_threads_are_reused_unless_fresh_ones_are_wanted) {
  Options options;
  BOOST_TEST(!options.fresh_callback_threads.load());
  BOOST_TEST(options.set("callback_threads", "fresh") == 0);
  BOOST_TEST(options.fresh_callback_threads.load());
  for (const char* bad : {"", "1", "Fresh", "freshly"})
    BOOST_TEST(options.set("callback_threads", bad) == EINVAL);
  options.freeze();
  BOOST_TEST(options.set("callback_threads", "reuse") == 0);
  BOOST_TEST(!options.fresh_callback_threads.load());
}

BOOST_AUTO_TEST_CASE(an_unknown_name_is_refused) {
  Options options;
  for (const char* name : {"", "Route", "routes", "rout", "KAIO_ROUTE"})
    BOOST_TEST(options.set(name, "1") == EINVAL);
}

BOOST_AUTO_TEST_CASE(those_that_are_fixed_do_not_touch_each_other) {
  Options options;
  BOOST_TEST(options.set("queue_depth", "65536") == 0);
  BOOST_TEST(options.set("ring", "0") == 0);
  BOOST_TEST(options.set("route", "pool") == 0);
  const kaio::FixedOptions fixed = options.freeze();
  BOOST_TEST(int(fixed.route) == int(Route::pool));
  BOOST_TEST(fixed.kernel.queue_depth == 65536u);
  BOOST_TEST(!fixed.kernel.read_ring);
  BOOST_TEST(!fixed.kernel.enabled);
}

// One thread sets them while another one makes the first request.
BOOST_AUTO_TEST_CASE(what_was_set_before_the_first_request_counts_and_nothing_else) {
  for (int round = 0; round < 2000; ++round) {
    Options options;
    std::atomic<bool> begun{false};
    int last_outcome = 0;
    int set_count = 0;
    std::thread setter([&] {
      begun = true;
      for (int depth = 1; depth <= 100 && last_outcome == 0; ++depth) {
        last_outcome = options.set("queue_depth", std::to_string(depth));
        if (last_outcome == 0) set_count = depth;
      }
    });
    while (!begun) {
    }
    const kaio::FixedOptions fixed = options.freeze();
    setter.join();
    const unsigned expected = set_count == 0 ? kaio::KernelOptions().queue_depth : set_count;
    if (fixed.kernel.queue_depth != expected || (last_outcome != 0 && last_outcome != EBUSY) ||
        options.fixed().kernel.queue_depth != expected)
      BOOST_TEST_REQUIRE(false, "round " << round);
  }
}

BOOST_AUTO_TEST_CASE(after_the_first_request_only_what_may_change_changes) {
  Options options;
  options.freeze();
  for (const char* name : {"route", "queue_depth", "ring"})
    BOOST_TEST(options.set(name, "1") == EBUSY);
  for (const char* name : {"threads", "idle_time", "spin_time", "strict", "stats", "log"})
    BOOST_TEST(options.set(name, "1") == 0);
  BOOST_TEST(options.threads.load() == 1u);
}

BOOST_AUTO_TEST_CASE(the_environment_is_taken_over) {
  const Variable route("KAIO_ROUTE", "poll");
  const Variable depth("KAIO_QUEUE_DEPTH", "77");
  const Variable ring("KAIO_RING", "0");
  const Variable threads("KAIO_THREADS", "3");
  const Variable idle_time("KAIO_IDLE_TIME", "9");
  const Variable strict("KAIO_STRICT", "1");
  const Variable stats("KAIO_STATS", "1");
  const Variable log("KAIO_LOG", "1");
  Options options;
  BOOST_TEST(complaint(options) == "");
  BOOST_TEST(int(options.fixed().route) == int(Route::poll));
  BOOST_TEST(options.fixed().kernel.queue_depth == 77u);
  BOOST_TEST(!options.fixed().kernel.read_ring);
  BOOST_TEST(options.threads.load() == 3u);
  BOOST_TEST(options.idle_seconds.load() == 9);
  BOOST_TEST(options.strict.load());
  BOOST_TEST(options.print_statistics.load());
  BOOST_TEST(options.log.load());
}

BOOST_AUTO_TEST_CASE(a_value_that_cannot_be_used_is_told_with_what_could_be) {
  const Variable threads("KAIO_THREADS", "many");
  Options options;
  BOOST_TEST(complaint(options) ==
             "kaio: KAIO_THREADS=many is ignored: it has to be a number from 1 to 4096\n");
  BOOST_TEST(options.threads.load() == kaio::limits::pool_threads_default);
}

BOOST_AUTO_TEST_CASE(an_empty_variable_is_like_none) {
  const Variable threads("KAIO_THREADS", "");
  Options options;
  BOOST_TEST(complaint(options) == "");
}

BOOST_AUTO_TEST_SUITE_END()
