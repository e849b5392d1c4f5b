// SPDX-License-Identifier: MIT
#include "base/command_line.h"

#include "base/errors.h"

#include <CLI/CLI.hpp>
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
      cost = std::min({costs[i - 1][j] + 1, costs[i][j - 1] + 1,
                       costs[i - 1][j - 1] + (is_same ? 0 : 1)});
      if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
        cost = std::min(cost, costs[i - 2][j - 2] + 1);
    }
  return costs[one.size()][other.size()];
}

// As CLI11 has them: short ones of one letter, long ones, without their dashes.
std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* const option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

// What CLI11 could not place. A word behind an unknown option may be meant as its value,
// and is no matter of its own.
std::string unknown_words(const CLI::App& app) {
  std::string options, others;
  for (const std::string& word : app.remaining()) {
    const std::string name = word.substr(0, word.find('='));
    if (word.starts_with('-') && word.size() > 1)
      options += fmt::format("{}{}: there is no such option{}", options.empty() ? "" : "; ", name,
                             advice(name, option_names(app)));
    else
      others += fmt::format("{}'{}' is one argument too many", others.empty() ? "" : "; ", word);
  }
  return options.empty() ? others : options;
}

}  // namespace

std::string nearest_word(const std::string& word, const std::vector<std::string>& words) {
  std::string nearest;
  std::size_t least_distance = std::max<std::size_t>(word.size() / 3, 2) + 1;
  for (const std::string& candidate : words) {
    // The beginning of a long name is meant to be that.
    const std::size_t distance = word.size() > 3 && candidate.starts_with(word)
                                     ? 1
                                     : edit_distance(word, candidate);
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

bool parse_arguments(CLI::App& app, int argument_count, const char* const* arguments) {
  app.allow_extras();
  const std::string help = ": see " + app.get_name() + " --help";
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) throw UsageError(error.what() + help);
    app.exit(error);
    return false;
  }
  if (!app.remaining().empty()) throw UsageError(unknown_words(app) + help);
  return true;
}

}  // namespace aio_bench
