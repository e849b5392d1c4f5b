// SPDX-License-Identifier: MIT
#include "base/aligned_buffer.h"

#include "base/errors.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/text.h"

#include <fmt/format.h>
#include <sys/mman.h>

namespace aio_bench {

AlignedBuffer::AlignedBuffer(std::size_t size_bytes, std::uint64_t seed)
    : data_(nullptr), size_bytes_(size_bytes) {
  void* pages =
      ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    throw RunError(fmt::format("no memory for {} of buffers{}", size_text(size_bytes),
                               memory_advice(size_bytes)));
  data_ = static_cast<std::byte*>(pages);
  Random(seed).fill(words());
}

AlignedBuffer::~AlignedBuffer() { ::munmap(data_, size_bytes_); }

std::span<std::uint64_t> AlignedBuffer::words() const noexcept {
  return {reinterpret_cast<std::uint64_t*>(data_), size_bytes_ / sizeof(std::uint64_t)};
}

}  // namespace aio_bench
