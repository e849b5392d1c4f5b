// SPDX-License-Identifier: MIT
// What an operation came to, and the reasons for which the engine itself refuses one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

#include <kaio/engine/export.h>

namespace kaio {

// Refusals of the engine's own, found before the kernel is asked. What the kernel says is an
// error of std::system_category().
enum class EngineError {
  none,
  misaligned_address,  // of the memory: File::alignment().memory_bytes
  misaligned_length,   // File::alignment().read_bytes or .overwrite_bytes
  misaligned_offset,   // the same
  busy,                // the operation, or the chain, is under way already
  nothing_asked,       // the operation was never told what to do
  not_open,            // its File has been closed, or moved from
  other_process,       // the engine is the parent process's: this is a child of fork()
  sync_failed_before,  // a sync of the file has failed: File::forgive()
  log_failed,          // a group of the log has failed: GroupCommit::restart()
  ending,              // the engine's destructor ends what is under way
  record_size,         // it is empty, or longer than GroupCommitOptions::group_bytes
};

KAIO_ENGINE_API const std::error_category& engine_category() noexcept;

// Found by std::error_code's constructor and by comparison.
inline std::error_code make_error_code(EngineError error) noexcept {
  return {static_cast<int>(error), engine_category()};
}

// Whether something was refused, and why: `if (const Refusal refusal = engine.submit(...))`.
// True is a refusal, where a true Result is a success. None of what was to happen has happened,
// and no completion is called.
class [[nodiscard]] Refusal {
 public:
  constexpr Refusal(EngineError reason = EngineError::none) noexcept : reason_(reason) {}
  constexpr explicit operator bool() const noexcept { return reason_ != EngineError::none; }
  constexpr EngineError reason() const noexcept { return reason_; }
  operator std::error_code() const noexcept {
    return reason_ == EngineError::none ? std::error_code() : make_error_code(reason_);
  }
  // For those who want an exception: throws std::system_error.
  void or_throw() const {
    if (*this) throw std::system_error(make_error_code(reason_));
  }

 private:
  EngineError reason_;
};

class Result {
 public:
  constexpr Result() noexcept = default;
  // `error_number`: as errno has them; 0: none.
  constexpr Result(std::size_t size_bytes, int error_number) noexcept
      : size_bytes_(size_bytes), error_(error_number) {}
  constexpr Result(EngineError refusal) noexcept : error_(-static_cast<int>(refusal)) {}

  // Nothing went wrong. A read that is short all the same has reached the end of its file.
  constexpr explicit operator bool() const noexcept { return error_ == 0; }
  // Transferred, even if an error came then. Of Operation::poll(): the events, as poll(2) has
  // them.
  constexpr std::size_t size_bytes() const noexcept { return size_bytes_; }
  std::error_code error() const noexcept {
    if (error_ < 0) return make_error_code(static_cast<EngineError>(-error_));
    return error_ == 0 ? std::error_code() : std::error_code(error_, std::system_category());
  }
  // The number of bytes, or an exception: throws std::system_error.
  std::size_t value() const {
    if (error_ != 0) throw std::system_error(error());
    return size_bytes_;
  }

  // The same outcome of another number of bytes.
  constexpr Result with_bytes(std::size_t size_bytes) const noexcept {
    Result other = *this;
    other.size_bytes_ = size_bytes;
    return other;
  }

 private:
  std::size_t size_bytes_ = 0;
  int error_ = 0;  // errno; less than 0: EngineError
};

}  // namespace kaio

template <>
struct std::is_error_code_enum<kaio::EngineError> : std::true_type {};
