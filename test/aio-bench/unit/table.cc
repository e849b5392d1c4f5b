// SPDX-License-Identifier: MIT
#include "report/table.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <sstream>

using namespace aio_bench;

BOOST_AUTO_TEST_SUITE(table)

namespace {

Result result_of(const std::string& engine_name, const std::vector<double>& rates,
                 Notify notify = Notify::suspend) {
  Result result;
  result.what.engine_name = engine_name;
  result.what.depth = 65536;
  result.what.notify = notify;
  for (const double rate : rates) {
    Repeat repeat;
    repeat.io_count = 1'000'000;
    repeat.io_per_second = rate;
    repeat.bytes_per_second = 4096 * rate;
    repeat.cpu_us_per_io = 123.4;
    repeat.context_switches_per_io = 12;
    repeat.system_calls_per_io = 12;
    result.repeats.push_back(repeat);
  }
  for (const std::int64_t latency_ns : {1'000, 987'000'000}) {
    result.latencies.total.record(latency_ns);
    result.latencies.submission.record(latency_ns);
  }
  return result;
}

Report report_of(std::vector<Result> results) {
  Report report;
  report.targets.emplace_back();
  report.results = std::move(results);
  return report;
}

Options options_of(std::vector<Notify> notifies = {Notify::suspend}) {
  Options options;
  options.notifies = std::move(notifies);
  options.repeats = 3;
  return options;
}

std::string line_with(const std::string& text, const std::string& word) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.find(word) != line.npos) return line;
  return "";
}

// As it is before it is wrapped.
std::string in_one_line(const std::string& text) {
  std::istringstream words(text);
  std::string line;
  for (std::string word; words >> word;) line += word + " ";
  return line;
}

std::size_t longest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t longest = 0;
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_fits_100_columns_with_large_figures) {
  const Report report = report_of({result_of("glibc", {1e4}), result_of("io_uring", {12'345'678})});
  BOOST_TEST(longest_line(table_text(options_of(), report)) <= 100u);
}

BOOST_AUTO_TEST_CASE(it_fits_100_columns_with_the_longest_labels) {
  const Report report = report_of({result_of("kaio", {12'345'678}, Notify::waitcomplete),
                                   result_of("io_uring", {1e4}, Notify::eventfd)});
  const std::string text = table_text(options_of({Notify::waitcomplete, Notify::eventfd}), report);
  BOOST_TEST(longest_line(text) <= 100u, text);
  BOOST_TEST(line_with(text, "kaio/waitcomplete") != "");
}

BOOST_AUTO_TEST_CASE(the_heading_fits_too) {
  Report report = report_of({});
  report.targets[0].path =
      "/a/path/that/goes/on/for/quite/a/while/until/it/is/deep/aio-bench.XXXXXX";
  report.targets[0].warnings = {std::string(40, 'x') + " " + std::string(80, 'y') + " z"};
  report.notes = {
      "a note of many words, which goes on and on, and then on again, until it needs "
      "another line, and then a third one, which is indented like the second"};
  Options options = options_of();
  options.seconds = 1;
  BOOST_TEST(longest_line(heading_text(options, report)) <= 100u);
}

BOOST_AUTO_TEST_CASE(it_fits_80_columns_without_what_matters_least) {
  const Report report =
      report_of({result_of("glibc", {1e4, 2e4}), result_of("io_uring", {12'345'678, 9'876'543})});
  const std::string text = table_text(options_of(), report, 80);
  BOOST_TEST(longest_line(text) <= 80u, text);
  for (const char* const kept : {"IOPS", "+-", "vs best", "p50", "p99", "CPU us", "calls"})
    BOOST_TEST(line_with(text, "depth engine").find(kept) != text.npos, kept << text);
  BOOST_TEST(line_with(text, "No room here for MiB/s") != "", text);
}

