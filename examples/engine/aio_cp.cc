// SPDX-License-Identifier: MIT
// Copies a file by coroutines, each of which reads a block and then writes it: as many reads and
// writes are outstanding as there are coroutines.
//
//   c++ -std=c++20 -O2 -o aio-cp aio_cp.cc $(pkg-config --cflags --libs kaio-engine)
//   ./aio-cp [--check] [--progress] SOURCE TARGET
//   ./aio-cp --compare SOURCE TARGET
//
// --check reads both files once more when all is on the disk, and compares them; --compare does
// that alone. --progress says how far it is; a terminal is told anyway. The exit status is 0, or 1
// if it did not work or the files differ, or 2 if it was called wrongly.
//
// What such a tool has to get right:
// - Both files are read and written past the page cache where their file systems allow it, in
//   units that suit both. The last block is written whole, and the file cut to its length then.
// - Holes are not read, and stay holes.
// - What it writes is called TARGET.incomplete until all of it is on the disk. So TARGET is the new
//   file or the old one, after a crash too. Upon an error or an interrupt, what there is of the new
//   one is removed. If one is there at the start, another aio-cp writes it, or was killed.
#include <kaio/engine.h>

#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <coroutine>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace {

constexpr std::size_t block_bytes = 512 * 1024;  // a multiple of what any file wants
constexpr std::size_t coroutine_count = 16;
constexpr std::uint64_t nowhere = UINT64_MAX;

volatile std::sig_atomic_t is_interrupted = 0;

void check(bool has_worked, const std::string& what) {
  if (!has_worked) throw std::system_error(errno, std::system_category(), what);
}

struct NamedFile {
  std::string path;
  kaio::File file;
};

// A part of a file that is not a hole.
struct Extent {
  std::uint64_t begin = nowhere, end = nowhere;
};

// The first one that ends behind `offset`; there may be none. These calls wait for the disk if
// the file system has to look there: nobody else waits for this program.
Extent next_extent(const NamedFile& in, std::uint64_t offset) {
  const off_t begin = ::lseek(in.file.fd(), static_cast<off_t>(offset), SEEK_DATA);
  if (begin < 0 && errno == ENXIO) return {};
  if (begin < 0 && errno == EINVAL) return {.begin = offset};  // as of a device: no holes
  check(begin >= 0, in.path);
  const off_t end = ::lseek(in.file.fd(), begin, SEEK_HOLE);
  check(end >= 0, in.path);
  return {.begin = static_cast<std::uint64_t>(begin), .end = static_cast<std::uint64_t>(end)};
}

// Says how far it is, on standard error, five times a second.
class Progress {
 public:
  using Clock = kaio::Engine::Clock;
  Progress(const char* what, std::uint64_t size_bytes, bool is_wanted)
      : what_(what), size_bytes_(size_bytes), is_wanted_(is_wanted) {}

  Clock::time_point due() const { return is_wanted_ ? due_ : Clock::time_point::max(); }

  // Up to `offset` all has been begun; `done_bytes` of it, which were no holes, have been done.
  void say(std::uint64_t offset, std::uint64_t done_bytes) {
    if (!is_wanted_ || Clock::now() < due_) return;
    due_ = Clock::now() + period;
    write(static_cast<double>(offset) / static_cast<double>(size_bytes_), done_bytes,
          is_terminal_ ? "  " : "\n");
  }
  void say_end(std::uint64_t done_bytes) const {
    if (is_wanted_) write(1, done_bytes, "\n");
  }

 private:
  static constexpr std::chrono::milliseconds period{200};

  void write(double part, std::uint64_t done_bytes, const char* end) const {
    const std::chrono::duration<double> seconds = Clock::now() - begin_;
    std::fprintf(stderr, "%s%s: %3.0f %%, %.0f MB/s%s", is_terminal_ ? "\r" : "", what_, 100 * part,
                 static_cast<double>(done_bytes) / 1e6 / seconds.count(), end);
  }

  const char* const what_;
  const std::uint64_t size_bytes_;
  const bool is_wanted_, is_terminal_ = ::isatty(STDERR_FILENO) == 1;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point due_ = begin_ + period;
};

