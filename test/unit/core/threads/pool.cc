// SPDX-License-Identifier: MIT
#include "support/process.h"
#include "unit/core/threads/pool_bench.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace unit;
using support::eventually;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(pool)

BOOST_AUTO_TEST_CASE(no_thread_exists_before_the_first_job_and_idle_ones_end) {
  PoolBench bench;
  BOOST_TEST(bench.threads() == 0u);
  Job transfer;
  BOOST_TEST(bench.start(transfer, FileAccess::shared, 0));
  BOOST_TEST(eventually([&] { return bench.gate.done == 1; }));
  BOOST_TEST(bench.threads() >= 1u);
  BOOST_TEST(eventually([&] { return bench.threads() == 0; }, 3s));
  Job another;
  BOOST_TEST(bench.start(another, FileAccess::shared, 0));  // and a thread starts again
  BOOST_TEST(eventually([&] { return bench.gate.done == 2; }));
}

BOOST_AUTO_TEST_CASE(one_thread_stays_for_those_to_whom_it_is_promised) {
  PoolBench bench;
  bench.gate.promised = true;
  bench.gate.shut = true;
  std::deque<Job> transfers(3);
  for (Transfer& transfer : transfers) BOOST_REQUIRE(bench.start(transfer, FileAccess::shared, 0));
  BOOST_TEST(eventually([&] { return bench.gate.running == 3; }));
  bench.gate.shut = false;
  BOOST_TEST(eventually([&] { return bench.gate.done == 3; }));
  BOOST_TEST(eventually([&] { return bench.threads() == 1; }, 3s));
  BOOST_TEST(support::stays([&] { return bench.threads() == 1; }, 300ms));
  bench.gate.promised = false;
  BOOST_TEST(eventually([&] { return bench.threads() == 0; }, 5s));
}

BOOST_AUTO_TEST_CASE(its_threads_take_the_processor_from_nobody) {
  PoolBench bench;
  const int ours = ::sched_getscheduler(0);
  Job transfer;
  BOOST_TEST(bench.start(transfer, FileAccess::shared, 0));
  BOOST_TEST(eventually([&] { return bench.gate.done == 1; }));
  BOOST_TEST(bench.gate.policy == (ours == SCHED_OTHER ? SCHED_BATCH : ours));
}

BOOST_AUTO_TEST_CASE(no_more_run_at_once_than_the_bound_allows) {
  for (const int bound : {1, 2, 7}) {
    PoolBench bench;
    bench.pool.configure(static_cast<unsigned>(bound), 50'000'000);
    bench.gate.shut = true;
    std::deque<Job> transfers(40);
    for (Transfer& transfer : transfers)
      BOOST_REQUIRE(bench.start(transfer, FileAccess::shared, 0));
    BOOST_TEST(eventually([&] { return bench.gate.running == bound; }));
    BOOST_TEST(support::stays([&] { return bench.gate.running == bound; }));
    bench.gate.shut = false;
    BOOST_TEST(eventually([&] { return bench.gate.done == 40; }));
    BOOST_TEST(bench.gate.most_running == bound);
  }
}

BOOST_AUTO_TEST_CASE(a_raised_bound_is_used) {
  PoolBench bench;
  bench.pool.configure(1, 50'000'000);
  bench.gate.shut = true;
  std::deque<Job> transfers(10);
  for (Transfer& transfer : transfers) BOOST_REQUIRE(bench.start(transfer, FileAccess::shared, 0));
  BOOST_TEST(eventually([&] { return bench.gate.running == 1; }));
  bench.pool.configure(5, 50'000'000);
  Job another;
  BOOST_REQUIRE(bench.start(another, FileAccess::shared, 0));
  bench.gate.shut = false;
  BOOST_TEST(eventually([&] { return bench.gate.done == 11; }));
}

