// SPDX-License-Identifier: MIT
// Reads random blocks of a file or device with O_DIRECT, 32 outstanding, and says how many
// there are in a second: what a program does that uses io_submit() and io_getevents().
//
//   c++ -std=c++20 -O2 -o random_reads random_reads.cc -lkaio-posix
//   ./random_reads FILE [COUNT]
#include <kaio/aio.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <system_error>

namespace {

constexpr std::size_t block_bytes = 4096;
constexpr std::size_t depth = 32;

[[noreturn]] void fail(int error_number, const std::string& what) {
  throw std::system_error(error_number, std::generic_category(), what);
}

class File {
 public:
  explicit File(const char* path) : fd_(::open(path, O_RDONLY | O_DIRECT | O_CLOEXEC)) {
    // A file system may not have O_DIRECT.
    if (fd_ < 0 && errno == EINVAL) fd_ = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) fail(errno, path);
  }
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int descriptor() const { return fd_; }
  // Of a device too, whose size stat() does not tell.
  off_t block_count() const { return ::lseek(fd_, 0, SEEK_END) / static_cast<off_t>(block_bytes); }

 private:
  int fd_;
};

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

class RandomReads {
 public:
  RandomReads(const File& file, std::size_t count)
      : count_(count), places_(0, file.block_count() - 1) {
    if (file.block_count() == 0) fail(EINVAL, "the file has less than a block");
    buffers_.reset(static_cast<char*>(std::aligned_alloc(block_bytes, depth * block_bytes)));
    if (buffers_ == nullptr) throw std::bad_alloc();
    for (std::size_t i = 0; i < depth; ++i) {
      requests_[i].aio_fildes = file.descriptor();
      requests_[i].aio_buf = buffers_.get() + i * block_bytes;
      requests_[i].aio_nbytes = block_bytes;
      requests_[i].aio_lio_opcode = LIO_READ;
      requests_[i].aio_sigevent.sigev_notify = SIGEV_NONE;
    }
  }

  // What is still on its way uses the buffers.
  ~RandomReads() {
    for (const aiocb& request : requests_) {
      const aiocb* const list[] = {&request};
      while (aio_error(&request) == EINPROGRESS) aio_suspend(list, 1, nullptr);
    }
  }
  RandomReads(const RandomReads&) = delete;
  RandomReads& operator=(const RandomReads&) = delete;

  void run() {
    start_first();
    for (std::size_t done = 0; done < count_; ++done) {
      aiocb& request = wait_for_next();
      if (started_ < count_) start(request);
    }
  }

 private:
  // All by one system call.
  void start_first() {
    std::array<aiocb*, depth> list{};
    started_ = std::min(depth, count_);
    for (std::size_t i = 0; i < started_; ++i) {
      requests_[i].aio_offset = random_offset();
      list[i] = &requests_[i];
    }
    if (lio_listio(LIO_NOWAIT, list.data(), static_cast<int>(started_), nullptr) != 0)
      fail(errno, "lio_listio");
  }

  void start(aiocb& request) {
    request.aio_offset = random_offset();
    if (aio_read(&request) != 0) fail(errno, "aio_read");
    ++started_;
  }

  // Whichever it is; its result has been taken.
  static aiocb& wait_for_next() {
    for (;;) {
      aiocb* request = nullptr;
      const ssize_t size_bytes = aio_waitcomplete(&request, nullptr);
      if (request == nullptr && errno == EINTR) continue;
      if (request == nullptr || size_bytes < 0) fail(errno, "read");
      if (size_bytes != block_bytes) fail(EIO, "the file has become shorter");
      return *request;
    }
  }

  off_t random_offset() { return places_(random_) * static_cast<off_t>(block_bytes); }

  std::size_t count_;
  std::size_t started_ = 0;
  std::mt19937_64 random_{1};
  std::uniform_int_distribution<off_t> places_;
  std::unique_ptr<char, Free> buffers_;
  std::array<aiocb, depth> requests_{};
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2 || argc > 3) {
    std::fputs("Usage: random_reads FILE [COUNT]\n", stderr);
    return 2;
  }
  const std::size_t count = argc == 3 ? std::stoul(argv[2]) : 100'000;
  const File file(argv[1]);
  RandomReads reads(file, count);
  const auto begin = std::chrono::steady_clock::now();
  reads.run();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::printf("%zu reads of %zu bytes, %.0f in a second\n", count, block_bytes,
              static_cast<double>(count) / seconds.count());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "random_reads: %s\n", error.what());
  return EXIT_FAILURE;
}
