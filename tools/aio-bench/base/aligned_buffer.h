// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace aio_bench {

// Page-aligned memory straight from the kernel, filled with random bytes so that
// its pages exist before anything is measured.
class AlignedBuffer {
 public:
  // Throws RunError when there is no memory. size_bytes: a multiple of 8.
  AlignedBuffer(std::size_t size_bytes, std::uint64_t seed);
  ~AlignedBuffer();
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  std::byte* data() const noexcept { return data_; }
  std::size_t size_bytes() const noexcept { return size_bytes_; }
  std::span<std::uint64_t> words() const noexcept;

 private:
  std::byte* data_;
  std::size_t size_bytes_;
};

}  // namespace aio_bench