BOOST_AUTO_TEST_CASE(jobs_run_by_priority_and_in_order_of_arrival) {
  PoolBench bench;
  std::deque<Job> transfers = transfers_with({20, 5, 20, 0, 5, 1, 0});
  Job plug;
  bench.occupy_only_thread(plug);
  for (Transfer& transfer : transfers) BOOST_REQUIRE(bench.start(transfer, FileAccess::shared, 0));
  bench.gate.shut = false;
  BOOST_REQUIRE(eventually([&] { return bench.gate.done == 8; }));
  std::vector<Transfer*> expected = {&plug};
  for (const int i : {3, 6, 5, 1, 4, 0, 2}) expected.push_back(&transfers[i]);
  BOOST_TEST((bench.gate.seen() == expected));
}

BOOST_AUTO_TEST_CASE(what_is_removed_does_not_run_and_what_runs_is_not_removed) {
  PoolBench bench;
  Job running;
  std::deque<Job> transfers(3);
  bench.occupy_only_thread(running);
  for (Transfer& transfer : transfers) BOOST_REQUIRE(bench.start(transfer, FileAccess::shared, 0));
  BOOST_TEST(!bench.pool.remove(running));
  BOOST_TEST(bench.pool.remove(transfers[1]));
  BOOST_TEST(!bench.pool.remove(transfers[1]));
  bench.gate.shut = false;
  BOOST_TEST(eventually([&] { return bench.gate.done == 3; }));
  BOOST_TEST(std::ranges::count(bench.gate.seen(), &transfers[1]) == 0);
}

BOOST_AUTO_TEST_CASE(without_any_thread_a_job_is_refused_and_with_one_it_is_done) {
  unit::FakedCalls calls;
  PoolBench bench;
  calls->create_thread = limited_create;
  threads_allowed = 0;
  Job transfer;
  BOOST_TEST(!bench.start(transfer, FileAccess::shared, 0));
  BOOST_TEST(int(transfer.state.load()) == int(TransferState::starting));
  threads_allowed = 1;  // no second one
  std::deque<Job> transfers(20);
  for (Transfer& one : transfers) BOOST_TEST(bench.start(one, FileAccess::shared, 0));
  BOOST_TEST(eventually([&] { return bench.gate.done == 20; }));
  BOOST_TEST(bench.gate.most_running == 1);
}

// Not by each other: a thread of kaio's that allocates memory costs much of it.
BOOST_AUTO_TEST_CASE(jobs_that_block_have_threads_each_when_all_are_queued) {
  PoolBench bench;
  bench.gate.shut = true;
  std::deque<Job> transfers(8);
  for (Job& job : transfers) BOOST_REQUIRE(bench.start(job, FileAccess::shared, 0));
  BOOST_TEST(bench.threads() == transfers.size());
  BOOST_TEST(eventually([&] { return bench.gate.running == 8; }));
  bench.gate.shut = false;
  BOOST_TEST(eventually([&] { return bench.gate.done == 8; }));
  BOOST_TEST(bench.threads() == transfers.size());
}

// Threads that are all in calls may not come back for long.
BOOST_AUTO_TEST_CASE(who_may_start_no_thread_calls_for_one) {
  PoolBench bench;
  bench.gate.shut = true;
  std::deque<Job> transfers(4);
  const auto start_without_threads = [&](Job& job) {
    const kaio::sys::MayStartThreads may_start_threads(false);
    return bench.start(job, FileAccess::shared, 0);
  };
  bench.starter.is_there = false;
  BOOST_TEST(!start_without_threads(transfers[0]));
  BOOST_TEST(int(transfers[0].state.load()) == int(TransferState::starting));
  bench.starter.is_there = true;
  for (unsigned i = 0; i < 2; ++i) {
    bench.starter.calls = 0;
    BOOST_REQUIRE(start_without_threads(transfers[i]));
    BOOST_TEST(bench.starter.calls > 0);
    BOOST_TEST(bench.threads() == i);
    BOOST_TEST(int(transfers[i].state.load()) == int(TransferState::queued));
    bench.pool.start_threads();
    BOOST_REQUIRE(eventually([&] { return bench.gate.running == static_cast<int>(i + 1); }));
    bench.pool.start_threads();  // it lacks none
    BOOST_TEST(bench.threads() == i + 1);
  }
  // It is not refused: the threads there are will come to it.
  bench.starter.is_there = false;
  BOOST_TEST(start_without_threads(transfers[2]));
  bench.gate.shut = false;
  BOOST_REQUIRE(eventually([&] { return bench.gate.done == 3; }));
}

