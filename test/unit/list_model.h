// SPDX-License-Identifier: MIT
// An intrusive list against a vector.
#pragma once

#include <deque>
#include <random>
#include <vector>

namespace unit {

// What is in it, from the front.
template <class Item, class List>
std::vector<Item*> forward(const List& list) {
  std::vector<Item*> found;
  for (Item* item = list.front(); item != nullptr; item = list.after(*item)) found.push_back(item);
  return found;
}

// `content(list)`: what is in it, in order.
template <class Item, class List, class Content>
bool behaves_like_a_vector(unsigned seed, Content&& content) {
  std::mt19937 random(seed);
  std::deque<Item> items(20);
  std::vector<Item*> outside;
  for (Item& item : items) outside.push_back(&item);
  std::vector<Item*> model;
  List list;
  for (int i = 0; i < 5000; ++i) {
    if (!outside.empty() && random() % 2 == 0) {
      Item* item = outside.back();
      outside.pop_back();
      list.push_back(*item);
      model.push_back(item);
    } else if (!model.empty()) {
      const auto place = model.begin() + static_cast<long>(random() % model.size());
      list.erase(**place);
      outside.push_back(*place);
      model.erase(place);
    }
    if (content(list) != model || list.empty() != model.empty()) return false;
  }
  return true;
}

}  // namespace unit
