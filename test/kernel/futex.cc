// SPDX-License-Identifier: MIT
//
// futex_waitv(): sleeping on many state words at once.
#include "fixtures.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(futex, *support::from_kernel(5, 16))

namespace {

// <linux/futex.h> of older distributions does not have it.
struct Waiter {
  std::uint64_t value;
  std::uint64_t address;
  std::uint32_t flags;
  std::uint32_t reserved;
};
constexpr std::uint32_t is_32_bit = 2;
constexpr long futex_waitv_number = 449;  // on every architecture

struct Words {
  std::array<std::atomic<std::uint32_t>, 129> words = {};

  // The index that woke us, or the negative of an error number.
  long wait(std::size_t word_count, std::uint64_t expected, int milliseconds) {
    std::array<Waiter, 129> waiters = {};
    for (std::size_t index = 0; index < word_count; ++index)
      waiters[index] = {expected, reinterpret_cast<std::uint64_t>(&words[index]),
                        is_32_bit | FUTEX_PRIVATE_FLAG, 0};
    timespec until;
    ::clock_gettime(CLOCK_MONOTONIC, &until);
    const long nanoseconds = until.tv_nsec + milliseconds * 1'000'000L;
    until.tv_sec += nanoseconds / 1'000'000'000;
    until.tv_nsec = nanoseconds % 1'000'000'000;
    const long answer =
        ::syscall(futex_waitv_number, waiters.data(), word_count, 0, &until, CLOCK_MONOTONIC);
    return answer < 0 ? -errno : answer;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(waitv_takes_128_words_and_no_more, Words) {
  BOOST_TEST(wait(128, 0, 10) == -ETIMEDOUT);
  BOOST_TEST(wait(129, 0, 10) == -EINVAL);
  BOOST_TEST(wait(0, 0, 10) == -EINVAL);
}

BOOST_FIXTURE_TEST_CASE(waitv_does_not_sleep_when_a_word_has_changed, Words) {
  words[1] = 7;
  BOOST_TEST(wait(2, 0, 5000) == -EAGAIN);
}

BOOST_FIXTURE_TEST_CASE(waitv_says_which_word_woke_it, Words) {
  std::thread waker{[&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{30});
    words[100] = 1;
    ::syscall(SYS_futex, &words[100], FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }};
  BOOST_TEST(wait(128, 0, 5000) == 100);
  waker.join();
}

BOOST_AUTO_TEST_SUITE_END()
