// SPDX-License-Identifier: MIT
#include "base/names.h"

#include "base/errors.h"
#include "base/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

namespace aio_bench {

namespace {

// How many letters have to be put in, left out, changed, or swapped with their
// neighbour.
std::size_t edit_distance(const std::string& one, const std::string& other) {
  std::vector<std::vector<std::size_t>> costs(one.size() + 1,
                                              std::vector<std::size_t>(other.size() + 1));
  for (std::size_t i = 0; i <= one.size(); ++i) costs[i][0] = i;
  std::iota(costs[0].begin(), costs[0].end(), std::size_t{0});
  for (std::size_t i = 1; i <= one.size(); ++i)
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const bool is_same = one[i - 1] == other[j - 1];
      std::size_t& cost = costs[i][j];
      cost = std::min(
          {costs[i - 1][j] + 1, costs[i][j - 1] + 1, costs[i - 1][j - 1] + (is_same ? 0 : 1)});
      if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
        cost = std::min(cost, costs[i - 2][j - 2] + 1);
    }
  return costs[one.size()][other.size()];
}

}  // namespace

std::string nearest_word(const std::string& word, const std::vector<std::string>& words) {
  std::string nearest;
  std::size_t least_distance = std::max<std::size_t>(word.size() / 3, 2) + 1;
  for (const std::string& candidate : words) {
    // The beginning of a long name is meant to be that.
    const std::size_t distance =
        word.size() > 3 && candidate.starts_with(word) ? 1 : edit_distance(word, candidate);
    if (distance >= std::min(least_distance, candidate.size())) continue;
    least_distance = distance;
    nearest = candidate;
  }
  return nearest;
}

std::string advice(const std::string& word, const std::vector<std::string>& words) {
  const std::string nearest = nearest_word(word, words);
  return nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest);
}

std::vector<std::size_t> parse_names(std::string_view option, std::string_view text,
                                     const std::vector<std::string>& known) {
  std::vector<std::size_t> places;
  for (const std::string& name : split(text, ',')) {
    const auto found = std::ranges::find(known, name);
    if (found == known.end())
      throw UsageError("{}: '{}' is unknown{}: use one or more of {}",
                       typed_option(option, text, name), name, advice(name, known),
                       join(known, ","));
    add_once(places, static_cast<std::size_t>(found - known.begin()));
  }
  return places;
}

}  // namespace aio_bench
