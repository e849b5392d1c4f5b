// SPDX-License-Identifier: MIT
// The lines of a journal as text; see journal.h.
#pragma once

#include "verify/block_map.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace aio_bench {

constexpr const char* journal_format = "aio-bench-journal";
constexpr int journal_version = 1;

struct JournalLine {
  char kind = 0;
  std::uint64_t number = 0;
  BlockRange range;
};

// With its newline.
std::string journal_line(const JournalLine& line);

// `text` without its newline; false when it is damaged.
bool parse_journal_line(std::string_view text, JournalLine& line) noexcept;

// Tells boots of the machine apart.
std::uint64_t this_boot();

}  // namespace aio_bench
