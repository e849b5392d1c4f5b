// SPDX-License-Identifier: MIT
#include "core/kernel/backlog.h"

#include <boost/test/unit_test.hpp>

#include <deque>

using kaio::Backlog;
using kaio::Transfer;
using kaio::TransferState;

BOOST_AUTO_TEST_SUITE(backlog)

BOOST_AUTO_TEST_CASE(requests_come_out_in_call_order) {
  Backlog backlog;
  std::deque<Transfer> transfers(5);
  BOOST_TEST(backlog.empty());
  for (Transfer& transfer : transfers) {
    transfer.move_to(TransferState::starting);
    backlog.push(transfer);
    BOOST_TEST(int(transfer.state.load()) == int(TransferState::backlog));
  }
  BOOST_TEST(!backlog.empty());
  for (Transfer& transfer : transfers) {
    BOOST_TEST(backlog.pop() == &transfer);
    BOOST_TEST(int(transfer.state.load()) == int(TransferState::starting));
  }
  BOOST_TEST(backlog.pop() == nullptr);
  BOOST_TEST(backlog.empty());
}

BOOST_AUTO_TEST_CASE(what_is_removed_does_not_come_out_and_is_removed_once) {
  Backlog backlog;
  std::deque<Transfer> transfers(3);
  for (Transfer& transfer : transfers) {
    transfer.move_to(TransferState::starting);
    backlog.push(transfer);
  }
  BOOST_TEST(backlog.remove(transfers[1]));
  BOOST_TEST(!backlog.remove(transfers[1]));
  BOOST_TEST(backlog.pop() == &transfers[0]);
  BOOST_TEST(!backlog.remove(transfers[0]));
  BOOST_TEST(backlog.pop() == &transfers[2]);
  BOOST_TEST(backlog.empty());
}

BOOST_AUTO_TEST_SUITE_END()
