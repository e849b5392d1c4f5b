// SPDX-License-Identifier: MIT
#include "runtime/report.h"
#include "runtime/runtime.h"

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <thread>

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

BOOST_AUTO_TEST_SUITE_END()