class Pass;

// A coroutine of a pass. It begins at once, and its frame is gone at its end; the pass is told
// what it throws.
struct Task {
  struct promise_type {
    template <typename... Arguments>
    explicit promise_type(Pass& of, const Arguments&...) : pass(of) {}
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() noexcept;

    Pass& pass;
  };
};

// Goes once through all that is not a hole, to copy or to compare it.
class Pass {
 public:
  // Of the first `size_bytes`.
  Pass(kaio::Engine& engine, const NamedFile& source, NamedFile& target, std::uint64_t size_bytes,
       bool shows_progress)
      : engine_(engine), source_(source), target_(target), size_bytes_(size_bytes),
        alignment_(kaio::common_alignment(source.file.alignment(), target.file.alignment())),
        unit_bytes_(std::max(alignment_.read_bytes, alignment_.write_bytes)),
        shows_progress_(shows_progress), buffers_(alignment_, 2 * coroutine_count, block_bytes) {}
  // Before the buffers are gone.
  ~Pass() {
    is_over_ = true;
    engine_.drain();
  }
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  // The target is longer then, up to a whole block.
  void copy() {
    for (std::size_t i = 0; i < coroutine_count; ++i) copy_blocks();
    finish("copying");
  }

  void compare() {
    compares_ = true;
    for (std::size_t i = 0; i < coroutine_count; ++i) compare_blocks();
    finish("comparing");
  }

  // Only the first error is of interest: the others are the same, or follow from it.
  void fail(std::exception_ptr error) noexcept {
    is_over_ = true;
    if (!error_) error_ = std::move(error);
  }

 private:
  struct Block {
    std::uint64_t offset;
    std::size_t file_bytes;  // at the end of the file these are less
    std::size_t size_bytes;  // than what is read and written
  };

  std::uint64_t round_up(std::uint64_t bytes) const {
    return (bytes + unit_bytes_ - 1) / unit_bytes_ * unit_bytes_;
  }

  Task copy_blocks() {
    const kaio::BufferPool::Block memory = buffers_.take();
    while (const std::optional<Block> block = next_block()) {
      require(co_await engine_.read(source_.file, memory.data(), block->size_bytes, block->offset),
              block->file_bytes, source_);
      std::memset(memory.data() + block->file_bytes, 0, block->size_bytes - block->file_bytes);
      require(co_await engine_.write(target_.file, memory.data(), block->size_bytes, block->offset),
              block->size_bytes, target_);
      done_bytes_ += block->file_bytes;
    }
  }

  Task compare_blocks() {
    const kaio::BufferPool::Block one = buffers_.take(), other = buffers_.take();
    while (const std::optional<Block> block = next_block()) {
      require(co_await engine_.read(source_.file, one.data(), block->size_bytes, block->offset),
              block->file_bytes, source_);
      require(co_await engine_.read(target_.file, other.data(), block->size_bytes, block->offset),
              block->file_bytes, target_);
      compare_bytes(*block, one.data(), other.data());
      done_bytes_ += block->file_bytes;
    }
  }

  void compare_bytes(const Block& block, const std::byte* one, const std::byte* other) const {
    if (std::memcmp(one, other, block.file_bytes) == 0) return;
    const auto place = std::mismatch(one, one + block.file_bytes, other).first - one;
    throw std::runtime_error(source_.path + " and " + target_.path + " differ at byte " +
                             std::to_string(block.offset + static_cast<std::uint64_t>(place)));
  }

  static void require(const kaio::Result& result, std::size_t size_bytes, const NamedFile& of) {
    if (!result) throw std::system_error(result.error(), of.path);
    if (result.size_bytes() < size_bytes)
      throw std::runtime_error(of.path + ": has become shorter meanwhile");
  }

