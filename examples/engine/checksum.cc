// SPDX-License-Identifier: MIT
// Sums up the bytes of a file by coroutines, each of which reads one block after the other: as
// many blocks are outstanding as there are coroutines.
//
//   c++ -std=c++20 -O2 -o checksum checksum.cc -lkaio-engine
//   ./checksum FILE
#include <kaio/engine.h>

#include <fcntl.h>

#include <coroutine>
#include <cstdio>
#include <exception>

namespace {

// A coroutine that begins at once, and whose frame is gone at its end.
struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

struct Work {
  kaio::Engine& engine;
  const kaio::File& file;
  kaio::BufferPool& buffers;
  std::uint64_t next_offset = 0, sum = 0;
  std::error_code error;
};

Task sum_blocks(Work& work) {
  const kaio::BufferPool::Block block = work.buffers.take();
  while (!work.error) {
    const std::uint64_t offset = work.next_offset;
    work.next_offset += block.size();
    const kaio::Result result =
        co_await work.engine.read(work.file, block.data(), block.size(), offset);
    if (!result) work.error = result.error();
    for (const std::byte byte : block.span().first(result.size_bytes()))
      work.sum += std::to_integer<unsigned>(byte);
    if (result.size_bytes() < block.size()) co_return;  // the end of the file
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "Usage: %s FILE\n", argv[0]);
    return 2;
  }
  const kaio::File file(argv[1], {.flags = O_RDONLY});
  constexpr std::size_t coroutine_count = 16, block_bytes = 64 * 1024;
  kaio::BufferPool buffers(file, coroutine_count, block_bytes);
  kaio::Engine engine;
  Work work{.engine = engine, .file = file, .buffers = buffers, .error = {}};
  for (std::size_t i = 0; i < coroutine_count; ++i) sum_blocks(work);
  engine.drain();  // the coroutines go on in here
  if (work.error) throw std::system_error(work.error, "read");
  std::printf("%llu\n", static_cast<unsigned long long>(work.sum));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
