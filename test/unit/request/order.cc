// SPDX-License-Identifier: MIT
#include "unit/request/desk.h"

#include <boost/test/unit_test.hpp>

#include <linux/fs.h>
#include <thread>
#include <vector>

using namespace unit;

namespace {

using Requests = std::vector<Request*>;

}  // namespace

BOOST_AUTO_TEST_SUITE(order)

BOOST_AUTO_TEST_CASE(the_first_request_starts_without_traits_being_asked_for) {
  Desk desk(stream());
  Request& read = desk.make(Opcode::read);
  BOOST_TEST(int(desk.admit(read)) == int(Admission::start));
  BOOST_TEST(is_started(read));
  kaio::RecordLock lock(desk.record);
  BOOST_TEST(!desk.record.traits.known());
}

BOOST_AUTO_TEST_CASE(reads_of_a_stream_take_turns_in_call_order) {
  Desk desk(stream());
  Request& first = desk.submit(Opcode::read);
  Request& second = desk.submit(Opcode::read);
  Request& third = desk.submit(Opcode::read);
  BOOST_TEST(is_held(second));
  BOOST_TEST(is_held(third));
  desk.finish(first);
  BOOST_TEST((desk.started() == Requests{&second}));
  desk.finish(second);
  BOOST_TEST((desk.started() == Requests{&third}));
  desk.finish(third);
  BOOST_TEST(desk.is_empty());
}

BOOST_AUTO_TEST_CASE(reads_and_writes_of_a_stream_do_not_wait_for_each_other) {
  Desk desk(stream());
  desk.submit(Opcode::read);
  BOOST_TEST(is_started(desk.submit(Opcode::write)));
  BOOST_TEST(is_held(desk.submit(Opcode::write)));
  BOOST_TEST(is_held(desk.submit(Opcode::read)));
}

BOOST_AUTO_TEST_CASE(transfers_of_a_file_all_run_at_once) {
  Desk desk(regular());
  for (int i = 0; i < 10; ++i)
    BOOST_TEST(is_started(desk.submit(i % 2 == 0 ? Opcode::read : Opcode::write)));
  BOOST_TEST(desk.held_count() == 0u);
}

BOOST_AUTO_TEST_CASE(appending_writes_take_turns_and_reads_of_the_file_do_not) {
  Desk desk(appending());
  Request& first = desk.submit(Opcode::write);
  Request& second = desk.submit(Opcode::write);
  BOOST_TEST(is_held(second));
  desk.submit(Opcode::read);
  BOOST_TEST(is_started(desk.submit(Opcode::read)));
  desk.finish(first);
  BOOST_TEST((desk.started() == Requests{&second}));
}

BOOST_AUTO_TEST_CASE(a_fence_starts_when_all_before_it_are_done_and_holds_nobody_back) {
  Desk desk(regular());
  Request& before = desk.submit(Opcode::write);
  Request& also_before = desk.submit(Opcode::read);
  Request& fence = desk.submit(Opcode::fsync);
  Request& behind = desk.submit(Opcode::write);
  BOOST_TEST(is_held(fence));
  BOOST_TEST(is_started(behind));
  desk.finish(also_before);
  BOOST_TEST(desk.started().empty());
  desk.finish(before);
  BOOST_TEST((desk.started() == Requests{&fence}));
}

BOOST_AUTO_TEST_CASE(a_fence_alone_starts_at_once_and_a_second_one_waits_for_it) {
  Desk desk(regular());
  Request& fence = desk.submit(Opcode::fdatasync);
  BOOST_TEST(is_started(fence));
  Request& second = desk.submit(Opcode::fsync);
  BOOST_TEST(is_held(second));
  desk.finish(fence);
  BOOST_TEST((desk.started() == Requests{&second}));
}

BOOST_AUTO_TEST_CASE(a_fence_behind_held_stream_requests_waits_for_them_too) {
  Desk desk(stream());
  Request& running = desk.submit(Opcode::write);
  Request& held = desk.submit(Opcode::write);
  Request& fence = desk.submit(Opcode::fsync);
  desk.finish(running);
  BOOST_TEST((desk.started() == Requests{&held}));
  desk.finish(held);
  BOOST_TEST((desk.started() == Requests{&fence}));
}

BOOST_AUTO_TEST_CASE(the_successor_of_a_cancelled_request_keeps_its_place) {
  Desk desk(stream());
  Request& first = desk.submit(Opcode::read);
  Request& second = desk.submit(Opcode::read);
  Request& third = desk.submit(Opcode::read);
  desk.cancel(second);
  BOOST_TEST(desk.started().empty());
  desk.finish(first);
  BOOST_TEST((desk.started() == Requests{&third}));
}