  // The next one, for one coroutine. None: there is no more to do.
  std::optional<Block> next_block() {
    if (is_interrupted != 0) is_over_ = true;
    if (is_over_ || (next_offset_ == data_end_ && !find_data())) return {};
    Block block{.offset = next_offset_, .file_bytes = 0, .size_bytes = 0};
    block.file_bytes = std::min<std::uint64_t>(block_bytes, data_end_ - next_offset_);
    block.size_bytes = round_up(block.file_bytes);
    next_offset_ += block.file_bytes;
    return block;
  }

  // Sets `next_offset_` and `data_end_` to what is to be done next, in whole units but at the end
  // of the file. What a unit has of a hole is zeros.
  bool find_data() {
    Extent extent = next_extent(source_, next_offset_);
    if (compares_) {  // where one has a hole, the other may have data
      const Extent other = next_extent(target_, next_offset_);
      if (other.begin < extent.begin) extent = other;
    }
    if (extent.begin >= size_bytes_) {
      next_offset_ = data_end_ = size_bytes_;
      return false;
    }
    next_offset_ = std::max(next_offset_, extent.begin / unit_bytes_ * unit_bytes_);
    data_end_ = size_bytes_;
    if (extent.end < size_bytes_) data_end_ = std::min(size_bytes_, round_up(extent.end));
    if (!compares_) preallocate();
    return true;
  }

  // So that the writes need not do it, of which each would need a thread. And a disk that is too
  // small says so now.
  void preallocate() {
    if (!can_preallocate_) return;
    try {
      can_preallocate_ = target_.file.preallocate(next_offset_, round_up(data_end_ - next_offset_));
    } catch (const std::system_error& error) {
      throw std::system_error(error.code(), target_.path);
    }
  }

  void finish(const char* what) {
    Progress progress(what, size_bytes_, shows_progress_);
    while (engine_.under_way() != 0) {
      engine_.wait(1, progress.due());  // the coroutines go on in here
      progress.say(next_offset_, done_bytes_);
    }
    if (error_) std::rethrow_exception(error_);
    if (is_interrupted != 0) throw std::runtime_error("interrupted");
    progress.say_end(done_bytes_);
  }

  kaio::Engine& engine_;
  const NamedFile& source_;
  NamedFile& target_;
  const std::uint64_t size_bytes_;
  const kaio::Alignment alignment_;
  const std::uint64_t unit_bytes_;
  const bool shows_progress_;
  bool compares_ = false, can_preallocate_ = true, is_over_ = false;
  std::uint64_t next_offset_ = 0, data_end_ = 0, done_bytes_ = 0;
  std::exception_ptr error_;
  kaio::BufferPool buffers_;
};

void Task::promise_type::unhandled_exception() noexcept { pass.fail(std::current_exception()); }

void sync(kaio::Engine& engine, const NamedFile& file) {
  kaio::Operation sync;
  engine.submit(sync.sync(file.file)).or_throw();
  engine.drain();
  if (!sync.result()) throw std::system_error(sync.result().error(), file.path);
}

// A new file that is removed again unless it is kept.
class Incomplete {
 public:
  explicit Incomplete(std::filesystem::path target)
      : target_(std::move(target)), file_{target_.string() + ".incomplete", {}} {
    file_.file = kaio::File(file_.path.c_str(), {.flags = O_RDWR | O_CREAT | O_EXCL, .mode = 0600});
  }
  ~Incomplete() {
    if (!is_kept_) ::unlink(file_.path.c_str());
  }
  Incomplete(const Incomplete&) = delete;
  Incomplete& operator=(const Incomplete&) = delete;

  NamedFile& file() { return file_; }

  void keep(kaio::Engine& engine) {
    std::filesystem::rename(file_.path, target_);
    is_kept_ = true;
    // The name is on the disk when the directory is.
    const std::string folder = target_.has_parent_path() ? target_.parent_path().string() : ".";
    sync(engine, {folder, kaio::File(folder.c_str(), {.flags = O_RDONLY | O_DIRECTORY})});
  }

 private:
  const std::filesystem::path target_;
  NamedFile file_;
  bool is_kept_ = false;
};

struct Options {
  bool checks = false, compares = false, shows_progress = ::isatty(STDERR_FILENO) == 1;
};

