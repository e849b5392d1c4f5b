// SPDX-License-Identifier: MIT
// A thread that does at random whatever a program may do. What it does next depends on
// its seed alone, as far as its requests end in time.
#pragma once

#include "world.h"

#include <deque>

namespace random_test {

class Actor {
 public:
  Actor(World& world, std::uint64_t seed, bool quiet);
  // So many steps; then waits for its files' requests, and has let go of all lists.
  void run(int step_count);
  // While all pause, and nothing is outstanding: takes leave of everything.
  void settle();
  // In a handler that interrupted this thread.
  void look_from_handler();
  // Of this thread, or null.
  static Actor* mine();
  bool knows(const aiocb* block, Item*& item);

 private:
  struct List {
    Ticket* ticket;
    std::vector<Item*> items;
    support::Fd event;
  };

  void step();
  Item* free_item();
  Way pick_way();
  void submit_one();
  void submit_list();
  bool plan_list(List& list, std::vector<Item*>& items, sigevent& event, bool waits);
  void suspend();
  void check_suspend(int answer, std::int64_t start_ns, std::int64_t timeout_ns, long runs,
                     const std::vector<const aiocb*>& list);
  void cancel();
  void do_scenario();
  void look();

  World& world_;
  Chance chance_;
  const bool quiet_;  // no signal interrupts anything
  std::deque<Item> items_;
  std::deque<List> lists_;
};

}  // namespace random_test
