// SPDX-License-Identifier: MIT
// Requests that are only counted, beside those that are listed.
#include "unit/posix/order/descriptor_bench.h"

#include <boost/test/unit_test.hpp>

#include <vector>

using namespace unit;

BOOST_AUTO_TEST_SUITE(occupancy)

namespace {

using Requests = std::vector<Request*>;

}  // namespace

BOOST_AUTO_TEST_CASE(who_is_alone_and_who_needs_no_order_enter_unlisted) {
  DescriptorBench bench(regular());
  Request& alone = bench.make(Opcode::read);
  BOOST_TEST(bench.enter_unlisted(alone));
  BOOST_TEST(!bench.enter_unlisted(bench.make(Opcode::read)));  // what is it?
  Request& listed = bench.submit(Opcode::read);                 // now it is known
  BOOST_TEST(bench.enter_unlisted(bench.make(Opcode::read)));
  BOOST_TEST(bench.enter_unlisted(bench.make(Opcode::write)));
  BOOST_TEST(bench.record.occupancy.now().unlisted() == 3u);
  BOOST_TEST(bench.record.occupancy.now().listed() == 1u);
  bench.finish(listed);
  BOOST_TEST(bench.is_empty());
}

BOOST_AUTO_TEST_CASE(of_a_list_nobody_enters_unlisted_before_the_descriptor_is_known) {
  DescriptorBench bench(regular());
  Request& first = bench.make(Opcode::read);
  BOOST_TEST(!bench.enter_unlisted(first, true));
  bench.admit(first);
  bench.record.occupancy.know_reads_unordered(bench.record.occupancy.now().epoch());
  BOOST_TEST(!bench.enter_unlisted(bench.make(Opcode::read), true));
  bench.know_traits();
  BOOST_TEST(bench.enter_unlisted(bench.make(Opcode::read), true));
}

BOOST_AUTO_TEST_CASE(what_is_known_is_forgotten_with_the_last_request) {
  DescriptorBench bench(regular());
  Request& first = bench.submit(Opcode::read);
  bench.know_traits();
  Request& second = bench.make(Opcode::read);
  BOOST_TEST(bench.enter_unlisted(second));
  const auto asked = bench.record.occupancy.now();
  bench.finish(first);
  BOOST_TEST(bench.record.occupancy.now().is_known());
  bench.finish(second);
  BOOST_TEST(!bench.record.occupancy.now().is_known());
  Request& third = bench.make(Opcode::read);
  BOOST_TEST(bench.enter_unlisted(third));
  // Found out for those who were there before: too late.
  BOOST_TEST(!bench.record.occupancy.know(regular(), asked));
  BOOST_TEST(!bench.record.occupancy.now().is_known());
}

BOOST_AUTO_TEST_CASE(a_read_that_is_under_way_lets_others_enter_unlisted) {
  DescriptorBench bench(regular());
  Request& first = bench.make(Opcode::read);
  BOOST_TEST(bench.enter_unlisted(first));
  const std::uint16_t epoch = bench.record.occupancy.now().epoch();
  bench.record.occupancy.know_reads_unordered(epoch);
  Request& second = bench.make(Opcode::read);
  BOOST_TEST(bench.enter_unlisted(second));
  BOOST_TEST(!bench.enter_unlisted(bench.make(Opcode::write)));
  bench.finish(first);
  bench.finish(second);
  Request& third = bench.make(Opcode::read);
  BOOST_TEST(bench.enter_unlisted(third));
  bench.record.occupancy.know_reads_unordered(epoch);  // too late
  BOOST_TEST(!bench.enter_unlisted(bench.make(Opcode::read)));
}

BOOST_AUTO_TEST_CASE(a_read_that_seems_under_way_does_not_make_a_stream_unordered) {
  DescriptorBench bench(stream());
  Request& first = bench.make(Opcode::read);
  BOOST_TEST(bench.enter_unlisted(first));
  const std::uint16_t epoch = bench.record.occupancy.now().epoch();
  bench.know_traits();
  bench.record.occupancy.know_reads_unordered(epoch);
  BOOST_TEST(!bench.enter_unlisted(bench.make(Opcode::read)));
}

BOOST_AUTO_TEST_CASE(what_was_seen_hundreds_of_lives_ago_is_known_to_be_old) {
  DescriptorBench bench(regular());
  Request& first = bench.make(Opcode::read);
  BOOST_TEST(bench.enter_unlisted(first));
  const kaio::Occupancy::View asked = bench.record.occupancy.now();
  bench.finish(first);
  for (int life = 1; life < 10000; ++life) {
    Request& request = bench.make(Opcode::read);
    BOOST_REQUIRE(bench.enter_unlisted(request));
    bench.record.occupancy.know_reads_unordered(asked.epoch());
    BOOST_REQUIRE(!bench.record.occupancy.know(regular(), asked));
    BOOST_REQUIRE(!bench.enter_unlisted(bench.make(Opcode::read)));
    bench.finish(request);
  }
}

