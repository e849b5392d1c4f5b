// SPDX-License-Identifier: MIT
// Names that were typed, and what they were meant to be.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace aio_bench {

// The one of `words` that `word` was probably meant to be, or "".
std::string nearest_word(const std::string& word, const std::vector<std::string>& words);

// " (did you mean 'libaio'?)", or "".
std::string advice(const std::string& word, const std::vector<std::string>& words);

// "kaio,libaio": the places in `known` of these, each once. Throws UsageError naming
// `option` when one is not known.
std::vector<std::size_t> parse_names(std::string_view option, std::string_view text,
                                     const std::vector<std::string>& known);

template <typename Value>
void add_once(std::vector<Value>& values, const Value& value) {
  if (std::ranges::find(values, value) == values.end()) values.push_back(value);
}

}  // namespace aio_bench
