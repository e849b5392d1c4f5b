// SPDX-License-Identifier: MIT
#include "loads/load.h"

#include "base/errors.h"
#include "base/names.h"
#include "base/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace aio_bench {

namespace {

constexpr std::uint64_t highest_block_bytes = 1 << 30;

Load parse_load(std::string_view option, const std::string& text) {
  static const std::vector<std::string> names{"randread", "randwrite", "randrw",
                                              "read",     "write",     "rw"};
  const auto colon = text.find(':');
  const std::string name = text.substr(0, colon);
  if (std::ranges::find(names, name) == names.end())
    throw UsageError("{}: '{}' is unknown{}: use {}, or randrw:70 for 70 % reads", option, text,
                     advice(name, names), join(names, ", "));
  const bool is_random = name.starts_with("rand");
  const bool is_mixed = name.ends_with("rw");
  if (colon != text.npos && !is_mixed)
    throw UsageError("{}: '{}': only randrw and rw have a percentage of reads", option, text);
  if (!is_mixed)
    return {.is_random = is_random, .read_percent = name.ends_with("read") ? 100U : 0U};
  const unsigned percent = colon == text.npos ? 50
                                              : parse_count(typed_option(option, text, ""),
                                                            text.substr(colon + 1), 1, 99);
  return {.is_random = is_random, .read_percent = percent};
}

std::size_t parse_block(std::string_view option, std::string_view text) {
  const std::uint64_t size_bytes = parse_size(option, text);
  if (size_bytes > highest_block_bytes)
    throw UsageError("{}: {} is more than 1g, which is not one I/O any more", option, text);
  return size_bytes;
}

[[noreturn]] void refuse_range(std::string_view option, const std::string& text) {
  throw UsageError(
      "{}: '{}' is not a range: give 4k..1m for each power of two of these, or 4k-64k for I/Os of "
      "all multiples of 4k",
      option, text);
}

}  // namespace

std::vector<Load> parse_loads(std::string_view option, std::string_view text) {
  std::vector<Load> loads;
  for (const std::string& part : split(text, ','))
    add_once(loads, parse_load(typed_option(option, text, part), part));
  return loads;
}

std::vector<BlockSize> parse_blocks(std::string_view option, std::string_view text) {
  std::vector<BlockSize> blocks;
  for (const std::string& part : split(text, ',')) {
    const auto dots = part.find("..");
    const auto dash = part.find('-');
    const std::string typed = typed_option(option, text, part);
    const std::string typed_range = typed_option(option, text, "");
    if (dots != part.npos) {
      if (dots == 0 || dots + 2 == part.size()) refuse_range(typed, part);
      const std::size_t last_bytes = parse_block(typed_range, part.substr(dots + 2));
      std::size_t size_bytes = parse_block(typed_range, part.substr(0, dots));
      if (size_bytes > last_bytes) refuse_range(typed, part);
      for (; size_bytes <= last_bytes; size_bytes *= 2)
        add_once(blocks, {.least_bytes = size_bytes, .greatest_bytes = size_bytes});
    } else if (dash != part.npos && dash != 0) {
      if (dash + 1 == part.size()) refuse_range(typed, part);
      const BlockSize block{.least_bytes = parse_block(typed_range, part.substr(0, dash)),
                            .greatest_bytes = parse_block(typed_range, part.substr(dash + 1))};
      if (block.least_bytes >= block.greatest_bytes ||
          block.greatest_bytes % block.least_bytes != 0)
        refuse_range(typed, part);
      add_once(blocks, block);
    } else {
      const std::size_t size_bytes = parse_block(typed, part);
      add_once(blocks, {.least_bytes = size_bytes, .greatest_bytes = size_bytes});
    }
  }
  return blocks;
}

std::vector<Cache> parse_caches(std::string_view option, const std::string& text) {
  if (text == "direct") return {Cache::direct};
  if (text == "buffered") return {Cache::buffered};
  if (text == "both") return {Cache::direct, Cache::buffered};
  throw UsageError("{}: '{}' is unknown{}: use direct, buffered or both", option, text,
                   advice(text, {"direct", "buffered", "both"}));
}

std::vector<Notify> parse_notifies(std::string_view option, std::string_view text) {
  std::vector<Notify> notifies;
  for (const std::size_t place : parse_names(option, text, notify_names))
    notifies.push_back(static_cast<Notify>(place));
  return notifies;
}

}  // namespace aio_bench
