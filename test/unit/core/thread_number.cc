// SPDX-License-Identifier: MIT
#include "core/thread_number.h"
#include "support/child.h"
#include "support/precondition.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <barrier>
#include <set>
#include <thread>
#include <unistd.h>
#include <vector>

using kaio::ThreadNumber;

BOOST_AUTO_TEST_SUITE(thread_numbers)

namespace {

std::uint32_t number_of_this_thread() {
  if (!ThreadNumber::is_asked_for()) ThreadNumber::ask();
  return ThreadNumber::mine();
}

std::uint32_t number_of_a_new_thread() {
  std::uint32_t number = 0;
  std::thread([&] { number = number_of_this_thread(); }).join();
  return number;
}

// Of so many threads that live at the same time.
std::vector<std::uint32_t> numbers_of_threads(std::size_t thread_count) {
  std::vector<std::uint32_t> numbers(thread_count);
  std::barrier all_have_asked{static_cast<std::ptrdiff_t>(thread_count)};
  std::vector<std::thread> threads;
  for (std::uint32_t& number : numbers)
    threads.emplace_back([&] {
      number = number_of_this_thread();
      all_have_asked.arrive_and_wait();
    });
  for (std::thread& thread : threads) thread.join();
  return numbers;
}

std::size_t count_of_numbered(const std::vector<std::uint32_t>& numbers) {
  std::set<std::uint32_t> different;
  for (const std::uint32_t number : numbers)
    if (number < ThreadNumber::count) different.insert(number);
  return different.size();
}

std::size_t count_of_unnumbered(const std::vector<std::uint32_t>& numbers) {
  return static_cast<std::size_t>(std::count_if(
      numbers.begin(), numbers.end(), [](auto number) { return number >= ThreadNumber::count; }));
}

}  // namespace

// Each in a process of its own: the numbers are the process's.

BOOST_AUTO_TEST_CASE(without_giving_back_only_the_first_threads_have_one) {
  BOOST_TEST(support::run_in_child([] {
               for (std::uint32_t i = 0; i < ThreadNumber::count; ++i) number_of_a_new_thread();
               return number_of_a_new_thread() >= ThreadNumber::count ? 0 : 1;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(a_thread_that_ends_gives_its_number_to_another_one) {
  BOOST_TEST(support::run_in_child([] {
               ThreadNumber::forget_others();
               ThreadNumber::give_back_at_the_end();
               const std::uint32_t first = number_of_a_new_thread();
               if (first >= ThreadNumber::count) return 1;
               for (std::uint32_t i = 0; i < 1000; ++i)
                 if (number_of_a_new_thread() != first) return 2;
               return 0;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(no_two_threads_that_live_have_the_same_number) {
  BOOST_TEST(support::run_in_child([] {
               ThreadNumber::give_back_at_the_end();
               const std::uint32_t others = number_of_this_thread() < ThreadNumber::count ? 1 : 0;
               for (int round = 0; round < 20; ++round) {
                 const auto numbers = numbers_of_threads(100);
                 if (count_of_numbered(numbers) != ThreadNumber::count - others) return 1;
                 if (count_of_unnumbered(numbers) != 100 - ThreadNumber::count + others) return 2;
               }
               return number_of_this_thread() < ThreadNumber::count ? 0 : 3;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(a_child_has_the_numbers_of_the_threads_that_are_not_there,
                     *support::without_sanitizer()) {
  BOOST_TEST(support::run_in_child([] {
               ThreadNumber::give_back_at_the_end();
               const std::uint32_t ours = number_of_this_thread();
               int code = -1;
               std::barrier asked{9}, forked{9};
               std::vector<std::thread> threads;
               for (int i = 0; i < 8; ++i)
                 threads.emplace_back([&] {
                   number_of_this_thread();
                   asked.arrive_and_wait();
                   forked.arrive_and_wait();
                 });
               asked.arrive_and_wait();
               code = support::run_in_child([&] {
                 ThreadNumber::forget_others();
                 if (ThreadNumber::mine() != ours) return 1;
                 const auto numbers = numbers_of_threads(ThreadNumber::count);
                 return count_of_numbered(numbers) == ThreadNumber::count - 1 ? 0 : 2;
               });
               forked.arrive_and_wait();
               for (std::thread& thread : threads) thread.join();
               return code;
             }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
