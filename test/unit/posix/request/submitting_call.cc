// SPDX-License-Identifier: MIT
#include "posix/request/submitting_call.h"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(submitting_call)

namespace {

using kaio::SubmittingCall;

// A thread has its number from the first thing that it counts.
void get_number() {
  static kaio::Statistics statistics;
  statistics.count(kaio::Count::submitted);
}

}  // namespace

BOOST_AUTO_TEST_CASE(other_threads_see_the_call_while_it_is_under_way) {
  const auto request = std::make_unique<kaio::Request>();
  request->slot = 5;
  const auto other = std::make_unique<kaio::Request>();
  other->slot = 6;
  get_number();
  SubmittingCall::begin(request->identity());
  BOOST_TEST(SubmittingCall::is_of(*request));
  BOOST_TEST(!SubmittingCall::is_of(*other));
  std::thread([&] {
    get_number();
    BOOST_TEST(!SubmittingCall::is_of(*request));
    BOOST_TEST(SubmittingCall::is_elsewhere(*request));
    BOOST_TEST(!SubmittingCall::is_elsewhere(*other));
  }).join();
  SubmittingCall::end();
  std::thread([&] { BOOST_TEST(!SubmittingCall::is_elsewhere(*request)); }).join();
}

BOOST_AUTO_TEST_CASE(a_thread_without_a_number_knows_its_own_call) {
  const auto request = std::make_unique<kaio::Request>();
  std::thread([&] {
    SubmittingCall::begin(request->identity());
    BOOST_TEST(SubmittingCall::is_of(*request));
    SubmittingCall::end();
    BOOST_TEST(!SubmittingCall::is_of(*request));
  }).join();
}

BOOST_AUTO_TEST_CASE(who_has_the_answer_settles_it_for_the_call) {
  const auto request = std::make_unique<kaio::Request>();
  get_number();
  SubmittingCall::begin(request->identity());
  std::thread([&] {
    SubmittingCall::settle(*request);
    BOOST_TEST(!SubmittingCall::is_elsewhere(*request));
  }).join();
  BOOST_TEST(SubmittingCall::of_this_thread() == SubmittingCall::none);
}

BOOST_AUTO_TEST_CASE(threads_without_a_number_are_not_visible_and_leave_nothing_behind) {
  int invisible_count = 0;
  for (std::uint32_t slot = 1; slot <= 100; ++slot) {
    const auto request = std::make_unique<kaio::Request>();
    request->slot = slot;
    std::thread([&] {
      get_number();
      invisible_count += !SubmittingCall::is_visible();
      SubmittingCall::begin(request->identity());
      BOOST_TEST(SubmittingCall::is_of(*request));
      const bool is_visible = SubmittingCall::is_visible();
      std::thread([&] { BOOST_TEST(SubmittingCall::is_elsewhere(*request) == is_visible); }).join();
      SubmittingCall::end();
      BOOST_TEST(!SubmittingCall::is_elsewhere(*request));
    }).join();
  }
  BOOST_TEST(invisible_count > 0);
}

BOOST_AUTO_TEST_CASE(calls_of_the_parent_are_not_under_way_in_a_child) {
  const auto request = std::make_unique<kaio::Request>();
  get_number();
  SubmittingCall::begin(request->identity());
  SubmittingCall::forget_after_fork();
  BOOST_TEST(!SubmittingCall::is_elsewhere(*request));
}

BOOST_AUTO_TEST_SUITE_END()
