// SPDX-License-Identifier: MIT
// The table of states.
#include "core/transfer.h"

#include <boost/test/unit_test.hpp>

#include <bitset>
#include <initializer_list>

using kaio::may_follow;
using kaio::TransferState;

BOOST_AUTO_TEST_SUITE(transfer)

namespace {

constexpr std::size_t count = kaio::transfer_state_count;
using States = std::bitset<count>;

States followers_of(TransferState from) {
  States found;
  for (std::size_t to = 0; to < count; ++to)
    found[to] = may_follow(from, static_cast<TransferState>(to));
  return found;
}

States only(std::initializer_list<TransferState> states) {
  States result;
  for (const TransferState state : states) result.set(static_cast<std::size_t>(state));
  return result;
}

// Where a transfer can come to from `from`, by any number of steps.
States reachable_from(TransferState from) {
  States known = followers_of(from);
  for (States before; before != known;) {
    before = known;
    for (std::size_t state = 0; state < count; ++state)
      if (before[state]) known |= followers_of(static_cast<TransferState>(state));
  }
  return known;
}

}  // namespace

BOOST_AUTO_TEST_CASE(from_each_state_a_transfer_can_end_and_be_used_again) {
  for (std::size_t state = 0; state < count; ++state) {
    const States reachable = reachable_from(static_cast<TransferState>(state));
    BOOST_TEST(reachable[static_cast<std::size_t>(TransferState::finished)], "state " << state);
    BOOST_TEST(reachable[static_cast<std::size_t>(TransferState::free)], "state " << state);
  }
}

BOOST_AUTO_TEST_CASE(a_finished_transfer_is_only_given_back) {
  BOOST_TEST(followers_of(TransferState::finished) == only({TransferState::free}));
}

BOOST_AUTO_TEST_CASE(what_waits_in_a_container_is_taken_out_before_anything_else) {
  using enum TransferState;
  for (const TransferState container : {held, backlog, shortage, polling, watched})
    BOOST_TEST(followers_of(container) == only({starting}));
  BOOST_TEST(followers_of(queued) == only({starting, running}));
}

BOOST_AUTO_TEST_CASE(only_a_worker_runs_a_transfer_and_it_takes_it_from_the_queue) {
  for (std::size_t from = 0; from < count; ++from)
    BOOST_TEST(may_follow(static_cast<TransferState>(from), TransferState::running) ==
               (static_cast<TransferState>(from) == TransferState::queued));
}

BOOST_AUTO_TEST_CASE(a_state_that_another_thread_has_ended_is_not_changed) {
  kaio::Transfer transfer;
  transfer.move_to(TransferState::starting);
  transfer.move_to(TransferState::polling);
  BOOST_TEST(transfer.move_from(TransferState::polling, TransferState::starting));
  BOOST_TEST(!transfer.move_from(TransferState::polling, TransferState::starting));
  BOOST_TEST((transfer.state == TransferState::starting));
}

BOOST_AUTO_TEST_SUITE_END()
