// SPDX-License-Identifier: MIT
// Reads random blocks of a file or device past the page cache, 32 outstanding, and says how many
// there are in a second: the loop over io_submit() and io_getevents(), by the engine's callbacks.
//
//   c++ -std=c++20 -O2 -o random_reads random_reads.cc -lkaio-engine
//   ./random_reads FILE [COUNT]
#include <kaio/engine.h>

#include <fcntl.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <random>
#include <stdexcept>

namespace {

constexpr std::size_t block_bytes = 4096, depth = 32;

class RandomReads {
 public:
  RandomReads(const kaio::File& file, std::size_t count)
      : file_(file), buffers_(file, depth, block_bytes), left_count_(count) {
    const std::uint64_t block_count = file.size_bytes() / buffers_.block_bytes();
    if (block_count == 0) throw std::runtime_error("the file has less than a block");
    places_ = std::uniform_int_distribution<std::uint64_t>(0, block_count - 1);
  }

  void run() {
    for (Slot& slot : slots_) {
      slot.buffer = buffers_.take();
      slot.reads = this;
      slot.operation.on_completion(on_completion, &slot);
      start(slot);
    }
    engine_.drain();
    if (error_) throw std::system_error(error_, "read");
  }

  const kaio::Engine& engine() const { return engine_; }

 private:
  struct Slot {
    RandomReads* reads = nullptr;
    kaio::BufferPool::Block buffer;
    kaio::Operation operation;
  };

  void start(Slot& slot) {
    if (left_count_ == 0) return;
    --left_count_;
    kaio::Operation& read = slot.operation.read(file_, slot.buffer.data(), slot.buffer.size(),
                                                places_(random_) * slot.buffer.size());
    if (const kaio::Refusal refusal = engine_.submit(read)) stop(refusal);
  }

  // Runs inside drain(): the operation is idle again, and can be submitted anew.
  static void on_completion(kaio::Operation& operation) {
    Slot& slot = *static_cast<Slot*>(operation.context());
    const kaio::Result result = operation.result();
    if (!result) return slot.reads->stop(result.error());
    if (result.size_bytes() != slot.buffer.size())
      return slot.reads->stop(std::make_error_code(std::errc::io_error));  // it has become shorter
    slot.reads->start(slot);
  }

  void stop(std::error_code error) {
    error_ = error;
    left_count_ = 0;
  }

  const kaio::File& file_;
  kaio::BufferPool buffers_;
  std::array<Slot, depth> slots_;
  std::size_t left_count_;
  std::error_code error_;
  std::minstd_rand random_;
  std::uniform_int_distribution<std::uint64_t> places_;
  kaio::Engine engine_;  // last: it is gone before what it may still use
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "Usage: %s FILE [COUNT]\n", argv[0]);
    return 2;
  }
  const std::size_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100'000;
  const kaio::File file(argv[1], {.flags = O_RDONLY});
  RandomReads reads(file, count);
  const auto begin = std::chrono::steady_clock::now();
  reads.run();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::printf("%zu reads, %.0f in a second\n", count, static_cast<double>(count) / seconds.count());
  std::fputs(reads.engine().statistics().to_text().c_str(), stderr);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
