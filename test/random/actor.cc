// SPDX-License-Identifier: MIT
#include "actor.h"

#include "clock.h"
#include "promises.h"
#include "scenarios.h"

#include "support/channel.h"

#include <kaio/aio.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>

namespace random_test {
namespace {

constexpr std::size_t item_count = 14;
thread_local Actor* current = nullptr;

}  // namespace

Actor::Actor(World& world, std::uint64_t seed, bool quiet)
    : world_(world), chance_(seed), quiet_(quiet), items_(item_count) {}

Actor* Actor::mine() { return current; }

bool Actor::knows(const aiocb* block, Item*& item) {
  for (Item& one : items_)
    if (&one.block() == block) return item = &one, true;
  return false;
}

void Actor::look_from_handler() {
  for (Item& item : items_)
    if (item.state() == Item::State::outstanding && item.accessible()) aio_error(&item.block());
}

void Actor::run(int step_count) {
  current = this;
  for (int i = 0; i < step_count && trouble_count() == 0; ++i) step();
}

void Actor::settle() {
  for (Item& item : items_) item.look();
  lists_.clear();
  for (Item& item : items_)
    if (item.state() == Item::State::ended) item.release(chance_);
}

void Actor::step() {
  switch (chance_.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
      return submit_one();
    case 6:
    case 7:
      return submit_list();
    case 8:
    case 9:
    case 10:
      return suspend();
    case 11:
    case 12:
      return cancel();
    case 13:
      if (chance_.one_of(6)) return do_scenario();
      [[fallthrough]];
    default:
      return look();
  }
}

void Actor::look() {
  for (Item& item : items_) item.look();
  std::erase_if(lists_, [](const List& list) { return notices::arrived(*list.ticket); });
}

// Idle, with its memory as it was left.
Item* Actor::free_item() {
  for (Item& item : items_) {
    item.look();
    if (item.state() == Item::State::idle || item.release(chance_)) return &item;
  }
  return nullptr;
}

Way Actor::pick_way() {
  if (!chance_.one_of(2)) return Way::none;
  constexpr Way silent[] = {Way::callback, Way::callback_apart, Way::eventfd};
  return quiet_ ? silent[chance_.below(3)]
                : static_cast<Way>(chance_.below(static_cast<unsigned>(Way::count)));
}

void Actor::submit_one() {
  Target& target = world_.pick(chance_);
  Item* item = free_item();
  if (item == nullptr) return suspend();
  std::unique_lock lock(target.order, std::defer_lock);
  if (target.is_ordered()) lock.lock();
  item->plan(target, chance_, pick_way());
  item->submit(chance_);
}

void Actor::submit_list() {
  std::vector<Target*> targets;
  for (unsigned i = 0, count = 1 + chance_.below(Ticket::parts_max); i < count; ++i)
    targets.push_back(&world_.pick(chance_));
  const bool waits = chance_.one_of(4);
  // Who waits is not to wait for ever.
  if (waits) std::erase_if(targets, [](Target* t) { return t->is_stream() || t->counter; });
  std::vector<Target*> ordered = targets;
  std::erase_if(ordered, [](Target* target) { return !target->is_ordered(); });
  std::ranges::sort(ordered);
  // Not std::ranges::unique, which clang 14 does not compile.
  ordered.erase(std::unique(ordered.begin(), ordered.end()), ordered.end());
  std::vector<std::unique_lock<std::mutex>> locks;
  for (Target* target : ordered) locks.emplace_back(target->order);

  const unsigned kind = chance_.below(3);  // by signals in order, by eventfd, by any way
  const bool told = !waits && !Item::delivered_by_waitcomplete;
  List list{};
  if (told && kind == 1) list.event = support::make_eventfd(0, O_NONBLOCK | O_CLOEXEC);
  std::vector<Item*> items;
  for (Target* target : targets) {
    Item* item = free_item();
    if (item == nullptr) break;
    const bool in_order = told && kind == 0 && !quiet_;
    item->plan(*target, chance_,
               in_order            ? Way::thread_id
               : told && kind == 1 ? Way::none
                                   : pick_way());
    if (!item->in_list_possible()) {
      item->submit(chance_);
      continue;
    }
    if (told && kind == 1) {
      item->block().aio_sigevent = {};
      item->block().aio_sigevent.sigev_notify = SIGEV_EVENTFD;
      item->block().aio_sigevent.sigev_notify_eventfd = list.event.get();
    }
    item->begin();
    items.push_back(item);
  }
  sigevent event{};
  constexpr Way loud[] = {Way::realtime, Way::interrupting, Way::thread_id, Way::callback,
                          Way::callback_apart};
  const Way way = !told       ? Way::none
                  : quiet_    ? loud[3 + chance_.below(2)]
                  : kind == 0 ? Way::thread_id
                              : loud[chance_.below(5)];
  Ticket& ticket = notices::attach(event, way, nullptr);
  list.ticket = &ticket;
  std::vector<aiocb*> blocks;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (chance_.one_of(5)) blocks.push_back(nullptr);
    blocks.push_back(&items[i]->block());
    ticket.list[i] = told ? &items[i]->block() : nullptr;
    if (told && kind == 0 && !quiet_) ticket.parts[i] = items[i]->ticket();
    if (told) items[i]->held_by_list(&ticket);
  }
  if (told && kind == 1) {
    ticket.list_event = list.event.get();
    ticket.list_event_count = static_cast<unsigned>(items.size());
  }
  lists_.push_back(std::move(list));
  const int answer = lio_listio(waits ? LIO_WAIT : LIO_NOWAIT, blocks.data(),
                                static_cast<int>(blocks.size()), &event);
  const int error = errno;
  for (Item* item : items) item->accepted();
  // Nothing of the list or the sigevent is looked at again.
  std::memset(&event, 0x55, sizeof event);
  std::ranges::fill(blocks, reinterpret_cast<aiocb*>(8));
  locks.clear();
  if (!waits && answer != 0) report("lio_listio: %s", std::strerror(error));
  if (waits && answer != 0 && error != EIO && error != EINTR)
    report("lio_listio that waits: %s", std::strerror(error));
  if (waits && (answer == 0 || error == EIO) && !Item::delivered_by_waitcomplete)
    for (Item* item : items)
      if (item->look()) report("lio_listio has waited, and an element is in progress");
  look();
}

