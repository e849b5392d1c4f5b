// SPDX-License-Identifier: MIT
// Writes a file by a chain of the C++ engine, and reads it back by a callback and by a coroutine,
// past the page cache where the directory for temporary files allows it.
#include <kaio/engine.h>
#include <kaio/engine/thread.h>

#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <span>
#include <unistd.h>

namespace {

// Begins at once, and is gone at its end.
struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Task read_by_coroutine(kaio::Engine& engine, const kaio::File& file, std::span<std::byte> to,
                       std::size_t& size_bytes) {
  size_bytes = co_await engine.read(file, to.data(), to.size(), 0).or_throw();
}

bool all_are(std::span<const std::byte> block, char letter) {
  for (const std::byte byte : block) {
    if (static_cast<char>(byte) != letter) return false;
  }
  return true;
}

}  // namespace

int main() {
  char path[] = "/var/tmp/kaio-engine-XXXXXX";
  ::close(::mkstemp(path));
  const kaio::File file(path, {.flags = O_RDWR});
  ::unlink(path);
  kaio::Engine engine;
  kaio::BufferPool buffers(file, 3, 4096);
  const auto written = buffers.take(), called = buffers.take(), awaited = buffers.take();

  std::memset(written.data(), 'k', written.size());
  kaio::Operation write;
  kaio::Chain chain(file);
  chain.add(write.write(file, written.data(), written.size(), 0));
  engine.submit(chain).or_throw();
  engine.drain();
  if (chain.result().value() != written.size()) return 1;

  kaio::Operation read;
  std::size_t called_bytes = 0, awaited_bytes = 0;
  read.on_completion(
      [](kaio::Operation& operation) {
        *static_cast<std::size_t*>(operation.context()) = operation.result().size_bytes();
      },
      &called_bytes);
  engine.submit(read.read(file, called.data(), called.size(), 0)).or_throw();
  read_by_coroutine(engine, file, awaited.span(), awaited_bytes);
  engine.drain();
  if (called_bytes != called.size() || !all_are(called.span(), 'k')) return 2;
  if (awaited_bytes != awaited.size() || !all_are(awaited.span(), 'k')) return 3;

  kaio::EngineThread thread;
  kaio::Operation again;
  if (!thread.perform(again.read(file, called.data(), called.size(), 0))) return 4;
  return std::puts("read") < 0;
}
