// SPDX-License-Identifier: MIT
// Appends lines of standard input to a log, and says of each group of eight that it is durable:
// writes of whole blocks, and a sync, as one chain.
//
//   c++ -std=c++20 -O2 -o durable_append durable_append.cc -lkaio-engine
//   ./durable_append LOG
#include <kaio/engine.h>

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>

namespace {

constexpr std::size_t group_size = 8, block_bytes = 4096;
constexpr std::uint64_t step_bytes = std::uint64_t{16} << 20;

class Log {
 public:
  explicit Log(const char* path)
      : file_(path, {.flags = O_RDWR | O_CREAT}), buffers_(file_, group_size, block_bytes),
        chain_(file_) {
    end_bytes_ = allocated_bytes_ = end_of_blocks();
  }

  // One block for each line. Returns when they are durable.
  void append(std::span<const std::string> lines) {
    make_room(lines.size() * buffers_.block_bytes());
    std::array<kaio::BufferPool::Block, group_size> blocks;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      blocks[i] = buffers_.take();
      const std::size_t size_bytes = std::min(lines[i].size(), blocks[i].size() - 1);
      std::memset(blocks[i].data(), 0, blocks[i].size());
      std::memcpy(blocks[i].data(), lines[i].data(), size_bytes);
      blocks[i].data()[size_bytes] = std::byte{'\n'};
      chain_.add(writes_[i].write(file_, blocks[i].data(), blocks[i].size(),
                                  end_bytes_ + i * blocks[i].size()));
    }
    engine_.submit(chain_).or_throw();
    engine_.drain();
    // The first error of a write, or that of the sync: nothing may be called durable then.
    end_bytes_ += chain_.result().value();
  }

 private:
  // Behind the last block that has a line: what was allocated in advance reads as zeros.
  std::uint64_t end_of_blocks() {
    const std::uint64_t size_bytes = file_.size_bytes();
    kaio::BufferPool::Block block = buffers_.take();
    std::uint64_t end = size_bytes / block.size() * block.size();
    for (; end != 0; end -= block.size()) {
      kaio::Operation read;
      engine_.submit(read.read(file_, block.data(), block.size(), end - block.size())).or_throw();
      engine_.drain();
      read.result().value();
      if (std::to_integer<int>(*block.data()) != 0) break;
    }
    return end;
  }

  // Writes behind the end of a file are slow. So the file is made longer in large steps.
  void make_room(std::size_t size_bytes) {
    if (end_bytes_ + size_bytes <= allocated_bytes_) return;
    file_.preallocate(allocated_bytes_, step_bytes);
    allocated_bytes_ += step_bytes;
  }

  kaio::File file_;
  kaio::BufferPool buffers_;
  std::uint64_t end_bytes_ = 0, allocated_bytes_ = 0;
  std::array<kaio::Operation, group_size> writes_;
  kaio::Chain chain_;
  kaio::Engine engine_;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "Usage: %s LOG\n", argv[0]);
    return 2;
  }
  Log log(argv[1]);
  std::array<std::string, group_size> lines;
  std::size_t count = 0, durable_count = 0;
  do {
    count = 0;
    while (count < group_size && std::getline(std::cin, lines[count])) ++count;
    if (count == 0) break;
    log.append({lines.data(), count});
    durable_count += count;
    std::printf("%zu lines are durable\n", durable_count);
  } while (count == group_size);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
