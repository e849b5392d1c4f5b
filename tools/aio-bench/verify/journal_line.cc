// SPDX-License-Identifier: MIT
#include "verify/journal_line.h"

#include "base/errors.h"
#include "base/random.h"

#include <charconv>
#include <fmt/format.h>
#include <fstream>

namespace aio_bench {

namespace {

std::uint32_t check_of(const JournalLine& line) noexcept {
  std::uint64_t sum = static_cast<unsigned char>(line.kind);
  for (const std::uint64_t part : {line.number, line.range.first, line.range.count})
    sum = Random::mix((sum ^ part) + 0x9e3779b97f4a7c15U);
  return static_cast<std::uint32_t>(sum);
}

template <typename Number>
bool take_number(std::string_view& text, Number& number, int base) noexcept {
  if (text.empty() || text[0] != ' ') return false;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + 1, end, number, base);
  text = {rest, end};
  return error == std::errc{};
}

}  // namespace

std::string journal_line(const JournalLine& line) {
  return fmt::format("{} {} {} {} {:x}\n", line.kind, line.number, line.range.first,
                     line.range.count, check_of(line));
}

bool parse_journal_line(std::string_view text, JournalLine& line) noexcept {
  if (text.empty()) return false;
  line.kind = text[0];
  text.remove_prefix(1);
  std::uint32_t check = 0;
  return take_number(text, line.number, 10) && take_number(text, line.range.first, 10) &&
         take_number(text, line.range.count, 10) && take_number(text, check, 16) && text.empty() &&
         check == check_of(line);
}

std::uint64_t this_boot() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  if (!std::getline(file, id))
    throw RunError(
        "/proc/sys/kernel/random/boot_id cannot be read: mount /proc, or leave out "
        "--journal");
  std::uint64_t sum = 0;
  for (const char letter : id) sum = Random::mix(sum ^ static_cast<unsigned char>(letter));
  return sum;
}

}  // namespace aio_bench
