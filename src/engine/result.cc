// SPDX-License-Identifier: MIT
#include <kaio/engine/result.h>

namespace kaio {
namespace {

class EngineCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "kaio"; }
  std::string message(int value) const override {
    switch (static_cast<EngineError>(value)) {
      case EngineError::none:
        return "nothing";
      case EngineError::misaligned_address:
        return "the memory is not aligned for direct I/O on this file (File::alignment)";
      case EngineError::misaligned_length:
        return "the length is no multiple of what direct I/O on this file takes "
               "(File::alignment)";
      case EngineError::misaligned_offset:
        return "the offset is no multiple of what direct I/O on this file takes "
               "(File::alignment)";
      case EngineError::busy:
        return "it is under way already";
      case EngineError::nothing_asked:
        return "the operation was not told what to do";
      case EngineError::not_open:
        return "the file is not open";
      case EngineError::other_process:
        return "the engine belongs to the parent process";
      case EngineError::sync_failed_before:
        return "a sync of the file has failed before (File::forgive)";
      case EngineError::log_failed:
        return "a group of the log has failed before (GroupCommit::restart)";
      case EngineError::ending:
        return "the engine is being destroyed";
      case EngineError::record_size:
        return "the record is empty, or longer than a group (GroupCommitOptions::group_bytes)";
    }
    return "unknown";
  }
  std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<EngineError>(value)) {
      case EngineError::busy:
        return std::errc::device_or_resource_busy;
      case EngineError::not_open:
        return std::errc::bad_file_descriptor;
      case EngineError::other_process:
        return std::errc::operation_not_permitted;
      case EngineError::ending:
        return std::errc::operation_canceled;
      case EngineError::sync_failed_before:
      case EngineError::log_failed:
        return std::errc::io_error;
      default:
        return std::errc::invalid_argument;
    }
  }
};

}  // namespace

const std::error_category& engine_category() noexcept {
  static const EngineCategory category;
  return category;
}

}  // namespace kaio
