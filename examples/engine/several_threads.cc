// SPDX-License-Identifier: MIT
// Several threads read a file by one engine, which has a thread of its own.
//
//   c++ -std=c++20 -O2 -pthread -o several_threads several_threads.cc -lkaio-engine
//   ./several_threads FILE
#include <kaio/engine/thread.h>

#include <fcntl.h>

#include <atomic>
#include <cstdio>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t block_bytes = 64 * 1024, thread_count = 4;

class Reader {
 public:
  explicit Reader(const char* path) : file_(path, {.flags = O_RDONLY}) {}

  // By each thread, with memory and an operation of its own.
  void read_blocks() {
    kaio::BufferPool buffers(file_, 1, block_bytes);
    const kaio::BufferPool::Block block = buffers.take();
    kaio::Operation read;
    kaio::Result result;
    do {
      const std::uint64_t offset = next_offset_.fetch_add(block.size());
      result = thread_.perform(read.read(file_, block.data(), block.size(), offset));
      read_bytes_ += result.size_bytes();
    } while (result && result.size_bytes() == block.size());
    const std::lock_guard lock(mutex_);
    if (!result) error_ = result.error();
  }

  std::uint64_t read_bytes() const {
    if (error_) throw std::system_error(error_, "read");
    return read_bytes_;
  }

 private:
  const kaio::File file_;
  std::atomic<std::uint64_t> next_offset_ = 0, read_bytes_ = 0;
  std::mutex mutex_;
  std::error_code error_;
  kaio::EngineThread thread_;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "Usage: %s FILE\n", argv[0]);
    return 2;
  }
  Reader reader(argv[1]);
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < thread_count; ++i)
    threads.emplace_back([&reader] { reader.read_blocks(); });
  threads.clear();  // joins them
  std::printf("%llu bytes\n", static_cast<unsigned long long>(reader.read_bytes()));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
