// SPDX-License-Identifier: MIT
#include "promises.h"

#include <array>
#include <cstdlib>
#include <string_view>

namespace random_test {
namespace {

constexpr std::size_t promise_count = static_cast<std::size_t>(Promise::count);

constexpr std::array<std::string_view, promise_count> names = {"list_is_last",
                                                               "cancel_all_is_exact",
                                                               "eintr",
                                                               "look_while_cancelled",
                                                               "whole_messages",
                                                               "short_when_cancelled",
                                                               "cancel_of_waiting",
                                                               "own_end_after_close",
                                                               "reused_number",
                                                               "timeout",
                                                               "fence"};

std::array<bool, promise_count> read_environment() {
  std::array<bool, promise_count> kept{};
  std::string_view without = left_out();
  for (std::size_t i = 0; i < promise_count; ++i) {
    const std::size_t place = without.find(names[i]);
    const std::size_t end = place + names[i].size();
    const bool whole = place != std::string_view::npos &&
                       (place == 0 || without[place - 1] == ',') &&
                       (end == without.size() || without[end] == ',');
    kept[i] = !whole;
  }
  return kept;
}

}  // namespace

const char* left_out() {
  const char* chosen = std::getenv("KAIO_RANDOM_WITHOUT");
  return chosen == nullptr ? "" : chosen;
}

bool expected(Promise promise) {
  static const std::array<bool, promise_count> kept = read_environment();
  return kept[static_cast<std::size_t>(promise)];
}

}  // namespace random_test
