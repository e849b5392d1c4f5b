// SPDX-License-Identifier: MIT
#include "posix/wait/retrieval.h"
#include "support/deadline.h"
#include "support/precondition.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <set>
#include <thread>
#include <vector>

using kaio::Request;
using kaio::Requests;
using kaio::Retrieval;

BOOST_AUTO_TEST_SUITE(retrieving)

namespace {

struct Bench {
  // As a submission does it.
  Request* allocate() {
    if (Request* request = requests->take_free()) return request;
    retrieval.forget_old();
    return requests->slab.allocate();
  }
  Request* finished() {
    Request* request = allocate();
    request->cell = &cell;
    request->state = kaio::TransferState::finished;
    retrieval.retain_or_free(*request);
    return request;
  }
  std::unique_ptr<Requests> requests = std::make_unique<Requests>();
  Retrieval retrieval{*requests};
  kaio::StatusCell cell{};
};

}  // namespace

BOOST_AUTO_TEST_CASE(results_come_out_oldest_first) {
  Bench bench;
  BOOST_TEST(bench.retrieval.next() == nullptr);
  Request* first = bench.finished();
  Request* second = bench.finished();
  Request* third = bench.finished();
  BOOST_TEST(bench.retrieval.next() == first);
  BOOST_TEST(bench.retrieval.next() == second);
  Request* fourth = bench.finished();
  BOOST_TEST(bench.retrieval.next() == third);
  BOOST_TEST(bench.retrieval.next() == fourth);
  BOOST_TEST(bench.retrieval.next() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_result_that_was_taken_does_not_come_out) {
  Bench bench;
  Request* first = bench.finished();
  Request* second = bench.finished();
  Request* third = bench.finished();
  bench.retrieval.taken(second->slot, second->generation(), bench.cell);
  bench.retrieval.taken(first->slot, first->generation(), bench.cell);
  BOOST_TEST(bench.retrieval.next() == third);
  BOOST_TEST(bench.retrieval.next() == nullptr);
}

BOOST_AUTO_TEST_CASE(results_behind_some_that_were_taken_come_out_at_the_first_call) {
  Bench bench;
  bench.retrieval.next();  // all are wanted
  bench.finished();
  Request* first = bench.finished();
  BOOST_TEST(bench.retrieval.next() != nullptr);  // the other is in the list now
  Request* second = bench.finished();
  bench.retrieval.taken(first->slot, first->generation(), bench.cell);
  BOOST_TEST(bench.retrieval.next() == second);
}

BOOST_AUTO_TEST_CASE(a_result_taken_before_the_notification_ended_frees_the_request_then) {
  Bench bench;
  Request* request = bench.requests->slab.allocate();
  request->cell = &bench.cell;
  const std::uint32_t generation = request->generation();
  bench.retrieval.taken(request->slot, generation, bench.cell);
  BOOST_TEST(bench.requests->find(request->slot, generation) == request);
  bench.retrieval.retain_or_free(*request);
  BOOST_TEST(bench.requests->find(request->slot, generation) == nullptr);
  BOOST_TEST(bench.retrieval.next() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_stale_or_senseless_identity_takes_nothing) {
  Bench bench;
  Request* request = bench.finished();
  bench.retrieval.taken(request->slot, request->generation() + 4, bench.cell);
  bench.retrieval.taken(UINT32_MAX, 0, bench.cell);
  bench.retrieval.taken(12345, 678, bench.cell);
  BOOST_TEST(bench.retrieval.next() == request);
}

BOOST_AUTO_TEST_CASE(no_life_of_a_slot_has_the_generation_of_a_zeroed_block) {
  Bench bench;
  Request* request = bench.allocate();
  for (const std::uint32_t last : {UINT32_MAX, UINT32_MAX - 8, request->generation()}) {
    request->claim = last & ~kaio::claim::mask;
    for (int life = 0; life < 4; ++life) {
      const std::uint32_t before = request->generation();
      bench.requests->free(*request);
      BOOST_TEST(bench.requests->take_free() == request);
      BOOST_TEST(request->generation() != 0u);
      BOOST_TEST(request->generation() != before);
      BOOST_TEST(bench.requests->find(request->slot, 0) == nullptr);
    }
  }
}

BOOST_AUTO_TEST_CASE(until_somebody_wants_them_the_last_are_kept_in_little_memory_and_then_all) {
  Bench bench;
  const std::uint32_t kept = kaio::limits::unclaimed_max;
  std::vector<Request*> finished;
  for (std::uint32_t i = 0; i < 100 * kept; ++i) finished.push_back(bench.finished());
  BOOST_TEST(bench.requests->slab.slot_count() <= 4 * kept);
  std::vector<Request*> retrieved;
  while (Request* request = bench.retrieval.next()) retrieved.push_back(request);
  BOOST_REQUIRE(retrieved.size() >= kept);
  BOOST_TEST(std::equal(retrieved.rbegin(), retrieved.rbegin() + kept, finished.rbegin()));
  for (Request* request : retrieved) bench.requests->free(*request);

  for (std::uint32_t i = 0; i < 10 * kept; ++i) bench.finished();
  std::uint32_t count = 0;
  while (bench.retrieval.next() != nullptr) ++count;
  BOOST_TEST(count == 10 * kept);
}

BOOST_AUTO_TEST_CASE(results_that_many_threads_take_while_the_first_wants_them_all_are_taken_once) {
  for (int round = 0; round < (support::sanitized ? 50 : 500) / support::slowness(); ++round) {
    Bench bench;
    std::atomic<int> taken_by_next{0};
    std::vector<Request*> requests;
    for (int i = 0; i < 64; ++i) {
      requests.push_back(bench.allocate());
      requests.back()->cell = &bench.cell;
    }
    std::vector<std::uint32_t> generations;
    for (Request* request : requests) generations.push_back(request->generation());
    std::thread wanting([&] {
      for (int i = 0; i < 100; ++i)
        if (Request* request = bench.retrieval.next()) {
          ++taken_by_next;
          bench.requests->free(*request);
        }
    });
    std::thread returning([&] {
      for (std::size_t i = 0; i < requests.size(); i += 2)
        bench.retrieval.taken(requests[i]->slot, generations[i], bench.cell);
    });
    for (Request* request : requests) {
      request->state = kaio::TransferState::finished;
      bench.retrieval.retain_or_free(*request);
    }
    wanting.join();
    returning.join();
    while (Request* request = bench.retrieval.next()) {
      ++taken_by_next;
      bench.requests->free(*request);
    }
    BOOST_TEST(taken_by_next >= 32);
    // Each slot is free exactly once: as many come out as went in, all different.
    std::set<Request*> free_again;
    for (int i = 0; i < 64; ++i) free_again.insert(bench.requests->take_free());
    for (Request* request : requests) BOOST_TEST(free_again.contains(request));
  }
}

BOOST_AUTO_TEST_CASE(a_thread_takes_again_what_it_has_freed_and_nobody_elses) {
  const auto statistics = std::make_unique<kaio::Statistics>();
  Bench bench;
  Request* ours = nullptr;
  // A thread has a number once it has counted something, if it is one of the first.
  std::thread([&] {
    statistics->count(kaio::Count::submitted);
    if (kaio::Statistics::this_threads_number() >= kaio::OwnPlaces::count) return;
    Request* const first = bench.allocate();
    ours = bench.allocate();
    bench.requests->free(*ours);
    bench.requests->free(*first);  // there is one place only
    BOOST_TEST(bench.requests->take_free() == ours);
    BOOST_TEST(bench.requests->take_free() == first);
    bench.requests->free(*ours);
  }).join();
  if (ours == nullptr) {
    std::cerr << "left out: this thread was not one of the first\n";
    return;
  }
  std::set<Request*> of_others;
  while (Request* request = bench.requests->take_free()) of_others.insert(request);
  BOOST_TEST(!of_others.empty());
  BOOST_TEST(!of_others.contains(ours));
}

BOOST_AUTO_TEST_CASE(programs_that_take_every_result_use_no_more_memory) {
  Bench bench;
  for (int i = 0; i < 100000; ++i) {
    Request* request = bench.finished();
    bench.retrieval.taken(request->slot, request->generation(), bench.cell);
  }
  BOOST_TEST(bench.requests->slab.mapped_bytes() <= 256 * sizeof(Request));
}

BOOST_AUTO_TEST_CASE(each_result_is_taken_once_whoever_comes_first) {
  const int count = (support::sanitized ? 20000 : 200000) / support::slowness();
  Bench bench;
  std::atomic<int> by_next{0};
  std::atomic<bool> ending{false};
  bench.retrieval.next();  // all are wanted
  std::thread waiter([&] {
    while (!ending)
      if (Request* request = bench.retrieval.next()) {
        ++by_next;
        bench.requests->free(*request);
      }
  });
  for (int i = 0; i < count; ++i) {
    bench.finished();
  }
  while (by_next < count && bench.requests->slab.mapped_bytes() > 0) std::this_thread::yield();
  ending = true;
  waiter.join();
  BOOST_TEST(by_next == count);
}

BOOST_AUTO_TEST_SUITE_END()