BOOST_AUTO_TEST_CASE(cancelling_the_last_one_before_a_fence_lets_the_fence_go) {
  Desk desk(stream());
  Request& first = desk.submit(Opcode::read);
  Request& second = desk.submit(Opcode::read);
  Request& fence = desk.submit(Opcode::fsync);
  desk.finish(first);
  BOOST_TEST((desk.started() == Requests{&second}));
  BOOST_TEST(is_held(fence));
  desk.finish(second);
  BOOST_TEST((desk.started() == Requests{&fence}));
}

BOOST_AUTO_TEST_CASE(what_lingers_after_its_end_does_not_hold_back_the_next_one) {
  Desk desk(stream());
  Request& old = desk.submit(Opcode::read);
  desk.record.occupancy.leave(old);
  old.state.store(RequestState::finished);  // published, not yet detached
  Request& fresh = desk.submit(Opcode::read);
  BOOST_TEST(is_started(fresh));
  {
    kaio::RecordLock lock(desk.record);
    kaio::order::detach(desk.record, old);
  }
  Request& next = desk.submit(Opcode::read);
  BOOST_TEST(is_held(next));  // the old one's end gave nobody a second turn
  desk.finish(fresh);
  BOOST_TEST((desk.started() == Requests{&next}));
}

BOOST_AUTO_TEST_CASE(a_new_era_abandons_what_was_held_and_forgets_whose_turn_it_was) {
  Desk desk(stream());
  Request& running = desk.submit(Opcode::read);
  Request& held = desk.submit(Opcode::read);
  Request& fence = desk.submit(Opcode::fsync);
  Request& fresh = desk.make(Opcode::read);
  std::vector<kaio::Notifiable*> abandoned;
  {
    kaio::RecordLock lock(desk.record);
    const kaio::Occupancy::View before = kaio::order::enter(desk.record, fresh);
    BOOST_TEST(int(kaio::order::admit(desk.record, fresh, before, false)) ==
               int(Admission::needs_identity));
    for (auto* item = kaio::order::begin_era(desk.record, fresh); item != nullptr;
         item = item->next)
      abandoned.push_back(item);
    BOOST_TEST(int(kaio::order::admit(desk.record, fresh, before, true)) == int(Admission::start));
  }
  BOOST_TEST(abandoned.size() == 2u);
  BOOST_TEST(std::ranges::count(abandoned, &held) == 1);
  BOOST_TEST(std::ranges::count(abandoned, &fence) == 1);
  BOOST_TEST(desk.held_count() == 0u);
  desk.know_traits();
  Request& next = desk.submit(Opcode::read);
  desk.finish(running);  // of the old era: its end starts nobody
  BOOST_TEST(desk.started().empty());
  desk.finish(fresh);
  BOOST_TEST((desk.started() == Requests{&next}));
}

BOOST_AUTO_TEST_CASE(a_retry_is_held_only_while_somebody_is_left_to_end) {
  Desk desk(regular());
  Request& only = desk.submit(Opcode::read);
  BOOST_TEST(!desk.hold_for_retry(only));
  Request& other = desk.submit(Opcode::read);
  BOOST_TEST(desk.hold_for_retry(only));
  BOOST_TEST(!desk.hold_for_retry(other));  // all would wait for each other
  desk.finish(other);
  BOOST_TEST((desk.started() == Requests{&only}));
  BOOST_TEST(desk.held_count() == 0u);
}

BOOST_AUTO_TEST_CASE(who_comes_while_others_wait_for_room_waits_behind_them) {
  Desk desk(regular());
  Request& running = desk.submit(Opcode::read);
  Request& also_running = desk.submit(Opcode::read);
  Request& refused = desk.submit(Opcode::read);
  desk.know_traits();
  BOOST_TEST(desk.hold_for_retry(refused));
  Request& later = desk.make(Opcode::read);
  BOOST_TEST(!desk.enter_unlisted(later));
  BOOST_TEST(int(desk.admit(later)) == int(Admission::held_for_room));
  BOOST_TEST(is_started(desk.submit(Opcode::write)));  // the other direction has its own queue
  desk.finish(running);
  BOOST_TEST((desk.started() == Requests{&refused}));
  BOOST_TEST(desk.hold_for_retry(refused));  // in vain: still the first
  desk.finish(also_running);
  BOOST_TEST((desk.started() == Requests{&refused}));
  desk.finish(refused);
  BOOST_TEST((desk.started() == Requests{&later}));
}