// As long as a column is left to leave out.
BOOST_AUTO_TEST_CASE(below_it_shortens_and_says_what_is_left_out) {
  const Report report = report_of({result_of("kaio", {12'345'678, 1e4}, Notify::waitcomplete),
                                   result_of("io_uring", {1e4, 2e4}, Notify::eventfd)});
  for (unsigned width = 100; width >= 44; --width) {
    const std::string text =
        table_text(options_of({Notify::waitcomplete, Notify::eventfd}), report, width);
    BOOST_TEST(longest_line(text) <= width, text);
    const std::string titles = line_with(text, "depth engine");
    const std::string said = in_one_line(text);
    const std::size_t at = said.find("No room here for ");
    for (const std::string title :
         {"+-", "MiB/s", "vs best", "p99.99", "submit", "CPU us", "calls", "switch"}) {
      const bool is_named = at != said.npos && said.find(title, at) != said.npos;
      BOOST_TEST((titles.find(title) != titles.npos) != is_named, title << " at " << width << text);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_difference_beyond_the_spread_is_a_percentage) {
  const std::string text =
      table_text(options_of(),
                 report_of({result_of("glibc", {50, 51, 52}), result_of("kaio", {100, 102, 104})}));
  BOOST_TEST(line_with(text, " glibc ").find(" -50% ") != text.npos);
  BOOST_TEST(line_with(text, " kaio ").find(" best ") != text.npos);
}

BOOST_AUTO_TEST_CASE(a_difference_inside_the_spread_is_called_so) {
  const std::string text = table_text(
      options_of(),
      report_of({result_of("glibc", {90, 95, 101}), result_of("kaio", {100, 102, 104})}));
  BOOST_TEST(line_with(text, " glibc ").find(" ~best ") != text.npos);
}

// All of them get that rate: who was a hair faster is chance.
BOOST_AUTO_TEST_CASE(at_a_given_rate_the_latency_is_compared) {
  Result quick = result_of("kaio", {100, 100, 100}), slow = result_of("glibc", {101, 101, 101});
  Result alike = result_of("libaio", {102, 102, 102});
  for (std::size_t i = 0; i < 3; ++i) {
    const auto step = static_cast<std::int64_t>(i);
    quick.repeats[i].total.p50_ns = 100 + 2 * step;
    alike.repeats[i].total.p50_ns = 104 + 2 * step;
    slow.repeats[i].total.p50_ns = 150 + 3 * step;
  }
  for (const Pace::Kind kind : {Pace::Kind::limited, Pace::Kind::poisson}) {
    Options options = options_of();
    options.pace = {.kind = kind, .io_per_second = 100};
    const std::string text = table_text(options, report_of({slow, quick, alike}));
    BOOST_TEST(line_with(text, " kaio ").find(" best ") != text.npos, text);
    BOOST_TEST(line_with(text, " libaio ").find(" ~best ") != text.npos, text);
    BOOST_TEST(line_with(text, " glibc ").find(" +50% ") != text.npos, text);
  }
}

BOOST_AUTO_TEST_CASE(one_round_leaves_doubt) {
  const std::string text =
      table_text(options_of(), report_of({result_of("glibc", {50}), result_of("kaio", {100})}));
  BOOST_TEST(line_with(text, " glibc ").find(" -50%? ") != text.npos);
  BOOST_TEST(line_with(text, " kaio ").find(" best? ") != text.npos);
}

BOOST_AUTO_TEST_CASE(calls_that_kaio_does_not_count_are_marked) {
  Result pooled = result_of("kaio", {100, 101});
  pooled.kaio_statistics = {{"completed", 100}, {"by_pool", 75}};
  BOOST_TEST(line_with(table_text(options_of(), report_of({pooled})), " kaio ").find(" 12+ ") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_alone_is_not_the_best) {
  const std::string text = table_text(options_of(), report_of({result_of("kaio", {100, 102})}));
  BOOST_TEST(line_with(text, " kaio ").find("best") == text.npos);
}

BOOST_AUTO_TEST_CASE(ways_and_refusals_are_told_where_there_were_any) {
  Result pooled = result_of("kaio", {100});
  pooled.kaio_statistics = {
      {"completed", 100}, {"by_kernel", 25}, {"by_pool", 75}, {"reason_would_block", 75}};
  Result refused = result_of("libaio", {100});
  refused.repeats[0].eagain_count = 3;
  refused.repeats[0].retry_count = 5;
  const std::string text = table_text(options_of(), report_of({pooled, refused}));
  BOOST_TEST(line_with(text, "kaio at depth")
                 .find("25 % by kernel AIO, 75 % by threads of its own; "
                       "would block 75") != text.npos);
  BOOST_TEST(line_with(text, "libaio at depth").find("3 submissions met EAGAIN, 5 I/Os") !=
             text.npos);
}

BOOST_AUTO_TEST_CASE(reads_from_the_page_cache_are_told) {
  Result cached = result_of("kaio", {100});
  cached.kaio_statistics = {{"completed", 100}, {"by_kernel", 8}, {"by_caller", 92}};
  const std::string text = table_text(options_of(), report_of({cached}));
  BOOST_TEST(line_with(text, "kaio at depth")
                 .find("8 % by kernel AIO, 92 % from the page cache by "
                       "the caller, 0 % by threads") != text.npos);
}

BOOST_AUTO_TEST_CASE(nothing_measured_is_no_table) {
  BOOST_TEST(table_text(options_of(), report_of({})) == "");
}

BOOST_AUTO_TEST_SUITE_END()