struct stat status_of(const NamedFile& file) {
  struct stat status {};
  check(::fstat(file.file.fd(), &status) == 0, file.path);
  return status;
}

// Not a pipe or a terminal. O_NONBLOCK, as opening a pipe would wait for its other end.
NamedFile open_to_read(const char* path) {
  NamedFile file{path, kaio::File(path, {.flags = O_RDONLY | O_NONBLOCK})};
  const mode_t mode = status_of(file).st_mode;
  if (S_ISDIR(mode)) throw std::runtime_error(file.path + ": is a directory");
  if (!S_ISREG(mode) && !S_ISBLK(mode))
    throw std::runtime_error(file.path + ": is neither a file nor a block device");
  return file;
}

// The permissions that the new file has to have.
mode_t mode_for(const NamedFile& source, const std::string& target) {
  const struct stat from = status_of(source);
  struct stat there {};
  if (::stat(target.c_str(), &there) == 0) {
    if (S_ISDIR(there.st_mode)) throw std::runtime_error(target + ": is a directory");
    if (!S_ISREG(there.st_mode)) throw std::runtime_error(target + ": is not a file");
    if (there.st_dev == from.st_dev && there.st_ino == from.st_ino)
      throw std::runtime_error(source.path + " and " + target + " are the same file");
    return there.st_mode & 07777;
  }
  check(errno == ENOENT, target);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return from.st_mode & 0777 & ~mask;
}

void copy(const char* source_path, const char* target_path, const Options& options) {
  const NamedFile source = open_to_read(source_path);
  const mode_t mode = mode_for(source, target_path);
  // Through a link, so that it is not the link that is replaced.
  std::error_code error;
  const std::filesystem::path place = std::filesystem::canonical(target_path, error);
  Incomplete incomplete(error ? target_path : place);
  NamedFile& target = incomplete.file();

  kaio::Engine engine;
  const std::uint64_t size_bytes = source.file.size_bytes();
  Pass(engine, source, target, size_bytes, options.shows_progress).copy();
  check(::ftruncate(target.file.fd(), static_cast<off_t>(size_bytes)) == 0, target.path);
  check(::fchmod(target.file.fd(), mode) == 0, target.path);
  sync(engine, target);
  if (options.checks) {
    // What is not direct would be compared with the page cache.
    ::posix_fadvise(target.file.fd(), 0, 0, POSIX_FADV_DONTNEED);
    Pass(engine, source, target, size_bytes, options.shows_progress).compare();
  }
  incomplete.keep(engine);
}

void compare(const char* source_path, const char* target_path, const Options& options) {
  const NamedFile source = open_to_read(source_path);
  NamedFile target = open_to_read(target_path);
  const std::uint64_t size_bytes = source.file.size_bytes();
  if (target.file.size_bytes() != size_bytes)
    throw std::runtime_error(source.path + " and " + target.path + " differ in length");
  kaio::Engine engine;
  Pass(engine, source, target, size_bytes, options.shows_progress).compare();
}

}  // namespace

int main(int argc, char** argv) try {
  const option names[] = {{"check", no_argument, nullptr, 'c'},
                          {"compare", no_argument, nullptr, 'd'},
                          {"progress", no_argument, nullptr, 'p'},
                          {nullptr, 0, nullptr, 0}};
  Options options;
  bool is_understood = true;
  for (int name = 0; (name = ::getopt_long(argc, argv, "", names, nullptr)) != -1;) {
    options.checks |= name == 'c';
    options.compares |= name == 'd';
    options.shows_progress |= name == 'p';
    is_understood &= name != '?';
  }
  if (!is_understood || argc - optind != 2) {
    std::fprintf(stderr, "Usage: %s [--check | --compare] [--progress] SOURCE TARGET\n", argv[0]);
    return 2;
  }
  for (const int number : {SIGINT, SIGTERM, SIGHUP})
    std::signal(number, [](int) { is_interrupted = 1; });
  (options.compares ? compare : copy)(argv[optind], argv[optind + 1], options);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "aio-cp: %s\n", error.what());
  return 1;
}
