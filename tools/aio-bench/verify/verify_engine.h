// SPDX-License-Identifier: MIT
// What verify asks of an engine: reads and writes of any size at any place, and
// cancelling them. Kept apart from the engines that are measured, whose path is as
// short as it can be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace aio_bench {

struct VerifyRequest {
  bool is_write = false;
  std::byte* buffer = nullptr;
  std::size_t size_bytes = 0;
  std::uint64_t offset_bytes = 0;
};

struct VerifyCompletion {
  unsigned slot = 0;
  std::int64_t result = 0;  // bytes, or a negative error number; -ECANCELED: cancelled
};

// Used by one thread. Destroyed when nothing is in flight any more.
class VerifyEngine {
 public:
  virtual ~VerifyEngine() = default;

  // False: EAGAIN, try again after a completion. Any other refusal is a completion.
  // `slot` has nothing in flight and is below the depth that the engine was made for.
  virtual bool submit(unsigned slot, const VerifyRequest& request) = 0;

  // Asks to cancel what `slot` has in flight. Whether that worked, its completion
  // tells.
  virtual void cancel(unsigned slot) = 0;
  virtual bool can_cancel() const noexcept { return true; }

  // Waits for at least one completion and appends all that are known; may append
  // none when a signal handler ran. Throws RunError when nothing comes for
  // `patience_ns`: then requests are still in flight.
  virtual void wait(std::vector<VerifyCompletion>& completions) = 0;

  static constexpr std::int64_t patience_ns = INT64_C(10'000'000'000);
};

// In the order in which they are used.
const std::vector<std::string>& verify_engine_names();

// Throws RunError when the engine cannot run here; `name` is one of those above.
std::unique_ptr<VerifyEngine> make_verify_engine(const std::string& name, int fd, unsigned depth);

}  // namespace aio_bench
