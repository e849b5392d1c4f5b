// SPDX-License-Identifier: MIT
#include "core/thread_number.h"
#include "support/child.h"
#include "support/precondition.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <functional>
#include <iterator>
#include <numeric>
#include <pthread.h>
#include <set>
#include <thread>
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

// In a process of its own, as the numbers are the process's, and with those of this one free.
int in_a_process(const std::function<int()>& body) {
  return support::run_in_child([&] {
    ThreadNumber::forget_parents();
    ThreadNumber::give_back_at_the_end();
    return body();
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(without_giving_back_only_the_first_threads_have_one) {
  BOOST_TEST(support::run_in_child([] {
               ThreadNumber::forget_parents();
               if (number_of_a_new_thread() >= ThreadNumber::count) return 1;
               for (std::uint32_t i = 0; i < ThreadNumber::count; ++i) number_of_a_new_thread();
               return number_of_a_new_thread() >= ThreadNumber::count ? 0 : 2;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(a_thread_that_ends_gives_its_number_to_another_one) {
  BOOST_TEST(in_a_process([] {
               const std::uint32_t first = number_of_a_new_thread();
               if (first >= ThreadNumber::count) return 1;
               for (std::uint32_t i = 0; i < 1000; ++i)
                 if (number_of_a_new_thread() != first) return 2;
               return 0;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(no_two_threads_that_live_have_the_same_number) {
  BOOST_TEST(in_a_process([] {
               const std::uint32_t ours = number_of_this_thread();
               if (ours >= ThreadNumber::count) return 1;
               for (int round = 0; round < 20; ++round) {
                 auto numbers = numbers_of_threads(100);
                 if (count_of_unnumbered(numbers) != 100 - (ThreadNumber::count - 1)) return 2;
                 numbers.push_back(ours);
                 if (count_of_numbered(numbers) != ThreadNumber::count) return 3;
               }
               return number_of_this_thread() == ours ? 0 : 4;
             }) == 0);
}

// It is written to as the memory that goes with a number is.
BOOST_AUTO_TEST_CASE(what_one_thread_has_written_the_next_one_sees) {
  BOOST_TEST(in_a_process([] {
               std::uint64_t written[ThreadNumber::count] = {};
               std::atomic<std::uint64_t> written_count{0};
               std::vector<std::jthread> makers;
               for (int maker = 0; maker < 4; ++maker)
                 makers.emplace_back([&] {
                   for (int i = 0; i < 200; ++i)
                     std::thread([&] {
                       const std::uint32_t number = number_of_this_thread();
                       if (number >= ThreadNumber::count) return;
                       ++written[number];
                       ++written_count;
                     }).join();
                 });
               makers.clear();
               const std::uint64_t sum =
                   std::accumulate(std::begin(written), std::end(written), 0ULL);
               return written_count == 800 && sum == 800 ? 0 : 1;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(a_thread_that_asks_again_while_it_ends_gives_that_number_back_too) {
  BOOST_TEST(in_a_process([] {
               pthread_key_t later = 0;  // made later, its destructor runs later
               if (::pthread_key_create(&later, [](void*) { number_of_this_thread(); }) != 0)
                 return 1;
               for (std::uint32_t i = 0; i < 2 * ThreadNumber::count; ++i) {
                 std::uint32_t number = ThreadNumber::count;
                 std::thread([&] {
                   ::pthread_setspecific(later, &later);
                   number = number_of_this_thread();
                 }).join();
                 if (number >= ThreadNumber::count) return 2;
               }
               return 0;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(a_child_has_the_numbers_of_the_threads_that_are_not_there,
                     *support::without_sanitizer()) {
  BOOST_TEST(in_a_process([] {
               const std::uint32_t ours = number_of_this_thread();
               std::barrier asked{9}, forked{9};
               std::vector<std::jthread> threads;
               for (int i = 0; i < 8; ++i)
                 threads.emplace_back([&] {
                   number_of_this_thread();
                   asked.arrive_and_wait();
                   forked.arrive_and_wait();
                 });
               asked.arrive_and_wait();
               const int code = support::run_in_child([&] {
                 // A handler has been here before, and its thread keeps what it has.
                 std::barrier seen{2}, over{2};
                 std::uint32_t early = 0;
                 std::jthread thread([&] {
                   early = number_of_this_thread();
                   seen.arrive_and_wait();
                   over.arrive_and_wait();
                 });
                 seen.arrive_and_wait();
                 ThreadNumber::forget_parents();
                 auto numbers = numbers_of_threads(ThreadNumber::count);
                 over.arrive_and_wait();
                 numbers.push_back(early);
                 numbers.push_back(ThreadNumber::mine());
                 if (ThreadNumber::mine() != ours) return 1;
                 return count_of_numbered(numbers) == ThreadNumber::count &&
                                count_of_unnumbered(numbers) == 2
                            ? 0
                            : 2;
               });
               forked.arrive_and_wait();
               return code;
             }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
