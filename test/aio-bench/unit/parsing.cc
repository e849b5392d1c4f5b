// SPDX-License-Identifier: MIT
#include "base/errors.h"
#include "base/names.h"
#include "base/text.h"
#include "loads/load.h"

#include <boost/test/unit_test.hpp>

using namespace aio_bench;

BOOST_AUTO_TEST_SUITE(parsing)

namespace {

std::vector<std::size_t> sizes_of(std::string_view text) {
  std::vector<std::size_t> sizes;
  for (const BlockSize& block : parse_blocks("-b", text)) {
    BOOST_TEST(block.least_bytes == block.greatest_bytes);
    sizes.push_back(block.least_bytes);
  }
  return sizes;
}

using Sizes = std::vector<std::size_t>;
using Counts = std::vector<unsigned>;

}  // namespace

BOOST_AUTO_TEST_CASE(powers_of_1024) {
  BOOST_TEST(parse_size("-s", "512") == 512u);
  BOOST_TEST(parse_size("-s", "4k") == 4096u);
  BOOST_TEST(parse_size("-s", "4KiB") == 4096u);
  BOOST_TEST(parse_size("-s", "1M") == 1u << 20);
  BOOST_TEST(parse_size("-s", "2t") == UINT64_C(2) << 40);
  for (const char* const wrong : {"", "0", "k", "-1", "4x", "4kk", "1.5k", " 4k", "99999999t"})
    BOOST_CHECK_THROW(parse_size("-s", wrong), UsageError);
}

BOOST_AUTO_TEST_CASE(an_error_names_the_option_and_the_word) {
  try {
    parse_size("--size", "4q");
    BOOST_TEST(false, "was accepted");
  } catch (const UsageError& error) {
    BOOST_TEST(std::string(error.what()).find("--size: '4q'") == 0u);
  }
}

BOOST_AUTO_TEST_CASE(an_error_in_a_list_shows_all_of_what_was_typed) {
  try {
    parse_counts("--depth", "1,x,8", 1, 64);
    BOOST_TEST(false, "was accepted");
  } catch (const UsageError& error) {
    BOOST_TEST(std::string(error.what()).find("--depth: '1,x,8': 'x'") == 0u, error.what());
  }
}

BOOST_AUTO_TEST_CASE(text_is_wrapped_between_words) {
  BOOST_TEST(wrapped("one two three", 8) == "one two\n  three\n");
  BOOST_TEST(wrapped("one", 2) == "one\n");
}

BOOST_AUTO_TEST_CASE(lists_and_ranges_of_counts) {
  BOOST_TEST((parse_counts("-d", "1,8,32", 1, 64) == Counts{1, 8, 32}));
  BOOST_TEST((parse_counts("-d", "8,8,1", 1, 64) == Counts{8, 1}));
  BOOST_TEST((parse_counts("-d", "1..64", 1, 64) == Counts{1, 2, 4, 8, 16, 32, 64}));
  BOOST_TEST((parse_counts("-d", "3..20,100", 1, 128) == Counts{3, 6, 12, 100}));
  for (const char* const wrong :
       {"", ",", "1,", "0", "65", "1..65", "8..4", "..", "1..", "a", "1 "})
    BOOST_CHECK_THROW(parse_counts("-d", wrong, 1, 64), UsageError);
}

BOOST_AUTO_TEST_CASE(lists_and_ranges_of_block_sizes) {
  BOOST_TEST((sizes_of("4k,16k,1m") == Sizes{4096, 16384, 1 << 20}));
  BOOST_TEST((sizes_of("4k..32k") == Sizes{4096, 8192, 16384, 32768}));
  const auto drawn = parse_blocks("-b", "4k-64k");
  BOOST_REQUIRE(drawn.size() == 1u);
  BOOST_TEST(drawn[0].least_bytes == 4096u);
  BOOST_TEST(drawn[0].greatest_bytes == 65536u);
  for (const char* const wrong :
       {"", "4k-4k", "64k-4k", "4k-6k", "32k..4k", "2g", "4k-", "-4k", "k"})
    BOOST_CHECK_THROW(parse_blocks("-b", wrong), UsageError);
}

