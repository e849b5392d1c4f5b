// SPDX-License-Identifier: MIT
#include <kaio/engine/buffer.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

namespace kaio {
namespace {

constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;

std::size_t round_up(std::size_t size_bytes, std::size_t unit_bytes) {
  if (size_bytes > SIZE_MAX - unit_bytes) throw std::bad_alloc();
  return (size_bytes + unit_bytes - 1) / unit_bytes * unit_bytes;
}

void* map(std::size_t size_bytes, int more_flags) noexcept {
  return ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | more_flags, -1, 0);
}

std::size_t block_size(const Alignment& alignment, std::size_t block_bytes) {
  return round_up(block_bytes, std::max({alignment.memory_bytes, alignment.read_bytes,
                                         alignment.overwrite_bytes, 1u}));
}

std::size_t product(std::size_t count, std::size_t block_bytes) {
  std::size_t size_bytes = 0;
  if (count == 0 || block_bytes == 0)
    throw std::invalid_argument("kaio::BufferPool: nothing to hold");
  if (__builtin_mul_overflow(count, block_bytes, &size_bytes)) throw std::bad_alloc();
  return size_bytes;
}

}  // namespace

Buffer::Buffer(std::size_t size_bytes, bool huge_pages) : size_bytes_(size_bytes) {
  static const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* memory = MAP_FAILED;
  if (huge_pages) {
    mapped_bytes_ = round_up(std::max<std::size_t>(size_bytes, 1), huge_page_bytes);
    memory = map(mapped_bytes_, MAP_HUGETLB);
  }
  if (memory == MAP_FAILED) {
    mapped_bytes_ = round_up(std::max<std::size_t>(size_bytes, 1), page_bytes);
    memory = map(mapped_bytes_, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    if (huge_pages) ::madvise(memory, mapped_bytes_, MADV_HUGEPAGE);
  }
  data_ = static_cast<std::byte*>(memory);
}

Buffer::~Buffer() {
  if (data_ != nullptr) ::munmap(data_, mapped_bytes_);
}

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)),
      mapped_bytes_(std::exchange(other.mapped_bytes_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  std::swap(mapped_bytes_, other.mapped_bytes_);
  return *this;
}

BufferPool::BufferPool(const File& file, std::size_t count, std::size_t block_bytes,
                       bool huge_pages)
    : BufferPool(file.alignment(), count, block_bytes, huge_pages) {}

BufferPool::BufferPool(const Alignment& alignment, std::size_t count, std::size_t block_bytes,
                       bool huge_pages)
    : block_bytes_(block_size(alignment, block_bytes)),
      memory_(product(count, block_bytes_), huge_pages), free_(count), free_count_(count) {
  // The first one is given out first.
  for (std::size_t i = 0; i < count; ++i) free_[count - 1 - i] = memory_.data() + i * block_bytes_;
}

}  // namespace kaio
