// SPDX-License-Identifier: MIT
// Direct reads by the engine, completed by callback or by coroutine, and by a loop over kernel
// AIO as a careful program writes it: one io_submit for all, one io_getevents for all. For
// callgrind to count the instructions of each.
//
// Usage: engine-reads callback|coroutine|raw FILE ROUNDS OUTSTANDING
#include <kaio/engine.h>

#include <array>
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <libaio.h>
#include <memory>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t block_bytes = 4096;
constexpr std::size_t outstanding_max = 128;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

void check(std::size_t size_bytes) {
  if (size_bytes != block_bytes) fail("a short read");
}

void read_raw(const char* path, char* blocks, long rounds, std::size_t outstanding) {
  const int fd = ::open(path, O_RDONLY | O_DIRECT);
  if (fd < 0) fail(path);
  io_context_t context = nullptr;
  if (::io_setup(outstanding_max, &context) != 0) fail("io_setup");
  std::array<iocb, outstanding_max> controls;
  std::array<iocb*, outstanding_max> list;
  std::array<io_event, outstanding_max> events;
  const auto count = static_cast<long>(outstanding);
  for (long round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < outstanding; ++i) {
      ::io_prep_pread(&controls[i], fd, blocks + i * block_bytes, block_bytes, 0);
      list[i] = &controls[i];
    }
    if (::io_submit(context, count, list.data()) != count) fail("io_submit");
    if (::io_getevents(context, count, count, events.data(), nullptr) != count)
      fail("io_getevents");
    for (std::size_t i = 0; i < outstanding; ++i) check(events[i].res);
  }
}

void read_by_callback(const char* path, char* blocks, long rounds, std::size_t outstanding) {
  kaio::Engine engine({.depth = outstanding_max});
  const kaio::File file(path, {.flags = O_RDONLY, .direct = kaio::Direct::require});
  std::vector<kaio::Operation> operations(outstanding);
  for (kaio::Operation& operation : operations)
    operation.on_completion([](kaio::Operation& ended) { check(ended.result().size_bytes()); });
  for (long round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < outstanding; ++i)
      if (engine.submit(operations[i].read(file, blocks + i * block_bytes, block_bytes, 0)))
        fail("submit");
    if (engine.wait(outstanding) != outstanding) fail("wait");
  }
}

struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Task read_many(kaio::Engine& engine, const kaio::File& file, char* block, long rounds) {
  for (long round = 0; round < rounds; ++round)
    check((co_await engine.read(file, block, block_bytes, 0)).size_bytes());
}

void read_by_coroutine(const char* path, char* blocks, long rounds, std::size_t outstanding) {
  kaio::Engine engine({.depth = outstanding_max});
  const kaio::File file(path, {.flags = O_RDONLY, .direct = kaio::Direct::require});
  for (std::size_t i = 0; i < outstanding; ++i)
    read_many(engine, file, blocks + i * block_bytes, rounds);
  engine.drain();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::string_view way = argv[1];
  const long rounds = std::atol(argv[3]);
  const auto outstanding = static_cast<std::size_t>(std::atol(argv[4]));
  if (outstanding == 0 || outstanding > outstanding_max) return 2;
  const std::unique_ptr<char, decltype(&std::free)> blocks(
      static_cast<char*>(std::aligned_alloc(block_bytes, outstanding * block_bytes)), &std::free);
  const auto read = way == "raw"        ? read_raw
                    : way == "callback" ? read_by_callback
                                        : read_by_coroutine;
  read(argv[2], blocks.get(), rounds, outstanding);
  return 0;
}
