// SPDX-License-Identifier: MIT
// What KAIO_LOG says of the contexts in context.cc, each in a process of its own.
#include "support/child.h"
#include "support/temporary_file.h"
#include "unit/core/kernel/fake_kernel.h"

#include "core/kernel/context.h"
#include "sys/log.h"
#include "sys/standard_error.h"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <string_view>
#include <unistd.h>

namespace {

std::string said_by(const std::string& case_name, const char* environment = "KAIO_LOG=1") {
  const support::Outcome outcome = support::run_case_again(case_name, {environment});
  BOOST_TEST(outcome.exit_status == 0, outcome.errors);
  return outcome.errors;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++count;
  return count;
}

std::string machines_maximum() {
  std::ifstream input("/proc/sys/fs/aio-max-nr");
  std::string number;
  input >> number;
  return number;
}

const std::string want_of_room =
    "contexts/a_context_that_was_refused_for_want_of_room_is_had_a_moment_later";
const std::string filtered = "contexts/a_context_that_a_filter_refuses_is_never_asked_for_again";

}  // namespace

// The core has no environment: whoever uses it reads that.
struct LogByEnvironment {
  LogByEnvironment() {
    const char* const log = std::getenv("KAIO_LOG");
    kaio::sys::log::turn(log != nullptr && log == std::string_view("1"));
  }
};
BOOST_TEST_GLOBAL_FIXTURE(LogByEnvironment);

BOOST_AUTO_TEST_SUITE(loss_report)

BOOST_AUTO_TEST_CASE(a_limit_that_is_used_up_is_told_with_its_numbers_and_so_is_its_end) {
  const std::string said = said_by(want_of_room);
  BOOST_TEST(count_of(said, "kaio: ") == 2u, said);
  BOOST_TEST(
      count_of(said, "no kernel AIO for now, requests go by threads: io_setup says EAGAIN") == 1u,
      said);
  BOOST_TEST(count_of(said, "of fs.aio-max-nr = " + machines_maximum()) == 1u, said);
  BOOST_TEST(count_of(said, "sysctl -w fs.aio-max-nr=") == 1u, said);
  BOOST_TEST(count_of(said, "kernel AIO is used now, with 64 events\n") == 1u, said);
}

BOOST_AUTO_TEST_CASE(a_filter_is_told_once) {
  const std::string said = said_by(filtered);
  BOOST_TEST(count_of(said, "kaio: ") == 1u, said);
  BOOST_TEST(count_of(said, "io_setup says EPERM: ") == 1u, said);
}

BOOST_AUTO_TEST_CASE(fewer_events_than_asked_for_are_told) {
  const std::string said =
      said_by("contexts/a_smaller_context_is_taken_when_a_large_one_is_refused");
  BOOST_TEST(count_of(said, "kernel AIO is used, with 64 events instead of 1024") == 1u, said);
}

BOOST_AUTO_TEST_CASE(all_is_well_is_not_told_and_nothing_is_unless_asked) {
  BOOST_TEST(count_of(said_by("contexts/the_smallest_depth_an_option_allows_works"), "kaio: ") ==
             0u);
  for (const char* silent : {"KAIO_LOG=0", "KAIO_LOG="})
    BOOST_TEST(count_of(said_by(filtered, silent), "kaio: ") == 0u);
}

BOOST_AUTO_TEST_CASE(nothing_is_written_into_a_file_that_has_the_number_of_standard_error) {
  BOOST_TEST(count_of(said_by("loss_of_a_child/with_another_file_as_standard_error"), "kaio: ") ==
             0u);
}

// Nobody reads it: neither a signal nor a wait.
BOOST_AUTO_TEST_CASE(a_standard_error_that_is_closed_or_full_does_no_harm) {
  said_by("loss_of_a_child/with_a_full_pipe_as_standard_error");
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

void lose() {
  unit::FakeKernel kernel;
  kernel.calls()->io_setup = [](unsigned, io_context_t*) { return -EPERM; };
  const kaio::KernelOptions options;
  kaio::Statistics statistics;
  kaio::Context context(options, statistics);
  BOOST_TEST(!context.available());
}

}  // namespace

// Run by the cases above, each in a process of its own.
BOOST_AUTO_TEST_SUITE(loss_of_a_child, *boost::unit_test::disabled())

BOOST_AUTO_TEST_CASE(with_another_file_as_standard_error) {
  const support::TemporaryFile file(0);
  const support::Fd own = file.open(O_RDWR);
  const int saved = ::dup(STDERR_FILENO);
  ::dup2(own.get(), STDERR_FILENO);
  lose();
  ::dup2(saved, STDERR_FILENO);
  BOOST_TEST(::lseek(own.get(), 0, SEEK_END) == 0);
}

BOOST_AUTO_TEST_CASE(with_a_full_pipe_as_standard_error) {
  int ends[2];
  BOOST_REQUIRE(::pipe2(ends, O_NONBLOCK) == 0);
  const int saved = ::dup(STDERR_FILENO);
  ::dup2(ends[1], STDERR_FILENO);
  while (::write(STDERR_FILENO, "full", 4) > 0) {
  }
  ::fcntl(STDERR_FILENO, F_SETFL, 0);
  kaio::sys::StandardError full;
  full.remember(kaio::sys::KeepCopy::no);
  full.write_if_ready("text", 4);  // would wait for ever
  ::close(ends[0]);
  errno = 0;
  full.write_if_ready("text", 4);  // SIGPIPE, were it not held
  full.write("text", 4);
  const int error_number = errno;
  ::dup2(saved, STDERR_FILENO);
  BOOST_TEST(error_number == 0);
}

BOOST_AUTO_TEST_SUITE_END()