// Of each file, and in each queue.
BOOST_AUTO_TEST_CASE(jobs_for_which_no_thread_can_be_made_are_refused) {
  unit::FakedCalls calls;
  PoolBench bench;
  bench.pool.configure(1, 50'000'000);
  calls->create_thread = limited_create;
  threads_allowed = 0;
  std::deque<Job> transfers = transfers_on({7, 7, 7, 8, 8, 8});
  {
    const kaio::sys::MayStartThreads may_start_threads(false);
    for (unsigned i = 0; i < transfers.size(); ++i)
      BOOST_REQUIRE(bench.start(transfers[i],
                                i % 3 == 0 ? FileAccess::shared : FileAccess::exclusive, i % 2));
  }
  bench.pool.start_threads();
  BOOST_TEST(bench.gate.refused == 6);
  BOOST_TEST(bench.gate.done == 0);
  threads_allowed = 1;
  BOOST_TEST(bench.start(transfers[0], FileAccess::exclusive, 0));
  BOOST_TEST(eventually([&] { return bench.gate.done == 1; }));
}

BOOST_AUTO_TEST_CASE(exclusive_jobs_of_a_file_run_one_at_a_time_and_in_order) {
  PoolBench bench;
  bench.gate.shut = true;
  std::deque<Job> transfers = transfers_on({7, 7, 7, 7, 7, 7});
  for (Transfer& transfer : transfers)
    BOOST_REQUIRE(bench.start(transfer, FileAccess::exclusive, 0));
  BOOST_TEST(eventually([&] { return bench.gate.running == 1; }));
  BOOST_TEST(support::stays([&] { return bench.gate.running == 1; }));
  bench.gate.shut = false;
  BOOST_TEST(eventually([&] { return bench.gate.done == 6; }));
  BOOST_TEST(bench.gate.most_running == 1);
  BOOST_TEST((bench.gate.seen() == those(transfers, {0, 1, 2, 3, 4, 5})));
}

BOOST_AUTO_TEST_CASE(exclusive_jobs_hold_up_no_other_file_and_no_shared_job) {
  PoolBench bench;
  bench.gate.shut = true;
  // 71 would use the same queue as 7.
  std::deque<Job> transfers = transfers_on({7, 7, 8, 8, 71});
  for (Transfer& transfer : transfers)
    BOOST_REQUIRE(bench.start(transfer, FileAccess::exclusive, 0));
  std::deque<Job> others = transfers_on({7, 8});
  for (Transfer& transfer : others) BOOST_REQUIRE(bench.start(transfer, FileAccess::shared, 0));
  BOOST_TEST(eventually([&] { return bench.gate.running == 5; }));
  BOOST_TEST(support::stays([&] { return bench.gate.running == 5; }));
  std::vector<Transfer*> expected = those(transfers, {0, 2, 4});
  for (Transfer& transfer : others) expected.push_back(&transfer);
  std::vector<Transfer*> seen = bench.gate.seen();
  std::ranges::sort(seen);
  std::ranges::sort(expected);
  BOOST_TEST((seen == expected));
  bench.gate.shut = false;
  BOOST_TEST(eventually([&] { return bench.gate.done == 7; }));
}

BOOST_AUTO_TEST_CASE(who_waits_behind_another_of_its_file_does_so_by_priority) {
  PoolBench bench;
  bench.gate.shut = true;
  std::deque<Job> transfers = transfers_with({3, 20, 5, 20, 0});
  for (Transfer& transfer : transfers) {
    transfer.operation.fd = 7;
    BOOST_REQUIRE(bench.start(transfer, FileAccess::exclusive, 0));
    BOOST_REQUIRE(eventually([&] { return bench.gate.running == 1; }));
  }
  bench.gate.shut = false;
  BOOST_TEST(eventually([&] { return bench.gate.done == 5; }));
  BOOST_TEST((bench.gate.seen() == those(transfers, {0, 4, 2, 1, 3})));
}

