// SPDX-License-Identifier: MIT
// Random programs against exact models. KAIO_TEST_SEED repeats them from one on,
// KAIO_RANDOM_SECONDS says for how long, KAIO_RANDOM_WITHOUT (promises.h) leaves checks
// out. And tests of the tester: it finds each fault that it makes itself.
#include "program.h"
#include "promises.h"

#include "support/child.h"
#include "support/deadline.h"
#include "support/precondition.h"
#include "support/seed.h"
#include "support/watchdog.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fcntl.h>
#include <ostream>
#include <unistd.h>

namespace random_test {

static std::ostream& operator<<(std::ostream& out, Fault fault) {
  constexpr const char* names[] = {"none", "wrong_byte", "lost_notification", "swapped_parts",
                                   "wrong_result", "late_write"};
  return out << names[static_cast<int>(fault)];
}

}  // namespace random_test

namespace {

using random_test::Fault;

std::chrono::seconds duration() {
  if (const char* chosen = std::getenv("KAIO_RANDOM_SECONDS"))
    return std::chrono::seconds(std::atoi(chosen));
  const char* wanted = std::getenv("KAIO_TEST_LONG");
  return std::chrono::seconds(wanted != nullptr && wanted[0] == '1' ? 12 : 4);
}

constexpr auto longest_program = std::chrono::seconds(240);

// The reports of a fault that was made on purpose would only confuse.
int run_quietly(std::uint64_t seed, Fault fault) {
  const int saved = ::dup(STDERR_FILENO);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nowhere, STDERR_FILENO);
  const int result = random_test::run_program(seed, fault);
  ::dup2(saved, STDERR_FILENO);
  ::close(saved);
  ::close(nowhere);
  return result;
}

}  // namespace

// Children that do I/O, of a program with threads: not for ThreadSanitizer.
BOOST_AUTO_TEST_SUITE(random_programs, *support::without_sanitizer())

BOOST_AUTO_TEST_CASE(random_programs_are_right_by_the_model) {
  const auto span = duration();
  support::watchdog().allow(span + longest_program);
  std::uint64_t seed = support::seed();
  const auto until = support::Clock::now() + span;
  int program_count = 0;
  do {
    const int result = random_test::run_program(seed, Fault::none);
    BOOST_TEST(result == 0, "program KAIO_TEST_SEED=" << seed << " KAIO_RANDOM_SECONDS=0"
                              << " ended with " << result << " (1: wrong, 4: hung)");
    if (result != 0 && std::getenv("KAIO_RANDOM_ON") == nullptr) break;
    ++program_count;
    ++seed;
  } while (support::Clock::now() < until);
  BOOST_TEST_MESSAGE(program_count << " programs; left out: " << random_test::left_out());
}

BOOST_DATA_TEST_CASE(the_tester_finds_its_own_fault,
                     boost::unit_test::data::make({Fault::wrong_byte, Fault::lost_notification,
                                                   Fault::swapped_parts, Fault::wrong_result,
                                                   Fault::late_write}),
                     fault) {
  support::watchdog().allow(longest_program);
  int result = 0;
  // Some programs have no place for it.
  for (std::uint64_t seed = 1; seed <= 8 && result == 0; ++seed) result = run_quietly(seed, fault);
  BOOST_TEST(result == 1);
}

BOOST_AUTO_TEST_SUITE_END()
