// SPDX-License-Identifier: MIT
// What an operation came to, and the reasons for which the engine itself refuses one.
#pragma once

#include <cstddef>
#include <system_error>

#include <kaio/engine/export.h>

namespace kaio {

// Refusals of the engine's own, found before the kernel is asked. What the kernel says is an
// error of std::system_category().
enum class EngineError {
  misaligned_address = 1,  // of the memory: File::alignment().memory_bytes
  misaligned_length,       // File::alignment().read_bytes or .overwrite_bytes
  misaligned_offset,       // the same
  busy,                    // the operation, or the chain, is under way already
  nothing_asked,           // the operation was never told what to do
  not_open,                // its File has been closed, or moved from
  other_process,           // the engine is the parent process's: this is a child of fork()
  sync_failed_before,      // a sync of the file has failed: File::forgive()
};

KAIO_ENGINE_API const std::error_category& engine_category() noexcept;

// Found by std::error_code's constructor and by comparison.
inline std::error_code make_error_code(EngineError error) noexcept {
  return {static_cast<int>(error), engine_category()};
}

struct Result {
  // Transferred, even if an error came then. Of Operation::poll(): the events, as poll(2) has
  // them.
  std::size_t size_bytes = 0;
  // None: all was done that there was to do. A read that is short without an error has reached
  // the end of its file.
  std::error_code error;

  explicit operator bool() const noexcept { return !error; }
  // The same for those who want an exception: throws std::system_error.
  std::size_t value() const {
    if (error) throw std::system_error(error);
    return size_bytes;
  }
};

}  // namespace kaio

template <>
struct std::is_error_code_enum<kaio::EngineError> : std::true_type {};
