// SPDX-License-Identifier: MIT
#include "base/text.h"

#include "base/errors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <utility>

namespace aio_bench {

namespace {

// The power of two that a size suffix stands for, or -1.
int suffix_shift(std::string_view suffix) {
  if (suffix.empty() || suffix == "b" || suffix == "B") return 0;
  const std::size_t power = std::string_view("kmgt").find(static_cast<char>(suffix[0] | ' '));
  const std::string_view rest = suffix.substr(1);
  const bool is_known = rest.empty() || rest == "iB" || rest == "ib" || rest == "B" || rest == "b";
  return power == suffix.npos || !is_known ? -1 : 10 * static_cast<int>(power + 1);
}

// "1.5k": the number, and what follows it; not a number: -1.
std::pair<double, std::string> parse_decimal(std::string_view text) {
  double number = -1;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc{}) return {-1, ""};
  return {number, {rest, end}};
}

}  // namespace

std::string typed_option(std::string_view option, std::string_view typed, std::string_view part) {
  return typed == part ? std::string(option) : fmt::format("{}: '{}'", option, typed);
}

std::uint64_t parse_size(std::string_view option, std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  const int shift = error == std::errc{} ? suffix_shift({rest, end}) : -1;
  if (shift < 0 || number == 0 || number > (UINT64_C(1) << 62) >> shift)
    throw UsageError(
        "{}: '{}' is not a size: give a number above 0, with k, m, g or t for KiB, MiB, GiB or "
        "TiB, as in 64k",
        option, text);
  return number << shift;
}

unsigned parse_count(std::string_view option, std::string_view text, unsigned lowest,
                     unsigned highest) {
  unsigned count = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || rest != end || count < lowest || count > highest)
    throw UsageError("{}: '{}' is not a number from {} to {}", option, text, lowest, highest);
  return count;
}

std::vector<unsigned> parse_counts(std::string_view option, std::string_view text, unsigned lowest,
                                   unsigned highest) {
  std::vector<unsigned> counts;
  const auto add = [&counts](unsigned count) {
    if (std::ranges::find(counts, count) == counts.end()) counts.push_back(count);
  };
  for (const auto& part : split(text, ',')) {
    const auto dots = part.find("..");
    if (dots == part.npos) {
      add(parse_count(typed_option(option, text, part), part, lowest, highest));
      continue;
    }
    const std::string first_word = part.substr(0, dots), last_word = part.substr(dots + 2);
    if (first_word.empty() || last_word.empty())
      throw UsageError("{}: '{}' is half a range: give both ends, as in 1..64",
                       typed_option(option, text, part), part);
    const std::string typed = typed_option(option, text, first_word);
    const unsigned first = parse_count(typed, first_word, lowest, highest);
    const unsigned last = parse_count(typed, last_word, lowest, highest);
    if (first > last)
      throw UsageError("{}: '{}' is an empty range: begin with the smaller number",
                       typed_option(option, text, part), part);
    for (std::uint64_t count = first; count <= last; count *= 2) add(static_cast<unsigned>(count));
  }
  return counts;
}

double parse_rate(std::string_view option, std::string_view text) {
  const auto [number, suffix] = parse_decimal(text);
  const double factor = suffix.empty()                   ? 1
                        : suffix == "k" || suffix == "K" ? 1e3
                        : suffix == "m" || suffix == "M" ? 1e6
                                                         : 0;
  const double rate = number * factor;
  if (!(rate >= 0.1 && rate <= 1e9))
    throw UsageError("{}: '{}' is not a rate: give I/Os per second, as in 500 or 20k", option,
                     text);
  return rate;
}

double parse_seconds(std::string_view option, std::string_view text, double lowest,
                     double highest) {
  const auto [number, suffix] = parse_decimal(text);
  const double factor = suffix.empty() || suffix == "s" ? 1
                        : suffix == "m"                 ? 60
                        : suffix == "h"                 ? 3600
                                                        : -1;
  const double seconds = number * factor;
  if (!(seconds >= lowest && seconds <= highest))
    throw UsageError("{}: '{}' is not a time: give seconds, {:g} to {:.0f}, or as in 90s or 5m",
                     option, text, lowest, highest);
  return seconds;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0;;) {
    const std::size_t next = text.find(separator, at);
    parts.emplace_back(text.substr(at, next - at));
    if (next == std::string_view::npos) return parts;
    at = next + 1;
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::string wrapped(const std::string& text, unsigned width, std::string_view indent) {
  std::string result, line;
  for (const std::string& word : split(text, ' ')) {
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      result += line + "\n";
      line = std::string(indent) + word;
    } else {
      line += (line.empty() ? "" : " ") + word;
    }
  }
  return result + line + "\n";
}

std::string size_text(std::uint64_t bytes) {
  static constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  double value = static_cast<double>(bytes);
  while (value >= 1024 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return std::fmod(value, 1) == 0 ? fmt::format("{:.0f} {}", value, units[unit])
                                  : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string count_text(double count) {
  std::string digits = fmt::format("{:.0f}", count);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string microseconds_text(double nanoseconds) {
  const double value = nanoseconds / 1000;
  if (value < 9.995) return fmt::format("{:.2f}", value);
  if (value < 99.95) return fmt::format("{:.1f}", value);
  if (value >= 999'999.5) return fmt::format("{:.1f} s", value / 1e6);
  return count_text(value);
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long>(std::ceil(seconds));
  return whole < 120 ? fmt::format("{} s", whole)
                     : fmt::format("{} min {} s", whole / 60, whole % 60);
}

}  // namespace aio_bench