// The thread that is there besides finds that the device has as many as it may have, and
// leaves what it took to wait for it: sooner or later, so in many rounds.
BOOST_AUTO_TEST_CASE(nobody_is_held_up_by_a_less_urgent_one_of_its_file) {
  for (int round = 0; round < 30; ++round) {
    PoolBench bench;
    static std::deque<Job> plugs;
    Job& plug = plugs.emplace_back();
    bench.occupy_only_thread(plug);
    std::deque<Job> transfers = transfers_with({20, 20, 3, 10, 0});
    for (Transfer& transfer : transfers) {
      transfer.operation.fd = 7;
      BOOST_REQUIRE(bench.start(transfer, FileAccess::exclusive, 0));
      std::this_thread::sleep_for(std::chrono::microseconds(20 * round));
    }
    std::deque<Job> others = transfers_with({5, 15});
    for (Transfer& transfer : others) {
      transfer.operation.fd = 8;
      BOOST_REQUIRE(bench.start(transfer, FileAccess::exclusive, 0));
    }
    bench.gate.shut = false;
    BOOST_TEST(eventually([&] { return bench.gate.done == 8; }));
    const std::vector<Transfer*> expected = {&plug,         &transfers[4], &transfers[2],
                                             &others[0],    &transfers[3], &others[1],
                                             &transfers[0], &transfers[1]};
    BOOST_TEST((bench.gate.seen() == expected));
  }
}

BOOST_AUTO_TEST_CASE(nobody_waits_for_those_of_the_file_that_had_the_number_before) {
  PoolBench bench;
  bench.gate.shut = true;
  std::deque<Job> transfers = transfers_on({7, 7, 7});
  transfers[2].fd_generation = 1;
  for (Transfer& transfer : transfers)
    BOOST_REQUIRE(bench.start(transfer, FileAccess::exclusive, 0));
  BOOST_TEST(eventually([&] { return bench.gate.running == 2; }));
  BOOST_TEST(support::stays([&] { return bench.gate.running == 2; }));
  BOOST_TEST(std::ranges::count(bench.gate.seen(), &transfers[1]) == 0);
  bench.gate.shut = false;
  BOOST_TEST(eventually([&] { return bench.gate.done == 3; }));
}

BOOST_AUTO_TEST_CASE(one_file_with_many_jobs_takes_turns_with_the_others) {
  PoolBench bench;
  bench.pool.configure(1, 50'000'000);
  bench.gate.shut = true;
  std::deque<Job> transfers = transfers_on({7, 7, 7, 8, 8, 9});
  for (Transfer& transfer : transfers)
    BOOST_REQUIRE(bench.start(transfer, FileAccess::exclusive, 0));
  BOOST_REQUIRE(eventually([&] { return bench.gate.running == 1; }));
  bench.gate.shut = false;
  BOOST_TEST(eventually([&] { return bench.gate.done == 6; }));
  BOOST_TEST((bench.gate.seen() == those(transfers, {0, 3, 5, 1, 4, 2})));
}