void Actor::suspend() {
  std::vector<const aiocb*> list;
  const bool is_long = chance_.one_of(4);
  for (Item& item : items_) {
    if (item.state() != Item::State::outstanding || (!is_long && list.size() >= 3)) continue;
    if (chance_.one_of(6)) list.push_back(nullptr);
    if (!chance_.one_of(4)) list.push_back(&item.block());
  }
  const long runs = notices::handler_runs();
  const std::int64_t start_ns = now_ns();
  const long choice = chance_.below(4);
  const std::int64_t timeout_ns = choice == 0   ? 0
                                  : choice == 1 ? chance_.below(200'000)
                                  : choice == 2
                                      ? 2'000'000
                                      : chance_.below(chance_.one_of(8) ? 300'000'000 : 10'000'000);
  const timespec timeout{.tv_sec = 0, .tv_nsec = static_cast<long>(timeout_ns)};
  const int answer = aio_suspend(list.data(), static_cast<int>(list.size()), &timeout);
  check_suspend(answer == 0 ? 0 : errno, start_ns, timeout_ns, runs, list);
  look();
}

void Actor::check_suspend(int error, std::int64_t start_ns, std::int64_t timeout_ns, long runs,
                          const std::vector<const aiocb*>& list) {
  const std::int64_t end_ns = now_ns();
  std::size_t listed = 0;
  bool any_done = false;
  for (const aiocb* block : list) {
    if (block == nullptr) continue;
    ++listed;
    any_done |= aio_error(block) != EINPROGRESS;
  }
  if (error == 0) {
    if (listed > 0 && !any_done) report("aio_suspend said 0, and nothing listed is done");
  } else if (error == EAGAIN) {
    if (listed == 0) report("aio_suspend of nothing said EAGAIN");
    if (end_ns - start_ns < timeout_ns && expected(Promise::timeout))
      report("aio_suspend said EAGAIN after %ld of %ld ns", end_ns - start_ns, timeout_ns);
  } else if (error != EINTR || notices::handler_runs() == runs) {
    report("aio_suspend: %s after %ld handlers", std::strerror(error),
           notices::handler_runs() - runs);
  }
  constexpr std::int64_t surely_asleep_ns = 100'000'000;
  const std::int64_t interrupted_ns = notices::last_interruption_ns();
  if (error == EAGAIN && expected(Promise::eintr) && interrupted_ns > start_ns + surely_asleep_ns &&
      end_ns > interrupted_ns + surely_asleep_ns)
    report("aio_suspend slept on for %ld ns after a handler without SA_RESTART",
           end_ns - interrupted_ns);
}

void Actor::cancel() {
  if (chance_.one_of(4)) {
    Target& target = world_.pick(chance_);
    target.cancel_all();
    return look();
  }
  const unsigned start = chance_.below(items_.size());
  for (std::size_t i = 0; i < items_.size(); ++i) {
    Item& item = items_[(start + i) % items_.size()];
    if (item.state() != Item::State::outstanding) continue;
    item.cancel();
    return look();
  }
}

void Actor::do_scenario() {
  if (Item::delivered_by_waitcomplete) return;
  scenarios::do_one(chance_, quiet_);
}

}  // namespace random_test
