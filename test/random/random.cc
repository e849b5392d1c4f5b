// SPDX-License-Identifier: MIT
// Random programs against exact models. KAIO_TEST_SEED repeats them from one on,
// KAIO_RANDOM_SECONDS says for how long, KAIO_RANDOM_WITHOUT (promises.h) leaves checks
// out. And tests of the tester: it finds each fault that it makes itself.
#include "program.h"
#include "promises.h"

#include "support/deadline.h"
#include "support/precondition.h"
#include "support/fd.h"
#include "support/seed.h"
#include "support/temporary_file.h"
#include "support/watchdog.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fcntl.h>
#include <ostream>
#include <string>
#include <unistd.h>

// Children that do I/O, of a program with threads: not for ThreadSanitizer.
BOOST_AUTO_TEST_SUITE(random_programs, *support::without_sanitizer())

namespace {

using random_test::Fault;

std::chrono::seconds duration() {
  if (const char* chosen = std::getenv("KAIO_RANDOM_SECONDS"))
    return std::chrono::seconds(std::atoi(chosen));
  const char* wanted = std::getenv("KAIO_TEST_LONG");
  return std::chrono::seconds(wanted != nullptr && wanted[0] == '1' ? 15 : 4);
}

constexpr auto longest_program = std::chrono::seconds(240);

struct OwnFault {
  Fault fault;
  const char* name;
  const char* reported_as;
};

std::ostream& operator<<(std::ostream& out, const OwnFault& one) { return out << one.name; }

constexpr OwnFault own_faults[] = {
    {Fault::wrong_byte, "wrong_byte", "legal versions"},
    {Fault::lost_notification, "lost_notification", "has not come"},
    {Fault::swapped_parts, "swapped_parts", "the first that differs"},
    {Fault::wrong_result, "wrong_result", " gave "},
    {Fault::late_write, "late_write", "was written to after its request had ended"},
};

// Whether a program reports it. Not on stderr, where it would only confuse.
bool is_found(std::uint64_t seed, const OwnFault& one) {
  const support::TemporaryFile reports;
  const support::Fd file = reports.open(O_RDWR | O_APPEND);
  const support::Fd saved(::dup(STDERR_FILENO));
  ::dup2(file.get(), STDERR_FILENO);
  const int result = random_test::run_program(seed, one.fault);
  ::dup2(saved.get(), STDERR_FILENO);
  return result == 1 && reports.content().find(one.reported_as) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_programs_are_right_by_the_model) {
  const auto span = duration();
  support::watchdog().allow(span + longest_program);
  std::uint64_t seed = support::seed();
  const auto until = support::Clock::now() + span;
  int program_count = 0;
  do {
    const int result = random_test::run_program(seed, Fault::none);
    BOOST_TEST(result == 0, "program KAIO_TEST_SEED=" << seed << " KAIO_RANDOM_SECONDS=0"
                                                      << " ended with " << result
                                                      << " (1: wrong, 4: hung)");
    if (result != 0 && std::getenv("KAIO_RANDOM_ON") == nullptr) break;
    ++program_count;
    ++seed;
  } while (support::Clock::now() < until);
  BOOST_TEST_MESSAGE(program_count << " programs; left out: " << random_test::left_out());
}

BOOST_DATA_TEST_CASE(the_tester_finds_its_own_fault, boost::unit_test::data::make(own_faults),
                     fault) {
  support::watchdog().allow(longest_program);
  // Some programs have no place for it.
  bool found = false;
  for (std::uint64_t seed = 1; seed <= 8 && !found; ++seed) found = is_found(seed, fault);
  BOOST_TEST(found);
}

BOOST_AUTO_TEST_SUITE_END()