BOOST_AUTO_TEST_CASE(more_than_can_be_counted_are_listed) {
  DescriptorBench bench(regular());
  std::vector<Request*> entered;
  Request& first = bench.submit(Opcode::read);
  bench.know_traits();
  while (entered.size() < 10000) {
    Request& request = bench.make(Opcode::read);
    if (!bench.enter_unlisted(request)) break;
    entered.push_back(&request);
  }
  BOOST_TEST(entered.size() == kaio::OccupancyLayout::unlisted_mask);
  Request& more = bench.submit(Opcode::read);
  BOOST_TEST(bool{more.listed});
  bench.finish(first);
  bench.finish(more);
  for (Request* request : entered) bench.finish(*request);
  BOOST_TEST(bench.is_empty());
}

BOOST_AUTO_TEST_CASE(an_unlisted_request_holds_back_its_successors_in_a_stream) {
  DescriptorBench bench(stream());
  Request& first = bench.make(Opcode::read);
  BOOST_TEST(bench.enter_unlisted(first));
  Request& second = bench.submit(Opcode::read);
  BOOST_TEST(is_held(second));
  BOOST_TEST(!bench.enter_unlisted(bench.make(Opcode::read)));
  Request& third = bench.submit(Opcode::read);
  BOOST_TEST(is_held(third));
  bench.enlist(first);  // it did not end at once
  bench.finish(first);
  BOOST_TEST((bench.started() == Requests{&second}));
}

BOOST_AUTO_TEST_CASE(who_enters_between_the_end_of_one_and_its_detaching_waits_behind_the_held) {
  DescriptorBench bench(stream());
  Request& first = bench.submit(Opcode::read);
  Request& second = bench.submit(Opcode::read);
  bench.record.occupancy.leave(first);  // nobody has the turn
  Request& third = bench.submit(Opcode::read);
  BOOST_TEST(is_held(third));
  {
    kaio::RecordLock lock(bench.record);
    kaio::order::detach(bench.record, first);
  }
  BOOST_TEST((bench.started() == Requests{&second}));
}

BOOST_AUTO_TEST_CASE(who_finds_somebody_that_leaves_at_once_has_the_number_compared_all_the_same) {
  DescriptorBench bench(stream());
  Request& old = bench.submit(Opcode::read);
  bench.know_traits();
  Request& fresh = bench.make(Opcode::read);
  kaio::RecordLock lock(bench.record);
  const kaio::Occupancy::View before = kaio::order::enter(bench.record, fresh);
  bench.record.occupancy.leave(old);  // what is known was found out for this one
  BOOST_TEST(int(kaio::order::admit(bench.record, fresh, before, false)) ==
             int(Admission::needs_identity));
  BOOST_TEST(int(kaio::order::admit(bench.record, fresh, before, true)) == int(Admission::start));
}

BOOST_AUTO_TEST_CASE(a_fence_waits_for_unlisted_requests_and_makes_the_next_ones_listed) {
  DescriptorBench bench(regular());
  Request& before = bench.make(Opcode::write);
  BOOST_TEST(bench.enter_unlisted(before));
  Request& fence = bench.submit(Opcode::fsync);
  BOOST_TEST(is_held(fence));
  Request& behind = bench.make(Opcode::write);
  BOOST_TEST(!bench.enter_unlisted(behind));
  bench.admit(behind);
  BOOST_TEST(is_started(behind));
  BOOST_TEST(bench.record.occupancy.leave(before));
  {
    kaio::RecordLock lock(bench.record);
    kaio::order::detach(bench.record, before);
  }
  BOOST_TEST((bench.started() == Requests{&fence}));
  BOOST_TEST(bench.enter_unlisted(bench.make(Opcode::write)));
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_refuses_nowait_or_needs_a_closer_look_lists_everybody) {
  kaio::DescriptorTraits traits = regular();
  traits.refuses_nowait_writes = true;
  DescriptorBench bench(traits);
  Request& first = bench.submit(Opcode::read);
  bench.know_traits();
  BOOST_TEST(!bench.enter_unlisted(bench.make(Opcode::write)));
  BOOST_TEST(bench.enter_unlisted(bench.make(Opcode::read)));
  bench.record.occupancy.guess_careful(true, true);
  BOOST_TEST(!bench.enter_unlisted(bench.make(Opcode::read)));
  bench.finish(first);
  bench.record.occupancy.guess_careful(true, false);
  BOOST_TEST(bench.enter_unlisted(bench.make(Opcode::read)));
}

