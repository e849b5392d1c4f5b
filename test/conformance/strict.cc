// SPDX-License-Identifier: MIT
// What KAIO_STRICT=1 says of misuse. A program of its own, because the option
// is for a whole process.
#include "cases.h"

#include "support/child.h"

BOOST_AUTO_TEST_SUITE(strict)

BOOST_AUTO_TEST_CASE(the_first_aio_return_gives_the_result) {
  const Storage storage{StorageKind::buffered_file};
  const Request read = Request::to_read(storage.fd(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_error(read) == 0);
  BOOST_TEST(aio_return(read) == 100);
}

BOOST_AUTO_TEST_CASE(the_second_aio_return_says_EINVAL) {
  const Storage storage{StorageKind::buffered_file};
  const Request read = Request::to_read(storage.fd(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 100);
  BOOST_TEST(errno_of([&] { return aio_return(read); }) == EINVAL);
}

BOOST_AUTO_TEST_CASE(aio_error_after_aio_return_says_EINVAL) {
  const Storage storage{StorageKind::buffered_file};
  const Request read = Request::to_read(storage.fd(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 100);
  // POSIX: returns -1 and sets errno, or returns the error number.
  const int answer = aio_error(read);
  const int number = errno;
  BOOST_TEST((answer == EINVAL || (answer == -1 && number == EINVAL)));
}

BOOST_AUTO_TEST_CASE(a_block_that_was_never_submitted_says_EINVAL) {
  aiocb block{};
  BOOST_TEST(errno_of([&] { return aio_return(&block); }) == EINVAL);
  const int answer = aio_error(&block);
  const int number = errno;
  BOOST_TEST((answer == EINVAL || (answer == -1 && number == EINVAL)));
}

BOOST_AUTO_TEST_CASE(a_misuse_is_reported_once_on_stderr) {
  const Outcome outcome = run_case_again("strict_misuse/many_times", {"KAIO_STRICT=1"});
  BOOST_TEST(outcome.exit_status == 0);
  const auto first = outcome.errors.find("aio_return");
  BOOST_REQUIRE(first != std::string::npos);
  BOOST_TEST(outcome.errors.find("aio_return", outcome.errors.find('\n', first)) ==
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_is_reported_into_a_file_of_the_program_under_that_number) {
  const Outcome outcome = run_case_again("strict_misuse/with_a_file_of_its_own_on_number_2",
                                         {"KAIO_STRICT=1", "KAIO_THREADS=many"});
  BOOST_TEST(outcome.exit_status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(strict_misuse)

BOOST_AUTO_TEST_CASE(many_times) {
  aiocb block{};
  for (int round = 0; round < 5; ++round)
    BOOST_TEST(errno_of([&] { return aio_return(&block); }) == EINVAL);
}

BOOST_AUTO_TEST_CASE(with_a_file_of_its_own_on_number_2) {
  const support::TemporaryFile file{0};
  const support::Fd data = file.open(O_RDWR);
  if (::dup2(data.get(), STDERR_FILENO) != STDERR_FILENO) ::_exit(1);
  aiocb block{};
  aio_return(&block);
  const Storage storage{StorageKind::buffered_file};
  const Request read = Request::to_read(storage.fd(), 100);
  if (aio_read(read) != 0 || wait_done(read) != 0) ::_exit(2);
  if (!file.content().empty()) ::_exit(3);
}

BOOST_AUTO_TEST_SUITE_END()
