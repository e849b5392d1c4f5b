// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <libaio.h>
#include <span>

#include "core/transfer.h"

namespace kaio {

namespace limits {
// So much may be copied, by the kernel, in the call that asks for it.
inline constexpr std::size_t bytes_in_a_call_max = 256 * 1024;
}  // namespace limits

// Iocbs that one call submits together. The space is the caller's.
class SubmissionBatch {
 public:
  explicit SubmissionBatch(std::span<iocb*> space) noexcept : space_(space) {
    identified_.fill(-1);
  }
  void add(iocb& control) noexcept { space_[count_++] = &control; }
  std::span<iocb*> iocbs() const noexcept { return space_.first(count_); }
  bool has(const iocb& control) const noexcept {
    return std::ranges::find(iocbs(), &control) != iocbs().end();
  }

  // Transfers of this batch that were refused for want of a thread, and are their owner's again;
  // chained by Transfer::next.
  void refuse(Transfer& transfer) noexcept {
    transfer.next = refused_;
    refused_ = &transfer;
  }
  Transfer* refused() const noexcept { return refused_; }

  // Whether what is noted of the descriptor is known to be of this call: of a few of them,
  // as most lists have.
  bool has_identified(int fd) const noexcept {
    return std::ranges::find(identified_, fd) != identified_.end();
  }
  void identified(int fd) noexcept {
    const std::size_t place = next_++ % identified_.size();
    identified_[place] = fd;
    copies_[place] = true;  // until it is known to be otherwise
  }
  // Its transfers copy nothing in the call.
  void copies_nothing(int fd) noexcept {
    for (std::size_t i = 0; i < identified_.size(); ++i)
      if (identified_[i] == fd) copies_[i] = false;
  }

  // Whether so much more of that descriptor may be copied in this call.
  bool has_room_for(int fd, std::size_t size_bytes) noexcept {
    for (std::size_t i = 0; i < identified_.size(); ++i)
      if (identified_[i] == fd && !copies_[i]) return true;
    if (size_bytes > limits::bytes_in_a_call_max - copied_bytes_) return false;
    copied_bytes_ += size_bytes;
    return true;
  }

 private:
  std::span<iocb*> space_;
  std::size_t count_ = 0;
  std::array<int, 4> identified_;
  std::array<bool, 4> copies_{};
  std::size_t copied_bytes_ = 0;
  unsigned next_ = 0;
  Transfer* refused_ = nullptr;
};

}  // namespace kaio