BOOST_AUTO_TEST_CASE(whichever_of_a_file_is_removed_the_rest_go_on) {
  for (const std::size_t removed : {0, 1, 2, 3}) {
    BOOST_TEST_CONTEXT("number " << removed) {
      PoolBench bench;
      Job plug;
      bench.occupy_only_thread(plug);
      std::deque<Job> transfers = transfers_on({7, 7, 7, 7});
      for (Transfer& transfer : transfers)
        BOOST_REQUIRE(bench.start(transfer, FileAccess::exclusive, 0));
      BOOST_TEST(bench.pool.remove(transfers[removed]));
      BOOST_TEST(!bench.pool.remove(transfers[removed]));
      bench.gate.shut = false;
      BOOST_TEST(eventually([&] { return bench.gate.done == 4; }));
      std::vector<Transfer*> expected = {&plug};
      for (Transfer& transfer : transfers)
        if (&transfer != &transfers[removed]) expected.push_back(&transfer);
      BOOST_TEST((bench.gate.seen() == expected));
      // And the file's queue is free again.
      Job last;
      last.operation.fd = 7;
      BOOST_REQUIRE(bench.start(last, FileAccess::exclusive, 0));
      BOOST_TEST(eventually([&] { return bench.gate.done == 5; }));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_device_that_has_all_the_threads_it_may_have_holds_up_no_other) {
  PoolBench bench;
  bench.pool.configure(3, 50'000'000);
  bench.gate.shut = true;
  std::deque<Job> slow(10), others(2);
  for (Transfer& transfer : slow) BOOST_REQUIRE(bench.start(transfer, FileAccess::shared, 7));
  BOOST_REQUIRE(eventually([&] { return bench.gate.running == 3; }));
  BOOST_TEST(support::stays([&] { return bench.gate.running == 3; }));
  for (Transfer& transfer : others) BOOST_REQUIRE(bench.start(transfer, FileAccess::shared, 8));
  BOOST_TEST(eventually([&] { return bench.gate.running == 5; }));
  BOOST_TEST(bench.pool.remove(slow[9]));
  bench.gate.shut = false;
  BOOST_TEST(eventually([&] { return bench.gate.done == 11; }));
}

// More than there are places for devices.
BOOST_AUTO_TEST_CASE(jobs_of_any_number_of_devices_are_each_done_once) {
  PoolBench bench;
  bench.pool.configure(2, 50'000'000);
  constexpr std::size_t count = 4000;
  std::deque<Job> transfers = transfers_on(std::vector<int>(count, 7));
  std::size_t removed_count = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const FileAccess access = i % 3 == 0 ? FileAccess::exclusive : FileAccess::shared;
    BOOST_REQUIRE(bench.start(transfers[i], access, static_cast<std::uint32_t>(i % 40)));
    if (i % 7 == 0 && bench.pool.remove(transfers[i])) ++removed_count;
  }
  BOOST_TEST(eventually([&] { return bench.gate.done + removed_count == count; }));
  BOOST_TEST(removed_count != 0u);
}

// What a thread sees to besides may take as long as a server.
BOOST_AUTO_TEST_CASE(a_thread_that_sees_to_others_holds_up_no_job) {
  PoolBench bench;
  bench.gate.stuck = true;
  Job first, second;
  BOOST_REQUIRE(bench.start(first, FileAccess::shared, 0));
  BOOST_REQUIRE(eventually([&] { return bench.gate.seeing_to_others == 1; }));
  BOOST_REQUIRE(bench.start(second, FileAccess::shared, 0));
  BOOST_TEST(eventually([&] { return bench.gate.done == 2; }, 500ms));
  bench.gate.stuck = false;
  BOOST_TEST(eventually([&] { return bench.gate.seeing_to_others == 0; }));
}

BOOST_AUTO_TEST_CASE(submissions_from_many_threads_are_each_done_once) {
  PoolBench bench;
  constexpr int each = 3000;
  std::vector<std::deque<Job>> transfers(4);
  for (auto& own : transfers) own = transfers_on(std::vector<int>(each, 7));
  std::vector<std::thread> threads;
  std::atomic<int> refused{0};
  for (auto& own : transfers)
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < own.size(); ++i)
        if (!bench.start(own[i], i % 2 == 0 ? FileAccess::shared : FileAccess::exclusive, 0))
          ++refused;
    });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(refused == 0);
  BOOST_TEST(eventually([&] { return bench.gate.done == 4 * each; }));
  std::vector<Transfer*> seen = bench.gate.seen();
  std::ranges::sort(seen);
  BOOST_TEST((std::ranges::adjacent_find(seen) == seen.end()));
}

BOOST_AUTO_TEST_SUITE_END()
