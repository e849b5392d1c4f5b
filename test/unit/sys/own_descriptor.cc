// SPDX-License-Identifier: MIT
#include "sys/descriptors.h"
#include "sys/doorbell.h"
#include "sys/own_descriptor.h"

#include <boost/test/unit_test.hpp>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <thread>

using kaio::sys::Doorbell;
using kaio::sys::OwnDescriptor;

BOOST_AUTO_TEST_SUITE(own_descriptors)

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

}  // namespace

BOOST_AUTO_TEST_CASE(a_descriptor_that_was_just_made_is_known) {
  OwnDescriptor bell;
  OwnDescriptor poll;
  BOOST_REQUIRE(bell.adopt(::eventfd(0, EFD_CLOEXEC)));
  BOOST_REQUIRE(poll.adopt(::epoll_create1(EPOLL_CLOEXEC)));
  BOOST_TEST(bell.number() >= 0);
  BOOST_TEST(poll.number() >= 0);
  BOOST_TEST(bell.number() != poll.number());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_made_is_not_adopted) {
  OwnDescriptor descriptor;
  BOOST_TEST(!descriptor.adopt(-1));
  BOOST_TEST(descriptor.number() == -1);
}

BOOST_AUTO_TEST_CASE(a_number_that_was_closed_is_known_no_more) {
  OwnDescriptor descriptor;
  BOOST_REQUIRE(descriptor.adopt(::eventfd(0, EFD_CLOEXEC)));
  ::close(descriptor.number());
  BOOST_TEST(descriptor.number() == -1);
}

BOOST_AUTO_TEST_CASE(an_answer_is_good_for_some_microseconds_or_until_it_is_doubted) {
  OwnDescriptor descriptor;
  BOOST_REQUIRE(descriptor.adopt(::eventfd(0, EFD_CLOEXEC)));
  const int number = descriptor.number_lately();
  BOOST_REQUIRE(number >= 0);
  ::close(number);
  ::usleep(100);
  BOOST_TEST(descriptor.number_lately() == -1);
  BOOST_REQUIRE(descriptor.adopt(::eventfd(0, EFD_CLOEXEC)));
  ::close(descriptor.number_lately());
  descriptor.doubt();
  BOOST_TEST(descriptor.number_lately() == -1);
}

// Of the same kind, so that nothing but the mark tells.
BOOST_AUTO_TEST_CASE(a_number_that_has_become_the_programs_eventfd_is_neither_used_nor_closed) {
  int number = -1;
  const int others = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  {
    Doorbell bell;
    BOOST_REQUIRE(bell.ensure());
    number = bell.number();
    BOOST_REQUIRE(::dup2(others, number) == number);
    BOOST_TEST(!bell.signal());
    BOOST_TEST((bell.wait(kaio::sys::forever) == Doorbell::Woken::gone));
    BOOST_TEST(bell.number() == -1);
  }
  BOOST_TEST(is_open(number));
  std::uint64_t count = 0;
  BOOST_TEST(::read(others, &count, sizeof count) == -1);
  ::close(number);
  ::close(others);
}

// After the program has closed everything, the next one that kaio makes gets the number.
BOOST_AUTO_TEST_CASE(a_number_that_has_become_another_of_kaios_belongs_to_that_one) {
  OwnDescriptor first;
  OwnDescriptor second;
  BOOST_REQUIRE(first.adopt(::eventfd(0, EFD_CLOEXEC)));
  const int number = first.number();
  ::close(number);
  BOOST_REQUIRE(second.adopt(::eventfd(0, EFD_CLOEXEC)));
  BOOST_REQUIRE(second.number() == number);
  BOOST_TEST(first.number() == -1);
  first.close();
  BOOST_TEST(second.number() == number);
}

BOOST_AUTO_TEST_CASE(one_that_is_still_ours_is_closed_with_its_owner) {
  int number = -1;
  {
    OwnDescriptor descriptor;
    BOOST_REQUIRE(descriptor.adopt(::eventfd(0, EFD_CLOEXEC)));
    number = descriptor.number();
    BOOST_TEST(is_open(number));
  }
  BOOST_TEST(!is_open(number));
}

BOOST_AUTO_TEST_CASE(a_doorbell_wakes_its_sleeper_once_and_times_out_when_nobody_rings) {
  Doorbell bell;
  BOOST_REQUIRE(bell.ensure());
  BOOST_TEST((bell.wait(kaio::sys::monotonic_ns() + 1'000'000) == Doorbell::Woken::timed_out));
  std::thread ringer([&] { bell.signal(); });
  BOOST_TEST((bell.wait(kaio::sys::forever) == Doorbell::Woken::signalled));
  ringer.join();
  BOOST_TEST((bell.wait(kaio::sys::over) == Doorbell::Woken::timed_out));
}

BOOST_AUTO_TEST_SUITE_END()
