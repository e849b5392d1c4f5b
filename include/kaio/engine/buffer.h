// SPDX-License-Identifier: MIT
// Memory that is aligned for direct transfers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <kaio/engine/export.h>
#include <kaio/engine/file.h>

namespace kaio {

// Pages of memory of its own, zeroed. Movable; the memory stays where it is.
class KAIO_ENGINE_API Buffer {
 public:
  Buffer() noexcept = default;
  // Aligned to pages, which is enough for every file, and not less long than asked for.
  // `huge_pages`: by pages of 2 MiB where the system has them free, and transparent ones
  // otherwise. Throws std::bad_alloc.
  explicit Buffer(std::size_t size_bytes, bool huge_pages = false);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_bytes_; }
  std::span<std::byte> span() const noexcept { return {data_, size_bytes_}; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
  std::size_t mapped_bytes_ = 0;
};

// A fixed number of blocks of one size, in one piece of memory: nothing is allocated after it
// has been made. For one thread at a time, as an engine.
class KAIO_ENGINE_API BufferPool {
 public:
  // Each block is aligned for direct transfers of all of `file`, and so is its size. Throws
  // std::bad_alloc, and std::invalid_argument if there is nothing to hold.
  BufferPool(const File& file, std::size_t count, std::size_t block_bytes, bool huge_pages = false);
  // The same for several files (common_alignment).
  BufferPool(const Alignment& alignment, std::size_t count, std::size_t block_bytes,
             bool huge_pages = false);
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  std::size_t block_bytes() const noexcept { return block_bytes_; }
  std::size_t free_count() const noexcept { return free_count_; }

  // A block of the pool, which goes back when this is destroyed. Empty: none was free.
  class Block {
   public:
    Block() noexcept = default;
    Block(Block&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), data_(std::exchange(other.data_, nullptr)) {}
    Block& operator=(Block&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(data_, other.data_);
      return *this;
    }
    ~Block() {
      if (data_ != nullptr) pool_->give_back(data_);
    }
    explicit operator bool() const noexcept { return data_ != nullptr; }
    std::byte* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return data_ == nullptr ? 0 : pool_->block_bytes_; }
    std::span<std::byte> span() const noexcept { return {data_, size()}; }

   private:
    friend class BufferPool;
    Block(BufferPool& pool, std::byte* data) noexcept : pool_(&pool), data_(data) {}
    BufferPool* pool_ = nullptr;
    std::byte* data_ = nullptr;
  };

  // Blocks have to be back before the pool is destroyed.
  Block take() noexcept {
    if (free_count_ == 0) return {};
    return Block(*this, free_[--free_count_]);
  }

 private:
  void give_back(std::byte* data) noexcept { free_[free_count_++] = data; }

  std::size_t block_bytes_;
  Buffer memory_;
  std::vector<std::byte*> free_;
  std::size_t free_count_;
};

}  // namespace kaio
