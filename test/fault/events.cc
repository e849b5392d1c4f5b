// SPDX-License-Identifier: MIT
// Events that say something else than what happened: the kernel's rarer answers.
#include "faults.h"
#include "patience.h"
#include "support/child.h"
#include "support/pattern.h"
#include "support/precondition.h"
#include "support/request.h"
#include "support/temporary_file.h"

#include "posix/request/request.h"

#include <kaio/aio.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

using fault::faults;
using fault::install_faults;
using fault::patience_s;
using support::run_in_child;
namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(events, *support::with_direct_io())

namespace {

constexpr int read_count = 16;

std::atomic<int> changes_left{0};

bool is_first_attempt(const io_event& event) {
  const auto* request = static_cast<const kaio::Request*>(event.data);
  if (request == nullptr || request->attempt != kaio::Attempt::nowait) return false;
  return changes_left.fetch_sub(1) > 0;
}

template <int answer>
void answer_instead(io_event& event) {
  if (is_first_attempt(event)) event.res = static_cast<unsigned long>(long{answer});
}

void cut_in_half(io_event& event) {
  if (is_first_attempt(event) && static_cast<long>(event.res) > 512)
    event.res = event.res / 2 / 512 * 512;
}

// The statuses of direct reads whose first `changed` events are altered; 0 also
// means that the data is right. -1: not done.
std::vector<int> statuses_with(void (*change)(io_event&), int changed) {
  install_faults();
  std::vector<int> statuses;
  if (kaio_set_option("ring", "0") != 0) return statuses;
  const support::TemporaryFile file(read_count * 16384);
  const support::Fd fd = file.open(O_RDONLY | O_DIRECT);
  changes_left = changed;
  faults.on_event = change;
  std::vector<support::Request> reads;
  for (int i = 0; i < read_count; ++i) {
    reads.push_back(support::Request::to_read(fd.get(), 16384, i * 16384));
    if (aio_read(reads.back()) != 0) return statuses;
  }
  for (int i = 0; i < read_count; ++i) {
    const int status = support::wait_done(reads[i]);
    const bool right =
        aio_return(reads[i]) == 16384 &&
        support::is_pattern(reads[i].text(16384), static_cast<std::uint64_t>(i) * 16384);
    statuses.push_back(status == 0 && !right ? -2 : status);
  }
  return statuses;
}

int count_of(const std::vector<int>& statuses, int status) {
  return static_cast<int>(std::count(statuses.begin(), statuses.end(), status));
}

}  // namespace

BOOST_DATA_TEST_CASE(a_device_that_is_full_for_a_while_delays_and_loses_nothing,
                     data::make({1, 5, read_count, 3 * read_count}), times) {
  BOOST_TEST(run_in_child(
                 [&] {
                   return count_of(statuses_with(answer_instead<-EAGAIN>, times), 0) == read_count
                              ? 0
                              : 1;
                 },
                 patience_s) == 0);
}

BOOST_DATA_TEST_CASE(short_events_are_continued, data::make({1, 5, 100}), times) {
  BOOST_TEST(
      run_in_child(
          [&] { return count_of(statuses_with(cut_in_half, times), 0) == read_count ? 0 : 1; },
          patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(an_error_of_the_device_is_the_requests_and_nobody_elses) {
  BOOST_TEST(run_in_child(
                 [] {
                   const std::vector<int> statuses = statuses_with(answer_instead<-EIO>, 3);
                   return count_of(statuses, EIO) == 3 && count_of(statuses, 0) == read_count - 3
                              ? 0
                              : 1;
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(a_file_that_does_without_nowait_is_read_all_the_same) {
  BOOST_TEST(run_in_child(
                 [] {
                   return count_of(statuses_with(answer_instead<-EOPNOTSUPP>, 100), 0) == read_count
                              ? 0
                              : 1;
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
