// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string_view>

namespace support {

inline constexpr std::size_t page_bytes = 4096;

// Memory as O_DIRECT wants it.
class AlignedBuffer {
 public:
  explicit AlignedBuffer(std::size_t size_bytes, char fill = 0)
      : size_bytes_{size_bytes}, data_{static_cast<char*>(std::aligned_alloc(
                                     page_bytes, (size_bytes / page_bytes + 1) * page_bytes))} {
    if (data_ == nullptr) throw std::bad_alloc{};
    std::fill_n(data_.get(), size_bytes, fill);
  }
  char* data() const { return data_.get(); }
  std::size_t size() const { return size_bytes_; }
  char* release() { return data_.release(); }
  std::string_view text() const { return {data(), size_bytes_}; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  std::size_t size_bytes_;
  std::unique_ptr<char, Free> data_;
};

}  // namespace support
