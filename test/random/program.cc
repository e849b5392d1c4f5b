// SPDX-License-Identifier: MIT
#include "program.h"

#include "actor.h"
#include "extras.h"
#include "promises.h"

#include "support/child.h"
#include "support/deadline.h"
#include "support/precondition.h"

#include <kaio/aio.h>

#include <algorithm>
#include <barrier>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>

namespace random_test {
namespace {

unsigned time_limit_s() {
  const char* chosen = std::getenv("KAIO_TEST_TIMEOUT_S");
  if (chosen != nullptr) return static_cast<unsigned>(std::atoi(chosen));
  return support::sanitized ? 180 : 60;
}

// What each thread of the process does, for a hang.
void describe_threads() {
  DIR* tasks = ::opendir("/proc/self/task");
  while (const dirent* task = tasks == nullptr ? nullptr : ::readdir(tasks)) {
    std::string told;
    for (const char* what : {"comm", "syscall", "wchan", "status"}) {
      const std::string path = std::string("/proc/self/task/") + task->d_name + "/" + what;
      char text[4096] = "";
      const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) continue;
      const ssize_t count = ::read(fd, text, sizeof text - 1);
      ::close(fd);
      std::string_view lines(text, static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
      if (const auto place = lines.find("SigPnd"); place != lines.npos)
        lines = lines.substr(place, lines.find("SigIgn") - place);  // pending and blocked
      for (const char byte : lines) told += byte == '\n' || byte == '\t' ? ' ' : byte;
      told += ' ';
    }
    if (!told.empty()) std::fprintf(stderr, "  thread %s: %s\n", task->d_name, told.c_str());
  }
  if (tasks != nullptr) ::closedir(tasks);
}

// Ends a program that hangs, with all that is outstanding.
class HangWatch {
 public:
  explicit HangWatch(World& world, std::uint64_t seed) : world_(world), seed_(seed) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { watch(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  ~HangWatch() {
    ended_ = true;
    thread_.join();
  }

 private:
  void watch() {
    const support::Duration limit = std::chrono::seconds(time_limit_s()) * support::slowness();
    if (support::eventually([this] { return ended_.load(); }, limit)) return;
    std::fprintf(stderr, "HUNG: program %lu; outstanding:\n", seed_);
    world_.describe();
    notices::describe();
    describe_threads();
    // For a debugger.
    if (std::getenv("KAIO_RANDOM_STOP") != nullptr) ::kill(::getpid(), SIGSTOP);
    ::_exit(4);
  }

  World& world_;
  const std::uint64_t seed_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

// Takes all results, each once, for the items to find.
class Collector {
 public:
  Collector(std::deque<Actor>& actors, std::atomic<bool>& ending)
      : actors_(actors), ending_(ending), thread_([this] { collect(); }) {}
  ~Collector() { thread_.join(); }

 private:
  void collect() {
    const timespec limit{.tv_sec = 0, .tv_nsec = 2'000'000};
    while (!ending_) {
      aiocb* block = nullptr;
      const ssize_t result = aio_waitcomplete(&block, &limit);
      const int error = result < 0 ? errno : 0;
      if (block == nullptr) {
        if (error != EAGAIN && error != EINTR) report("aio_waitcomplete: %s", std::strerror(error));
        if (error == EAGAIN) std::this_thread::yield();
        continue;
      }
      Item* item = nullptr;
      for (Actor& actor : actors_)
        if (actor.knows(block, item)) break;
      if (item == nullptr)
        report("aio_waitcomplete gave an aiocb that nobody has");
      else
        item->deliver(result, error);
    }
  }

  std::deque<Actor>& actors_;
  std::atomic<bool>& ending_;
  std::thread thread_;
};

int body(std::uint64_t seed, Fault fault) {
  Chance chance(seed);
  set_fault(fault);
  expected(Promise::fence);  // reads the environment, which a handler must not
  notices::install();
  const bool by_waitcomplete = chance.one_of(6);
  const bool quiet = chance.one_of(4) || support::thread_sanitized;
  const unsigned actor_count = 1 + chance.below(4);
  const unsigned phase_count = 2 + chance.below(4);
  if (by_waitcomplete) {
    // From now on all are kept.
    aiocb* none = nullptr;
    const timespec no_time{};
    aio_waitcomplete(&none, &no_time);
    Item::delivered_by_waitcomplete = true;
  } else {
    extras::begin();
  }
  World world(chance);
  std::deque<Actor> actors;
  for (unsigned i = 0; i < actor_count; ++i) actors.emplace_back(world, chance.next(), quiet);
  const HangWatch watch(world, seed);
  std::atomic<bool> ending{false};
  std::unique_ptr<Collector> collector;
  if (by_waitcomplete) collector = std::make_unique<Collector>(actors, ending);
  std::barrier<> barrier(actor_count + 1);
  std::deque<std::thread> threads;
  for (Actor& actor : actors)
    threads.emplace_back([&] {
      for (unsigned phase = 0; phase < phase_count; ++phase) {
        actor.run(150);
        barrier.arrive_and_wait();
        barrier.arrive_and_wait();
      }
    });
  for (unsigned phase = 0; phase < phase_count; ++phase) {
    barrier.arrive_and_wait();
    world.settle();
    extras::settle();
    notices::settle();
    extras::settle();
    for (Actor& actor : actors) actor.settle();
    barrier.arrive_and_wait();
  }
  for (std::thread& thread : threads) thread.join();
  ending = true;
  collector.reset();
  kaio_statistics statistics{};
  kaio_get_statistics(&statistics, sizeof statistics);
  if (statistics.submitted != statistics.completed)
    report("%lu requests accepted, %lu completed", statistics.submitted, statistics.completed);
  return trouble_count() == 0 ? 0 : 1;
}

}  // namespace

int run_program(std::uint64_t seed, Fault fault) {
  return support::run_in_child(
      [&] {
        // What it leaves behind at its end is of no interest, but that its files go.
        return body(seed, fault);
      },
      time_limit_s() + 20);
}

}  // namespace random_test
