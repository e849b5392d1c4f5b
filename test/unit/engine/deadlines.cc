// SPDX-License-Identifier: MIT
// The heap of due times, against a model.
#include "engine/deadlines.h"
#include "support/seed.h"

#include <boost/test/unit_test.hpp>

#include <array>
#include <map>
#include <random>

using kaio::engine::Deadlines;
using kaio::engine::OperationState;

BOOST_AUTO_TEST_SUITE(deadlines)

BOOST_AUTO_TEST_CASE(it_agrees_with_a_sorted_map) {
  std::mt19937 chance(support::seed());
  std::array<OperationState, 200> operations;
  std::multimap<std::int64_t, OperationState*> model;
  std::map<OperationState*, std::multimap<std::int64_t, OperationState*>::iterator> places;
  Deadlines heap;
  const auto take = [&](OperationState* operation) {
    model.erase(places.at(operation));
    places.erase(operation);
  };
  for (int step = 0; step < 100'000; ++step) {
    OperationState& operation = operations[chance() % operations.size()];
    const bool is_there = places.contains(&operation);
    const auto what = chance() % 8;
    if (what < 4 && !is_there) {
      operation.rare.due_ns = static_cast<std::int64_t>(chance() % 1000);
      heap.insert(operation);
      places[&operation] = model.emplace(operation.rare.due_ns, &operation);
    } else if (what < 6) {
      BOOST_REQUIRE(heap.erase(operation) == is_there);
      if (is_there) take(&operation);
    } else {
      const auto now_ns = static_cast<std::int64_t>(chance() % 500);
      OperationState* const due = heap.take_due(now_ns);
      const bool is_any_due = !model.empty() && model.begin()->first <= now_ns;
      BOOST_REQUIRE((due != nullptr) == is_any_due);
      if (due != nullptr) {
        BOOST_REQUIRE(due->rare.due_ns == model.begin()->first);
        take(due);
      }
    }
    BOOST_REQUIRE(heap.empty() == model.empty());
    BOOST_REQUIRE(heap.first_ns() == (model.empty() ? INT64_MAX : model.begin()->first));
  }
  std::int64_t last_ns = 0;
  while (OperationState* const due = heap.take_due(INT64_MAX)) {
    BOOST_REQUIRE(due->rare.due_ns >= last_ns);
    last_ns = due->rare.due_ns;
    take(due);
  }
  BOOST_TEST(model.empty());
}

BOOST_AUTO_TEST_SUITE_END()