BOOST_AUTO_TEST_CASE(a_completer_that_finds_the_mutex_taken_leaves_the_request_to_its_holder) {
  Desk desk(stream());
  Request& first = desk.submit(Opcode::read);
  Request& second = desk.submit(Opcode::read);
  {
    kaio::RecordLock lock(desk.record);
    desk.record.occupancy.leave(first);
    first.state.store(RequestState::finished);
    // By another thread: this one holds the mutex.
    bool detached = true;
    std::thread([&] { detached = kaio::order::detach_or_leave(desk.record, first); }).join();
    BOOST_TEST(!detached);
    BOOST_TEST(is_held(second));
  }
  const Requests started = desk.started();
  BOOST_TEST(started.size() == 2u);  // the first to be notified, the second to run
  BOOST_TEST(std::ranges::count(started, &first) == 1);
  BOOST_TEST(std::ranges::count(started, &second) == 1);
}

BOOST_AUTO_TEST_CASE(who_is_alone_and_who_needs_no_order_enter_unlisted) {
  Desk desk(regular());
  Request& alone = desk.make(Opcode::read);
  BOOST_TEST(desk.enter_unlisted(alone));
  BOOST_TEST(!desk.enter_unlisted(desk.make(Opcode::read)));  // what is it?
  Request& listed = desk.submit(Opcode::read);                // now it is known
  BOOST_TEST(desk.enter_unlisted(desk.make(Opcode::read)));
  BOOST_TEST(desk.enter_unlisted(desk.make(Opcode::write)));
  BOOST_TEST(desk.record.occupancy.now().unlisted() == 3u);
  BOOST_TEST(desk.record.occupancy.now().listed() == 1u);
  desk.finish(listed);
  BOOST_TEST(desk.is_empty());
}

BOOST_AUTO_TEST_CASE(of_a_list_nobody_enters_unlisted_before_the_descriptor_is_known) {
  Desk desk(regular());
  Request& first = desk.make(Opcode::read);
  BOOST_TEST(!desk.enter_unlisted(first, true));
  desk.admit(first);
  desk.record.occupancy.know_reads_unordered(desk.record.occupancy.now().lives());
  BOOST_TEST(!desk.enter_unlisted(desk.make(Opcode::read), true));
  desk.know_traits();
  BOOST_TEST(desk.enter_unlisted(desk.make(Opcode::read), true));
}

BOOST_AUTO_TEST_CASE(what_is_known_is_forgotten_with_the_last_request) {
  Desk desk(regular());
  Request& first = desk.submit(Opcode::read);
  desk.know_traits();
  Request& second = desk.make(Opcode::read);
  BOOST_TEST(desk.enter_unlisted(second));
  const auto asked = desk.record.occupancy.now();
  desk.finish(first);
  BOOST_TEST(desk.record.occupancy.now().is_known());
  desk.finish(second);
  BOOST_TEST(!desk.record.occupancy.now().is_known());
  Request& third = desk.make(Opcode::read);
  BOOST_TEST(desk.enter_unlisted(third));
  // Found out for those who were there before: too late.
  BOOST_TEST(!desk.record.occupancy.know(regular(), asked));
  BOOST_TEST(!desk.record.occupancy.now().is_known());
}

BOOST_AUTO_TEST_CASE(a_read_that_is_under_way_lets_others_enter_unlisted) {
  Desk desk(regular());
  Request& first = desk.make(Opcode::read);
  BOOST_TEST(desk.enter_unlisted(first));
  const std::uint16_t lives = desk.record.occupancy.now().lives();
  desk.record.occupancy.know_reads_unordered(lives);
  Request& second = desk.make(Opcode::read);
  BOOST_TEST(desk.enter_unlisted(second));
  BOOST_TEST(!desk.enter_unlisted(desk.make(Opcode::write)));
  desk.finish(first);
  desk.finish(second);
  Request& third = desk.make(Opcode::read);
  BOOST_TEST(desk.enter_unlisted(third));
  desk.record.occupancy.know_reads_unordered(lives);  // too late
  BOOST_TEST(!desk.enter_unlisted(desk.make(Opcode::read)));
}

BOOST_AUTO_TEST_CASE(a_read_that_seems_under_way_does_not_make_a_stream_unordered) {
  Desk desk(stream());
  Request& first = desk.make(Opcode::read);
  BOOST_TEST(desk.enter_unlisted(first));
  const std::uint16_t lives = desk.record.occupancy.now().lives();
  desk.know_traits();
  desk.record.occupancy.know_reads_unordered(lives);
  BOOST_TEST(!desk.enter_unlisted(desk.make(Opcode::read)));
}

BOOST_AUTO_TEST_CASE(what_was_seen_hundreds_of_lives_ago_is_known_to_be_old) {
  Desk desk(regular());
  Request& first = desk.make(Opcode::read);
  BOOST_TEST(desk.enter_unlisted(first));
  const kaio::Occupancy::View asked = desk.record.occupancy.now();
  desk.finish(first);
  for (int life = 1; life < 10000; ++life) {
    Request& request = desk.make(Opcode::read);
    BOOST_REQUIRE(desk.enter_unlisted(request));
    desk.record.occupancy.know_reads_unordered(asked.lives());
    BOOST_REQUIRE(!desk.record.occupancy.know(regular(), asked));
    BOOST_REQUIRE(!desk.enter_unlisted(desk.make(Opcode::read)));
    desk.finish(request);
  }
}

