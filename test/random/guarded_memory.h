// SPDX-License-Identifier: MIT
// Memory of one request: its aiocb and its buffer, each alone between pages that nobody
// may touch. Proves that nothing touches them once the request has ended: then they are
// made inaccessible, or filled with a pattern that is looked for before they are used
// again; or they are used again at once.
#pragma once

#include <aio.h>

#include <cstddef>

namespace random_test {

class GuardedMemory {
 public:
  static constexpr std::size_t buffer_bytes = 128 * 1024;

  GuardedMemory();
  ~GuardedMemory();
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  enum class After { nothing, pattern, no_access };
  void retire(After how);
  // Before it is used again; reports if it was touched.
  void prepare(const char* name);

  bool accessible() const { return state_ != After::no_access; }
  aiocb& block() const;
  // Of so many bytes: aligned for O_DIRECT, or up to the last byte before the guard.
  char* buffer(std::size_t size_bytes, bool aligned) const;

 private:
  char* pages_;
  volatile After state_ = After::nothing;  // read by handlers that interrupt the owner
  std::size_t block_place_ = 0;
};

}  // namespace random_test
