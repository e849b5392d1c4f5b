// SPDX-License-Identifier: MIT
// A control block with its buffer, that can be dropped at any time.
#pragma once

#include "aligned_buffer.h"
#include "deadline.h"

#include <aio.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace support {

class Request {
 public:
  static Request to_read(int fd, std::size_t size_bytes, off_t offset = 0);
  static Request to_write(int fd, std::string_view content, off_t offset = 0);
  static Request to_sync(int fd) { return to_read(fd, 0); }
  // Reads into, or writes from, memory of the caller's.
  static Request over(int fd, void* memory, std::size_t size_bytes, off_t offset = 0);

  Request(Request&&) = default;
  Request& operator=(Request&&) = delete;
  // Cancels what is in progress. What cannot be cancelled, and does not end by
  // itself soon, keeps its memory for ever: a failed test must not make the
  // next one fail.
  ~Request();

  // NOLINTNEXTLINE(google-explicit-constructor): goes where an aiocb * goes
  operator aiocb*() const { return block_.get(); }
  aiocb* operator->() const { return block_.get(); }
  char* data() const { return buffer_.data(); }
  std::string_view text(std::size_t size_bytes) const { return {data(), size_bytes}; }

 private:
  explicit Request(std::size_t size_bytes)
      : block_{std::make_unique<aiocb>()}, buffer_{size_bytes, '.'} {}

  // Not a member itself: with -Wpedantic glibc's definition may not be one.
  std::unique_ptr<aiocb> block_;
  AlignedBuffer buffer_;
};

struct NotDoneInTime : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline bool in_progress(const aiocb* block) { return aio_error(block) == EINPROGRESS; }

// The status once it is final; throws NotDoneInTime.
int wait_done(const aiocb* block, Duration limit = patience);
void wait_all_done(const std::vector<Request>& requests, Duration limit = patience);

std::vector<aiocb*> list_of(const std::vector<Request>& requests);
// For aio_suspend().
std::vector<const aiocb*> const_list_of(const std::vector<Request>& requests);

}  // namespace support
