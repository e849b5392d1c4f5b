// SPDX-License-Identifier: MIT
// The main function of every test program.
#include "filter.h"
#include "precondition.h"
#include "signals.h"
#include "watchdog.h"

#define BOOST_TEST_NO_MAIN
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstdlib>
#include <string>

namespace {

bool prepare() {
  auto& suite = boost::unit_test::framework::master_test_suite();
  const std::string path = suite.argv[0];
  suite.p_name.value = path.substr(path.rfind('/') + 1);
  boost::unit_test::framework::register_observer(support::watchdog());
  support::say_what_is_left_out();
  return true;
}

}  // namespace

int main(int argc, char* argv[]) {
  // Boost's own handlers would jump out of whatever thread the signal met, and
  // have no SA_RESTART, which some cases are about.
  ::setenv("BOOST_TEST_CATCH_SYSTEM_ERRORS", "no", 0);
  support::refuse_what_the_environment_says();
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, support::queue_signal());
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  return boost::unit_test::unit_test_main(&prepare, argc, argv);
}
