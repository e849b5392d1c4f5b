// SPDX-License-Identifier: MIT
#include "core/transfer_queue.h"
#include "support/seed.h"
#include "unit/list_model.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <thread>

using kaio::Transfer;
using kaio::TransferQueue;
using kaio::TransferStack;

BOOST_AUTO_TEST_SUITE(transfer_queue)

BOOST_AUTO_TEST_CASE(the_queue_behaves_like_a_vector) {
  BOOST_TEST((unit::behaves_like_a_vector<Transfer, TransferQueue>(
      support::seed(), unit::forward<Transfer, TransferQueue>)));
}

BOOST_AUTO_TEST_CASE(a_queue_gives_back_in_order_of_arrival) {
  std::deque<Transfer> transfers(5);
  TransferQueue queue;
  for (Transfer& transfer : transfers) queue.push_back(transfer);
  for (Transfer& transfer : transfers) BOOST_TEST(queue.pop_front() == &transfer);
  BOOST_TEST(queue.pop_front() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_stack_is_taken_in_the_order_of_its_pushes) {
  std::deque<Transfer> transfers(5);
  TransferStack stack;
  BOOST_TEST(stack.empty());
  BOOST_TEST(stack.take_in_order() == nullptr);
  for (Transfer& transfer : transfers) stack.push(transfer);
  Transfer* item = stack.take_in_order();
  for (Transfer& transfer : transfers) {
    BOOST_TEST(item == &transfer);
    item = item->next;
  }
  BOOST_TEST(item == nullptr);
  BOOST_TEST(stack.empty());
}

BOOST_AUTO_TEST_CASE(a_stack_that_many_push_to_loses_and_doubles_nothing) {
  constexpr int pushers = 4;
  constexpr int each = 20000;
  std::vector<std::deque<Transfer>> transfers(pushers);
  for (auto& own : transfers) own.resize(each);
  TransferStack stack;
  std::vector<std::thread> threads;
  for (auto& own : transfers)
    threads.emplace_back([&stack, &own] {
      for (Transfer& transfer : own) stack.push(transfer);
    });
  std::vector<Transfer*> taken;
  while (taken.size() < pushers * each)
    for (Transfer* item = stack.take_in_order(); item != nullptr; item = item->next)
      taken.push_back(item);
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(stack.empty());
  // Each pusher's own come out in its order.
  std::vector<Transfer*> sorted = taken;
  std::ranges::sort(sorted);
  BOOST_TEST((std::ranges::adjacent_find(sorted) == sorted.end()));
}

BOOST_AUTO_TEST_SUITE_END()
