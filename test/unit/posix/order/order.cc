// SPDX-License-Identifier: MIT
#include "unit/posix/order/descriptor_bench.h"

#include <boost/test/unit_test.hpp>

#include <thread>
#include <vector>

using namespace unit;

BOOST_AUTO_TEST_SUITE(order)

namespace {

using Requests = std::vector<Request*>;

}  // namespace

BOOST_AUTO_TEST_CASE(the_first_request_starts_without_traits_being_asked_for) {
  DescriptorBench bench(stream());
  Request& read = bench.make(Opcode::read);
  BOOST_TEST(int(bench.admit(read)) == int(Admission::start));
  BOOST_TEST(is_started(read));
  kaio::RecordLock lock(bench.record);
  BOOST_TEST(!bench.record.traits.known());
}

BOOST_AUTO_TEST_CASE(reads_of_a_stream_take_turns_in_call_order) {
  DescriptorBench bench(stream());
  Request& first = bench.submit(Opcode::read);
  Request& second = bench.submit(Opcode::read);
  Request& third = bench.submit(Opcode::read);
  BOOST_TEST(is_held(second));
  BOOST_TEST(is_held(third));
  bench.finish(first);
  BOOST_TEST((bench.started() == Requests{&second}));
  bench.finish(second);
  BOOST_TEST((bench.started() == Requests{&third}));
  bench.finish(third);
  BOOST_TEST(bench.is_empty());
}

BOOST_AUTO_TEST_CASE(reads_and_writes_of_a_stream_do_not_wait_for_each_other) {
  DescriptorBench bench(stream());
  bench.submit(Opcode::read);
  BOOST_TEST(is_started(bench.submit(Opcode::write)));
  BOOST_TEST(is_held(bench.submit(Opcode::write)));
  BOOST_TEST(is_held(bench.submit(Opcode::read)));
}

BOOST_AUTO_TEST_CASE(transfers_of_a_file_all_run_at_once) {
  DescriptorBench bench(regular());
  for (int i = 0; i < 10; ++i)
    BOOST_TEST(is_started(bench.submit(i % 2 == 0 ? Opcode::read : Opcode::write)));
  BOOST_TEST(bench.held_count() == 0u);
}

BOOST_AUTO_TEST_CASE(appending_writes_take_turns_and_reads_of_the_file_do_not) {
  DescriptorBench bench(appending());
  Request& first = bench.submit(Opcode::write);
  Request& second = bench.submit(Opcode::write);
  BOOST_TEST(is_held(second));
  bench.submit(Opcode::read);
  BOOST_TEST(is_started(bench.submit(Opcode::read)));
  bench.finish(first);
  BOOST_TEST((bench.started() == Requests{&second}));
}

BOOST_AUTO_TEST_CASE(a_fence_starts_when_all_before_it_are_done_and_holds_nobody_back) {
  DescriptorBench bench(regular());
  Request& before = bench.submit(Opcode::write);
  Request& also_before = bench.submit(Opcode::read);
  Request& fence = bench.submit(Opcode::fsync);
  Request& behind = bench.submit(Opcode::write);
  BOOST_TEST(is_held(fence));
  BOOST_TEST(is_started(behind));
  bench.finish(also_before);
  BOOST_TEST(bench.started().empty());
  bench.finish(before);
  BOOST_TEST((bench.started() == Requests{&fence}));
}

BOOST_AUTO_TEST_CASE(a_fence_alone_starts_at_once_and_a_second_one_waits_for_it) {
  DescriptorBench bench(regular());
  Request& fence = bench.submit(Opcode::fdatasync);
  BOOST_TEST(is_started(fence));
  Request& second = bench.submit(Opcode::fsync);
  BOOST_TEST(is_held(second));
  bench.finish(fence);
  BOOST_TEST((bench.started() == Requests{&second}));
}

BOOST_AUTO_TEST_CASE(a_fence_behind_held_stream_requests_waits_for_them_too) {
  DescriptorBench bench(stream());
  Request& running = bench.submit(Opcode::write);
  Request& held = bench.submit(Opcode::write);
  Request& fence = bench.submit(Opcode::fsync);
  bench.finish(running);
  BOOST_TEST((bench.started() == Requests{&held}));
  bench.finish(held);
  BOOST_TEST((bench.started() == Requests{&fence}));
}

BOOST_AUTO_TEST_CASE(the_successor_of_a_cancelled_request_keeps_its_place) {
  DescriptorBench bench(stream());
  Request& first = bench.submit(Opcode::read);
  Request& second = bench.submit(Opcode::read);
  Request& third = bench.submit(Opcode::read);
  bench.cancel(second);
  BOOST_TEST(bench.started().empty());
  bench.finish(first);
  BOOST_TEST((bench.started() == Requests{&third}));
}

BOOST_AUTO_TEST_CASE(cancelling_the_last_one_before_a_fence_lets_the_fence_go) {
  DescriptorBench bench(stream());
  Request& first = bench.submit(Opcode::read);
  Request& second = bench.submit(Opcode::read);
  Request& fence = bench.submit(Opcode::fsync);
  bench.finish(first);
  BOOST_TEST((bench.started() == Requests{&second}));
  BOOST_TEST(is_held(fence));
  bench.finish(second);
  BOOST_TEST((bench.started() == Requests{&fence}));
}

