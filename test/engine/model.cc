// SPDX-License-Identifier: MIT
#include "model.h"

#include "support/pattern.h"

#include <cstring>
#include <random>
#include <vector>

namespace engine_test {

int check_against_model(kaio::Engine& engine, const kaio::File& file, unsigned seed,
                        std::string* content) {
  constexpr std::size_t operation_count = 16;
  std::mt19937 chance(seed);
  std::string model = support::pattern(model_block_bytes * model_blocks);
  struct Task {
    kaio::Operation operation;
    kaio::Buffer buffer{model_block_bytes};
    std::size_t block = 0;
    bool reads = false;
  };
  std::vector<Task> tasks(operation_count);
  for (int round = 0; round < 60; ++round) {
    for (std::size_t i = 0; i < operation_count; ++i) {
      Task& task = tasks[i];
      task.block = (chance() % (model_blocks / operation_count)) * operation_count + i;
      const std::uint64_t offset_bytes = task.block * model_block_bytes;
      const auto kind = chance() % 8;
      task.reads = kind < 4;
      if (task.reads) {
        std::memset(task.buffer.data(), 0, model_block_bytes);
        task.operation.read(file, task.buffer.data(), model_block_bytes, offset_bytes);
      } else if (kind < 7) {
        std::memset(task.buffer.data(), static_cast<int>(chance() % 256), model_block_bytes);
        task.operation.write(file, task.buffer.data(), model_block_bytes, offset_bytes);
        std::memcpy(model.data() + offset_bytes, task.buffer.data(), model_block_bytes);
      } else {
        task.operation.datasync(file);
      }
      if (engine.submit(task.operation)) return 1;
    }
    engine.drain();
    for (const Task& task : tasks) {
      if (!task.operation.result()) return 2;
      if (task.reads &&
          (task.operation.result().size_bytes() != model_block_bytes ||
           std::memcmp(task.buffer.data(), model.data() + task.block * model_block_bytes,
                       model_block_bytes) != 0))
        return 3;
    }
  }
  if (content != nullptr) *content = model;
  const kaio::EngineStatistics statistics = engine.statistics();
  if (statistics.submitted != 60 * operation_count || statistics.completed != statistics.submitted)
    return 4;
  return statistics.failed == 0 && statistics.under_way == 0 ? 0 : 5;
}

}  // namespace engine_test