BOOST_AUTO_TEST_CASE(an_epoch_that_goes_round_leaves_all_else_as_it_is) {
  DescriptorBench bench(regular());
  kaio::Occupancy& occupancy = bench.record.occupancy;
  Request& request = bench.make(Opcode::read);
  Request& other = bench.make(Opcode::write);
  occupancy.begin_fd_generation();
  occupancy.guess_careful(false, true);
  const auto before = occupancy.now();
  int lives = 0;
  do {
    BOOST_REQUIRE(!occupancy.enter_to_read(request, kaio::Attempt::nowait).is_none());
    if (lives % 2 != 0) {
      BOOST_REQUIRE(occupancy.know(regular(), occupancy.now()));
      occupancy.raise_awaited();
    }
    BOOST_REQUIRE(!(lives % 4 < 2 ? occupancy.leave(request) : occupancy.leave_unlisted(request)));
    ++lives;
    BOOST_REQUIRE(occupancy.now().empty());
    BOOST_REQUIRE(!occupancy.now().is_known());
    BOOST_REQUIRE(!occupancy.now().has_turn(true));
    BOOST_REQUIRE(occupancy.now().fd_generation() == before.fd_generation());
    BOOST_REQUIRE(!bench.enter_unlisted(other));  // as it was guessed
  } while (occupancy.now().epoch() != before.epoch());
  BOOST_TEST(lives == 1 << 14);
}

BOOST_AUTO_TEST_CASE(a_read_of_its_first_attempt_enters_as_others_do_unless_reads_are_cached) {
  DescriptorBench bench(regular());
  kaio::Occupancy& occupancy = bench.record.occupancy;
  Request& first = bench.make(Opcode::read);
  first.listed = first.tried = first.pushed = true;
  BOOST_TEST(!occupancy.enter_to_read(first, kaio::Attempt::nowait).is_none());
  BOOST_TEST((first.has_turn && !first.listed && !first.tried && !first.pushed));
  BOOST_TEST((first.attempt == kaio::Attempt::nowait));
  Request& second = bench.make(Opcode::read);
  BOOST_TEST(occupancy.enter_to_read(second, kaio::Attempt::nowait).is_none());
  bench.know_traits();
  BOOST_TEST(!occupancy.enter_to_read(second, kaio::Attempt::nowait).is_none());
  BOOST_TEST(!second.has_turn);
  occupancy.guess_cached_reads(true);
  BOOST_TEST(occupancy.enter_to_read(bench.make(Opcode::read), kaio::Attempt::nowait).is_none());
  BOOST_TEST(!occupancy.leave_unlisted(first));
  occupancy.raise_awaited();
  BOOST_TEST(!occupancy.leave_unlisted(second));  // nobody is left for whom it was raised
  BOOST_TEST(occupancy.now().reads_are_cached());
}

BOOST_AUTO_TEST_CASE(a_write_enters_as_others_do_and_only_where_what_it_needs_is_known) {
  using kaio::DescriptorKind;
  for (const DescriptorKind kind : {DescriptorKind::regular, DescriptorKind::block}) {
    const bool is_device = kind == DescriptorKind::block;
    DescriptorBench bench(kaio::DescriptorTraits{.kind = kind});
    kaio::Occupancy& occupancy = bench.record.occupancy;
    Request& first = bench.make(Opcode::write);
    const auto enters = [&](bool unlimited) {
      Request& request = bench.make(Opcode::write);
      const auto now = occupancy.enter_to_write(request, kaio::Attempt::nowait, unlimited);
      if (!now.is_none()) occupancy.leave_unlisted(request);
      if (!unlimited) BOOST_TEST(occupancy.now().lets_in(false) != now.is_none());
      return !now.is_none();
    };
    BOOST_TEST(!enters(true));
    first.listed = first.tried = first.pushed = true;
    BOOST_TEST(!occupancy.enter_to_write(first, kaio::Attempt::nowait, false).is_none());
    BOOST_TEST((first.has_turn && !first.listed && !first.tried && !first.pushed));
    BOOST_TEST((first.attempt == kaio::Attempt::nowait));
    BOOST_TEST(!enters(false));  // that has the turn
    bench.know_traits();
    BOOST_TEST(occupancy.now().writes_are_unlimited() == is_device);
    BOOST_TEST(enters(false));
    BOOST_TEST(enters(true) == is_device);
    occupancy.guess_careful(false, true);
    BOOST_TEST(!enters(false));
    occupancy.guess_careful(false, false);
    BOOST_TEST(!occupancy.leave_unlisted(first));
    BOOST_TEST(!occupancy.now().writes_are_unlimited());
    // Nor is another file's number.
    Request& third = bench.make(Opcode::write);
    BOOST_TEST(!occupancy.enter_to_write(third, kaio::Attempt::nowait, false).is_none());
    bench.know_traits();
    occupancy.begin_fd_generation();
    BOOST_TEST(!occupancy.now().writes_are_unlimited());
    occupancy.leave_unlisted(third);
  }
}

BOOST_AUTO_TEST_SUITE_END()
