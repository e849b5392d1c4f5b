// SPDX-License-Identifier: MIT
#pragma once

#include "base/errors.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/text.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/mman.h>

namespace aio_bench {

// Page-aligned memory straight from the kernel, filled with random bytes so that
// its pages exist before anything is measured.
class AlignedBuffer {
 public:
  // Throws RunError when there is no memory. size_bytes: a multiple of 8.
  AlignedBuffer(std::size_t size_bytes, std::uint64_t seed) : size_bytes_(size_bytes) {
    void* const pages =
        ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
      throw RunError("no memory for {} of buffers{}", size_text(size_bytes),
                     memory_advice(size_bytes));
    data_ = static_cast<std::byte*>(pages);
    Random(seed).fill(words());
  }
  ~AlignedBuffer() { ::munmap(data_, size_bytes_); }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  std::byte* data() const noexcept { return data_; }
  std::size_t size_bytes() const noexcept { return size_bytes_; }
  std::span<std::uint64_t> words() const noexcept {
    return {reinterpret_cast<std::uint64_t*>(data_), size_bytes_ / sizeof(std::uint64_t)};
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_bytes_;
};

}  // namespace aio_bench
