// SPDX-License-Identifier: MIT
// Numbers as people write and read them.
#pragma once

#include <concepts>
#include <cstdint>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aio_bench {

// What an error about `part` of a word begins with: the option, and the word as it was
// typed where that is more than the part.
std::string typed_option(std::string_view option, std::string_view typed, std::string_view part);

// "4k", "1M", "2g", "512", also "4KiB": powers of 1024. Throws UsageError naming
// `option` when `text` is not a size above zero.
std::uint64_t parse_size(std::string_view option, std::string_view text);

// A whole number within the bounds.
unsigned parse_count(std::string_view option, std::string_view text, unsigned lowest,
                     unsigned highest);

// "1,8,32", "1..64" (each power of two of 1): such numbers, none of them twice.
std::vector<unsigned> parse_counts(std::string_view option, std::string_view text, unsigned lowest,
                                   unsigned highest);

// "20000", "20k", "1.5m": powers of 1000.
double parse_rate(std::string_view option, std::string_view text);

// "1", "0.5", "90s", "5m", "1h" in seconds.
double parse_seconds(std::string_view option, std::string_view text, double lowest,
                     double highest = 86400);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

std::string size_text(std::uint64_t bytes);  // "256 MiB", "4 KiB", "1.5 GiB"
std::string count_text(double count);        // "1,234,567"
std::string count_text(std::integral auto count) { return count_text(static_cast<double>(count)); }
std::string microseconds_text(double nanoseconds);  // "0.45", "12.3", "1,234"; "2.1 s"
std::string duration_text(double seconds);          // "45 s", "3 min 20 s"

// In lines of at most `width`, the later ones begin with `indent`. A word that is longer
// is left whole.
std::string wrapped(const std::string& text, unsigned width, std::string_view indent = "  ");

// Text that is made paragraph by paragraph, each of them wrapped.
class Paragraphs {
 public:
  explicit Paragraphs(unsigned width) : width_(width) {}

  template <typename... Values>
  void say(fmt::format_string<Values...> format, Values&&... values) {
    text_ += wrapped(fmt::format(format, std::forward<Values>(values)...), width_);
  }
  void add_as_it_is(std::string_view text) { text_ += text; }

  unsigned width() const noexcept { return width_; }
  const std::string& text() const noexcept { return text_; }

 private:
  const unsigned width_;
  std::string text_;
};

}  // namespace aio_bench
