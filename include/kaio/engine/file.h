// SPDX-License-Identifier: MIT
// An open file, with what an engine has to know of it: found once, when it is opened.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sys/types.h>
#include <system_error>

#include <kaio/engine/export.h>

namespace kaio {

namespace engine {
struct FileState;
}

// Whether transfers go past the page cache (O_DIRECT).
enum class Direct : std::uint8_t {
  require,  // opening fails where the file system refuses it
  prefer,   // goes through the page cache there: tmpfs, some of FUSE and overlay
  never,
};

// How a file is opened.
struct FileOptions {
  int flags = 0;  // of open(2), beside O_DIRECT and O_CLOEXEC, which are set here
  mode_t mode = 0644;
  Direct direct = Direct::prefer;
  std::uint64_t reserved[4] = {};  // 0: for what later versions have to add
};

// What addresses, lengths and offsets of direct transfers have to be multiples of; 1 for a file
// that is not direct. All are powers of two.
struct Alignment {
  std::uint32_t memory_bytes = 1;
  std::uint32_t read_bytes = 1;       // length and offset
  std::uint32_t overwrite_bytes = 1;  // the same, to write: what the kernel accepts
  // What a write had better keep to: whole blocks of the file system. Less makes XFS and ext4
  // take the file's lock alone, or read the rest of the block first.
  std::uint32_t write_bytes = 1;
};

// What fits the transfers of two files: for memory that is read from one and written to the
// other.
constexpr Alignment common_alignment(const Alignment& first, const Alignment& second) noexcept {
  return {.memory_bytes = std::max(first.memory_bytes, second.memory_bytes),
          .read_bytes = std::max(first.read_bytes, second.read_bytes),
          .overwrite_bytes = std::max(first.overwrite_bytes, second.overwrite_bytes),
          .write_bytes = std::max(first.write_bytes, second.write_bytes)};
}

// May be used by several engines and threads at once; opening, closing, moving and forgive()
// are for one at a time. Has to outlive the operations on it.
class KAIO_ENGINE_API File {
 public:
  // Not open.
  File() noexcept;
  // As open(2); throws std::system_error with its error. May wait, as open() does.
  explicit File(const char* path, const FileOptions& options = {});
  // Takes the descriptor over, which keeps its flags: whether it is direct is what O_DIRECT of
  // it says. Throws std::system_error if it is not open, and leaves it to the caller then.
  static File adopt(int fd);
  // Closes it.
  ~File();
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;

  bool is_open() const noexcept { return state_ != nullptr; }
  int fd() const noexcept;  // -1: not open
  bool is_direct() const noexcept;
  // A pipe, a socket, a terminal: has no offsets.
  bool is_stream() const noexcept;
  const Alignment& alignment() const noexcept;
  // Now; of a block device, its size. Throws std::system_error.
  std::uint64_t size_bytes() const;

  // Allocates the blocks of a range, and makes the file as long as that, by fallocate(2): writes
  // there need not extend the file, which kernels do only while the submitter waits. Waits for
  // the disk. False: the file system cannot do that (EOPNOTSUPP). Throws std::system_error.
  bool preallocate(std::uint64_t offset_bytes, std::uint64_t size_bytes);

  // A sync of the file has failed. The kernel may have dropped what could not be written, and
  // tells nobody a second time: so chains on the file are refused (EngineError::sync_failed_before)
  // until forgive() says that what was written before has been written again, or is not needed.
  bool sync_has_failed() const noexcept;
  void forgive() noexcept;

  // For the engine.
  engine::FileState* state() const noexcept { return state_.get(); }

 private:
  struct Deleter {
    void operator()(engine::FileState* state) const noexcept;
  };
  std::unique_ptr<engine::FileState, Deleter> state_;
};

}  // namespace kaio