BOOST_AUTO_TEST_CASE(more_than_can_be_counted_are_listed) {
  Desk desk(regular());
  std::vector<Request*> entered;
  Request& first = desk.submit(Opcode::read);
  desk.know_traits();
  while (entered.size() < 10000) {
    Request& request = desk.make(Opcode::read);
    if (!desk.enter_unlisted(request)) break;
    entered.push_back(&request);
  }
  BOOST_TEST(entered.size() == kaio::OccupancyLayout::unlisted_mask);
  Request& more = desk.submit(Opcode::read);
  BOOST_TEST(bool{more.listed});
  desk.finish(first);
  desk.finish(more);
  for (Request* request : entered) desk.finish(*request);
  BOOST_TEST(desk.is_empty());
}

BOOST_AUTO_TEST_CASE(an_unlisted_request_holds_back_its_successors_in_a_stream) {
  Desk desk(stream());
  Request& first = desk.make(Opcode::read);
  BOOST_TEST(desk.enter_unlisted(first));
  Request& second = desk.submit(Opcode::read);
  BOOST_TEST(is_held(second));
  BOOST_TEST(!desk.enter_unlisted(desk.make(Opcode::read)));
  Request& third = desk.submit(Opcode::read);
  BOOST_TEST(is_held(third));
  desk.enlist(first);  // it did not end at once
  desk.finish(first);
  BOOST_TEST((desk.started() == Requests{&second}));
}

BOOST_AUTO_TEST_CASE(who_enters_between_the_end_of_one_and_its_detaching_waits_behind_the_held) {
  Desk desk(stream());
  Request& first = desk.submit(Opcode::read);
  Request& second = desk.submit(Opcode::read);
  desk.record.occupancy.leave(first);  // nobody has the turn
  Request& third = desk.submit(Opcode::read);
  BOOST_TEST(is_held(third));
  {
    kaio::RecordLock lock(desk.record);
    kaio::order::detach(desk.record, first);
  }
  BOOST_TEST((desk.started() == Requests{&second}));
}

BOOST_AUTO_TEST_CASE(who_finds_somebody_that_leaves_at_once_has_the_number_compared_all_the_same) {
  Desk desk(stream());
  Request& old = desk.submit(Opcode::read);
  desk.know_traits();
  Request& fresh = desk.make(Opcode::read);
  kaio::RecordLock lock(desk.record);
  const kaio::Occupancy::View before = kaio::order::enter(desk.record, fresh);
  desk.record.occupancy.leave(old);  // what is known was found out for this one
  BOOST_TEST(int(kaio::order::admit(desk.record, fresh, before, false)) ==
             int(Admission::needs_identity));
  BOOST_TEST(int(kaio::order::admit(desk.record, fresh, before, true)) == int(Admission::start));
}

BOOST_AUTO_TEST_CASE(a_fence_waits_for_unlisted_requests_and_makes_the_next_ones_listed) {
  Desk desk(regular());
  Request& before = desk.make(Opcode::write);
  BOOST_TEST(desk.enter_unlisted(before));
  Request& fence = desk.submit(Opcode::fsync);
  BOOST_TEST(is_held(fence));
  Request& behind = desk.make(Opcode::write);
  BOOST_TEST(!desk.enter_unlisted(behind));
  desk.admit(behind);
  BOOST_TEST(is_started(behind));
  BOOST_TEST(desk.record.occupancy.leave(before));
  {
    kaio::RecordLock lock(desk.record);
    kaio::order::detach(desk.record, before);
  }
  BOOST_TEST((desk.started() == Requests{&fence}));
  BOOST_TEST(desk.enter_unlisted(desk.make(Opcode::write)));
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_refuses_nowait_or_needs_a_closer_look_lists_everybody) {
  kaio::DescriptorTraits traits = regular();
  traits.refuses_nowait_writes = true;
  Desk desk(traits);
  Request& first = desk.submit(Opcode::read);
  desk.know_traits();
  BOOST_TEST(!desk.enter_unlisted(desk.make(Opcode::write)));
  BOOST_TEST(desk.enter_unlisted(desk.make(Opcode::read)));
  desk.record.occupancy.guess_careful(true, true);
  BOOST_TEST(!desk.enter_unlisted(desk.make(Opcode::read)));
  desk.finish(first);
  desk.record.occupancy.guess_careful(true, false);
  BOOST_TEST(desk.enter_unlisted(desk.make(Opcode::read)));
}

BOOST_AUTO_TEST_SUITE_END()
