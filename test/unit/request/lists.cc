// SPDX-License-Identifier: MIT
#include "request/request_list.h"
#include "request/request_stack.h"
#include "support/seed.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <deque>
#include <random>
#include <thread>
#include <vector>

using kaio::NotifiableStack;
using kaio::OutstandingList;
using kaio::Request;
using kaio::RequestQueue;

namespace {

std::vector<Request*> content(const OutstandingList& list) {
  std::vector<Request*> forward;
  for (Request* request = list.front(); request != nullptr; request = list.after(*request))
    forward.push_back(request);
  std::vector<Request*> backward;
  for (Request* request = list.back(); request != nullptr; request = list.before(*request))
    backward.push_back(request);
  std::ranges::reverse(backward);
  return forward == backward ? forward : std::vector<Request*>{nullptr};
}

std::vector<Request*> content(const RequestQueue& queue) {
  std::vector<Request*> forward;
  for (Request* request = queue.front(); request != nullptr; request = queue.after(*request))
    forward.push_back(request);
  return forward;
}

template <class List>
bool behaves_like_a_vector(unsigned seed) {
  std::mt19937 random(seed);
  std::deque<Request> requests(20);
  std::vector<Request*> outside;
  for (Request& request : requests) outside.push_back(&request);
  std::vector<Request*> model;
  List list;
  for (int i = 0; i < 5000; ++i) {
    if (!outside.empty() && random() % 2 == 0) {
      Request* request = outside.back();
      outside.pop_back();
      list.push_back(*request);
      model.push_back(request);
    } else if (!model.empty()) {
      const auto place = model.begin() + static_cast<long>(random() % model.size());
      list.erase(**place);
      outside.push_back(*place);
      model.erase(place);
    }
    if (content(list) != model || list.empty() != model.empty()) return false;
  }
  return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lists)

BOOST_AUTO_TEST_CASE(the_outstanding_list_behaves_like_a_vector) {
  BOOST_TEST(behaves_like_a_vector<OutstandingList>(support::seed()));
}

BOOST_AUTO_TEST_CASE(the_queue_behaves_like_a_vector) {
  BOOST_TEST(behaves_like_a_vector<RequestQueue>(support::seed()));
}

BOOST_AUTO_TEST_CASE(a_queue_gives_back_in_order_of_arrival) {
  std::deque<Request> requests(5);
  RequestQueue queue;
  for (Request& request : requests) queue.push_back(request);
  for (Request& request : requests) BOOST_TEST(queue.pop_front() == &request);
  BOOST_TEST(queue.pop_front() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_stack_is_taken_in_the_order_of_its_pushes) {
  std::deque<Request> requests(5);
  NotifiableStack stack;
  BOOST_TEST(stack.empty());
  BOOST_TEST(stack.take_in_order() == nullptr);
  for (Request& request : requests) stack.push(request);
  kaio::Notifiable* item = stack.take_in_order();
  for (Request& request : requests) {
    BOOST_TEST(item == &request);
    item = item->next;
  }
  BOOST_TEST(item == nullptr);
  BOOST_TEST(stack.empty());
}

BOOST_AUTO_TEST_CASE(a_stack_that_many_push_to_loses_and_doubles_nothing) {
  constexpr int pushers = 4;
  constexpr int each = 20000;
  std::vector<std::deque<Request>> requests(pushers);
  for (auto& own : requests) own.resize(each);
  NotifiableStack stack;
  std::vector<std::thread> threads;
  for (auto& own : requests)
    threads.emplace_back([&stack, &own] {
      for (Request& request : own) stack.push(request);
    });
  std::vector<Request*> taken;
  while (taken.size() < pushers * each)
    for (kaio::Notifiable* item = stack.take_in_order(); item != nullptr; item = item->next)
      taken.push_back(static_cast<Request*>(item));
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(stack.empty());
  // Each pusher's own come out in its order.
  std::vector<Request*> sorted = taken;
  std::ranges::sort(sorted);
  BOOST_TEST((std::ranges::adjacent_find(sorted) == sorted.end()));
}

BOOST_AUTO_TEST_SUITE_END()
