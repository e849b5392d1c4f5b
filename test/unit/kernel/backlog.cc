// SPDX-License-Identifier: MIT
#include "kernel/backlog.h"

#include <boost/test/unit_test.hpp>

#include <deque>

using kaio::Backlog;
using kaio::Request;
using kaio::RequestState;

BOOST_AUTO_TEST_SUITE(backlog)

BOOST_AUTO_TEST_CASE(requests_come_out_in_call_order) {
  Backlog backlog;
  std::deque<Request> requests(5);
  BOOST_TEST(backlog.empty());
  for (Request& request : requests) {
    backlog.push(request);
    BOOST_TEST(int(request.state.load()) == int(RequestState::backlog));
  }
  BOOST_TEST(!backlog.empty());
  for (Request& request : requests) {
    BOOST_TEST(backlog.pop() == &request);
    BOOST_TEST(int(request.state.load()) == int(RequestState::starting));
  }
  BOOST_TEST(backlog.pop() == nullptr);
  BOOST_TEST(backlog.empty());
}

BOOST_AUTO_TEST_CASE(what_is_removed_does_not_come_out_and_is_removed_once) {
  Backlog backlog;
  std::deque<Request> requests(3);
  for (Request& request : requests) backlog.push(request);
  BOOST_TEST(backlog.remove(requests[1]));
  BOOST_TEST(!backlog.remove(requests[1]));
  BOOST_TEST(backlog.pop() == &requests[0]);
  BOOST_TEST(!backlog.remove(requests[0]));
  BOOST_TEST(backlog.pop() == &requests[2]);
  BOOST_TEST(backlog.empty());
}

BOOST_AUTO_TEST_SUITE_END()