BOOST_AUTO_TEST_CASE(kinds_of_load) {
  const auto loads = parse_loads("-l", "randread,write,randrw:70,rw");
  BOOST_REQUIRE(loads.size() == 4u);
  BOOST_TEST((loads[0] == Load{true, 100}));
  BOOST_TEST((loads[1] == Load{false, 0}));
  BOOST_TEST((loads[2] == Load{true, 70}));
  BOOST_TEST((loads[3] == Load{false, 50}));
  for (const Load load : loads) BOOST_TEST((parse_loads("-l", load_name(load))[0] == load));
  for (const char* const wrong : {"", "randrw:0", "randrw:100", "read:50", "randrw:", "ranread"})
    BOOST_CHECK_THROW(parse_loads("-l", wrong), UsageError);
}

BOOST_AUTO_TEST_CASE(notifications) {
  using enum Notify;
  for (const Notify notify :
       {suspend, poll, waitcomplete, list, signal, thread, eventfd, coroutine})
    BOOST_TEST((parse_notifies("-n", notify_name(notify)) == std::vector{notify}));
  BOOST_TEST(notify_name(waitcomplete) == "waitcomplete");
  BOOST_TEST(notify_name(eventfd) == "eventfd");
  BOOST_CHECK_THROW(parse_notifies("-n", "signals"), UsageError);
}

BOOST_AUTO_TEST_CASE(rates_and_times) {
  BOOST_TEST(parse_rate("--rate", "500") == 500);
  BOOST_TEST(parse_rate("--rate", "1.5k") == 1500);
  BOOST_TEST(parse_rate("--rate", "2M") == 2e6);
  BOOST_TEST(parse_seconds("-t", "0.5", 0.01) == 0.5);
  BOOST_TEST(parse_seconds("-t", "90s", 0.01) == 90);
  BOOST_TEST(parse_seconds("-t", "5m", 0.01) == 300);
  BOOST_TEST(parse_seconds("--ramp-up", "0", 0) == 0);
  BOOST_TEST(parse_seconds("-t", "48h", 0.01, 10 * 86400) == 172800);
  for (const char* const wrong : {"", "0", "-5", "fast", "5g", "nan", "inf", "1e3"}) {
    BOOST_CHECK_THROW(parse_rate("--rate", wrong), UsageError);
    BOOST_CHECK_THROW(parse_seconds("-t", wrong, 0.01), UsageError);
  }
  BOOST_CHECK_THROW(parse_seconds("-t", "25h", 0.01), UsageError);
}

BOOST_AUTO_TEST_CASE(the_near_word_is_found) {
  const std::vector<std::string> words{"--depth", "--engine", "--repeats", "--seconds"};
  BOOST_TEST(nearest_word("--dept", words) == "--depth");
  BOOST_TEST(nearest_word("--detph", words) == "--depth");
  BOOST_TEST(nearest_word("--engines", words) == "--engine");
  BOOST_TEST(nearest_word("--rep", words) == "--repeats");
  BOOST_TEST(nearest_word("--xyzzy", words) == "");
  BOOST_TEST(nearest_word("lbiaio", {"glibc", "kaio", "libaio"}) == "libaio");
  BOOST_TEST(advice("nothing like it", {"kaio"}) == "");
}

BOOST_AUTO_TEST_CASE(numbers_for_people) {
  BOOST_TEST(size_text(4096) == "4 KiB");
  BOOST_TEST(size_text(1536) == "1.5 KiB");
  BOOST_TEST(count_text(1234567) == "1,234,567");
  BOOST_TEST(count_text(999) == "999");
  BOOST_TEST(microseconds_text(450) == "0.45");
  BOOST_TEST(microseconds_text(1'234'000) == "1,234");
  BOOST_TEST(microseconds_text(2.1e9) == "2.1 s");
  BOOST_TEST(duration_text(45) == "45 s");
  BOOST_TEST(duration_text(200) == "3 min 20 s");
}

BOOST_AUTO_TEST_SUITE_END()