BOOST_AUTO_TEST_CASE(what_lingers_after_its_end_does_not_hold_back_the_next_one) {
  DescriptorBench bench(stream());
  Request& old = bench.submit(Opcode::read);
  bench.record.occupancy.leave(old);
  old.state.store(TransferState::finished);  // published, not yet detached
  Request& fresh = bench.submit(Opcode::read);
  BOOST_TEST(is_started(fresh));
  {
    kaio::RecordLock lock(bench.record);
    kaio::order::detach(bench.record, old);
  }
  Request& next = bench.submit(Opcode::read);
  BOOST_TEST(is_held(next));  // the old one's end gave nobody a second turn
  bench.finish(fresh);
  BOOST_TEST((bench.started() == Requests{&next}));
}

BOOST_AUTO_TEST_CASE(a_new_era_abandons_what_was_held_and_forgets_whose_turn_it_was) {
  DescriptorBench bench(stream());
  Request& running = bench.submit(Opcode::read);
  Request& held = bench.submit(Opcode::read);
  Request& fence = bench.submit(Opcode::fsync);
  Request& fresh = bench.make(Opcode::read);
  std::vector<kaio::Transfer*> abandoned;
  {
    kaio::RecordLock lock(bench.record);
    const kaio::Occupancy::View before = kaio::order::enter(bench.record, fresh);
    BOOST_TEST(int(kaio::order::admit(bench.record, fresh, before, false)) ==
               int(Admission::needs_identity));
    for (auto* item = kaio::order::begin_fd_generation(bench.record, &fresh); item != nullptr;
         item = item->next)
      abandoned.push_back(item);
    BOOST_TEST(int(kaio::order::admit(bench.record, fresh, before, true)) == int(Admission::start));
  }
  BOOST_TEST(abandoned.size() == 2u);
  BOOST_TEST(std::ranges::count(abandoned, &held) == 1);
  BOOST_TEST(std::ranges::count(abandoned, &fence) == 1);
  BOOST_TEST(bench.held_count() == 0u);
  bench.know_traits();
  Request& next = bench.submit(Opcode::read);
  bench.finish(running);  // of the old generation: its end starts nobody
  BOOST_TEST(bench.started().empty());
  bench.finish(fresh);
  BOOST_TEST((bench.started() == Requests{&next}));
}

BOOST_AUTO_TEST_CASE(a_retry_is_held_only_while_somebody_is_left_to_end) {
  DescriptorBench bench(regular());
  Request& only = bench.submit(Opcode::read);
  BOOST_TEST(!bench.hold_for_retry(only));
  Request& other = bench.submit(Opcode::read);
  BOOST_TEST(bench.hold_for_retry(only));
  BOOST_TEST(!bench.hold_for_retry(other));  // all would wait for each other
  bench.finish(other);
  BOOST_TEST((bench.started() == Requests{&only}));
  BOOST_TEST(bench.held_count() == 0u);
}

BOOST_AUTO_TEST_CASE(who_comes_while_others_wait_for_room_waits_behind_them) {
  DescriptorBench bench(regular());
  Request& running = bench.submit(Opcode::read);
  Request& also_running = bench.submit(Opcode::read);
  Request& refused = bench.submit(Opcode::read);
  bench.know_traits();
  BOOST_TEST(bench.hold_for_retry(refused));
  Request& later = bench.make(Opcode::read);
  BOOST_TEST(!bench.enter_unlisted(later));
  BOOST_TEST(int(bench.admit(later)) == int(Admission::held_for_room));
  BOOST_TEST(is_started(bench.submit(Opcode::write)));  // the other direction has its own queue
  bench.finish(running);
  BOOST_TEST((bench.started() == Requests{&refused}));
  BOOST_TEST(bench.hold_for_retry(refused));  // in vain: still the first
  bench.finish(also_running);
  BOOST_TEST((bench.started() == Requests{&refused}));
  bench.finish(refused);
  BOOST_TEST((bench.started() == Requests{&later}));
}

BOOST_AUTO_TEST_CASE(a_completer_that_finds_the_mutex_taken_leaves_the_request_to_its_holder) {
  DescriptorBench bench(stream());
  Request& first = bench.submit(Opcode::read);
  Request& second = bench.submit(Opcode::read);
  {
    kaio::RecordLock lock(bench.record);
    bench.record.occupancy.leave(first);
    first.state.store(TransferState::finished);
    // By another thread: this one holds the mutex.
    bool detached = true;
    std::thread([&] { detached = kaio::order::detach_or_leave(bench.record, first); }).join();
    BOOST_TEST(!detached);
    BOOST_TEST(is_held(second));
  }
  const Requests started = bench.started();
  BOOST_TEST(started.size() == 2u);  // the first to be notified, the second to run
  BOOST_TEST(std::ranges::count(started, &first) == 1);
  BOOST_TEST(std::ranges::count(started, &second) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
