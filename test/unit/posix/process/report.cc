// SPDX-License-Identifier: MIT
#include "posix/process/report.h"
#include "posix/process/runtime.h"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

namespace {

// What this program says on standard error when it is run anew with these words.
std::string said_by(const std::string& environment, const std::string& arguments) {
  char program[4096] = "";
  const ssize_t size = ::readlink("/proc/self/exe", program, sizeof program - 1);
  BOOST_REQUIRE(size > 0);
  const std::string command =
      "exec env " + environment + " '" + program + "' " + arguments + " 2>&1 >/dev/null";
  std::FILE* output = ::popen(command.c_str(), "r");
  BOOST_REQUIRE(output != nullptr);
  std::string said;
  char block[4096];
  while (const std::size_t count = std::fread(block, 1, sizeof block, output))
    said.append(block, count);
  ::pclose(output);
  return said;
}

std::size_t reports_in(const std::string& said) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = said.find("kaio: submitted ", at)) != said.npos; ++at) ++count;
  return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(report)

BOOST_AUTO_TEST_CASE(counts_go_up_and_down) {
  kaio::Statistics statistics;
  statistics.count(kaio::Count::submitted);
  std::thread{[&] {
    statistics.count(kaio::Count::submitted);
    statistics.count(kaio::Count::submitted);
  }}.join();
  statistics.uncount(kaio::Count::submitted);
  BOOST_TEST(statistics.get(kaio::Count::submitted) == 2u);
  BOOST_TEST(statistics.get(kaio::Count::completed) == 0u);
}

// Each counter has to arrive in the member of its name: a distinct number each.
BOOST_AUTO_TEST_CASE(before_the_first_request_all_is_zero_and_then_every_count_is_in_its_place) {
  kaio_statistics zero;
  std::memset(&zero, 0, sizeof zero);
  const kaio_statistics before = kaio::gather_statistics();
  BOOST_TEST(std::memcmp(&before, &zero, sizeof zero) == 0);

  kaio::Runtime* runtime = kaio::runtime();
  BOOST_REQUIRE(runtime != nullptr);
  const auto count = static_cast<std::uint64_t>(kaio::Count::size);
  for (std::uint64_t i = 0; i < count; ++i)
    for (std::size_t times = 0; times < 1000 + i; ++times)
      runtime->statistics.count(static_cast<kaio::Count>(i));
  const kaio_statistics after = kaio::gather_statistics();
  std::uint64_t numbers[sizeof after / sizeof(std::uint64_t)];
  std::memcpy(numbers, &after, sizeof after);
  // In the order of enum Count, up to threads_started; then what is computed.
  const auto last = static_cast<std::uint64_t>(kaio::Count::threads_started);
  for (std::uint64_t i = 0; i <= last; ++i) BOOST_TEST(numbers[i] == 1000 + i);
  BOOST_TEST(after.submitted == 1000u);
  BOOST_TEST(after.threads_started == 1000 + last);
  BOOST_TEST(after.threads == after.threads_started -
                                  (1000 + static_cast<std::uint64_t>(kaio::Count::threads_ended)));
  BOOST_TEST(after.request_bytes == runtime->requests.mapped_bytes());
}

BOOST_AUTO_TEST_CASE(a_process_without_a_request_tells_so_when_asked) {
  const std::string said = said_by("KAIO_STATS=1", "--version");
  BOOST_TEST(said.find("kaio: submitted 0 completed 0\n") != said.npos, said);
  BOOST_TEST(reports_in(said) == 1u);
  for (const char* silent : {"KAIO_STATS=0", "KAIO_STATS="})
    BOOST_TEST(reports_in(said_by(silent, "--version")) == 0u);
}

BOOST_AUTO_TEST_CASE(statistics_tell_of_program_process_date_machine_and_kernel) {
  const std::string said = said_by("KAIO_STATS=1", "--version");
  utsname machine{};
  ::uname(&machine);
  for (const std::string& wanted :
       {std::string("statistics of ") + program_invocation_short_name, std::string(", process "),
        std::string("T"), std::string(machine.nodename), std::string(machine.release)})
    BOOST_TEST(said.find(wanted) != said.npos, wanted << " in " << said);
}

// As the GNU coreutils do.
BOOST_AUTO_TEST_CASE(statistics_appear_although_the_program_closes_standard_error) {
  BOOST_TEST(reports_in(said_by("KAIO_STATS=1", "--run_test=report_of_a_child/closes")) == 1u);
}

BOOST_AUTO_TEST_CASE(statistics_are_not_written_into_the_programs_own_file) {
  BOOST_TEST(reports_in(said_by("KAIO_STATS=1", "--run_test=report_of_a_child/reuses")) == 0u);
}

BOOST_AUTO_TEST_CASE(statistics_that_cannot_be_written_leave_the_exit_code_alone) {
  char program[4096] = "";
  BOOST_REQUIRE(::readlink("/proc/self/exe", program, sizeof program - 1) > 0);
  const std::string command = std::string("env KAIO_STATS=1 '") + program + "' --help";
  BOOST_TEST(std::system((command + " >/dev/null 2>/dev/full").c_str()) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

// Run by the cases above, each in a process of its own.
BOOST_AUTO_TEST_SUITE(report_of_a_child, *boost::unit_test::disabled())

BOOST_AUTO_TEST_CASE(closes) {
  std::atexit([] { ::close(STDERR_FILENO); });
}

BOOST_AUTO_TEST_CASE(reuses) {
  std::atexit([] {
    // Every number there may be, so that the copy's is another file too.
    const int own = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDERR_FILENO; fd < 2048; ++fd)
      if (fd != own) ::dup2(own, fd);
  });
}

BOOST_AUTO_TEST_SUITE_END()
