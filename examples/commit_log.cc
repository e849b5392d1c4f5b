// SPDX-License-Identifier: MIT
// Writes a log in groups of blocks, each group durable before it counts, from an event loop:
// what a program does that links writes and an fsync in io_uring, and has an eventfd
// registered there.
//
//   c++ -std=c++20 -O2 -o commit_log commit_log.cc -lkaio-posix
//   ./commit_log FILE [GROUPS]
#include <kaio/aio.h>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>

namespace {

constexpr std::size_t block_bytes = 4096;
constexpr std::size_t blocks_in_group = 8;
constexpr std::size_t group_bytes = blocks_in_group * block_bytes;

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

class Descriptor {
 public:
  Descriptor(int fd, const char* what) : fd_(checked(fd, what)) {}
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return fd_; }

 private:
  int fd_;
};

int open_log(const char* path) {
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  const int fd = ::open(path, flags | O_DIRECT, 0666);
  return fd >= 0 || errno != EINVAL ? fd : ::open(path, flags, 0666);
}

// The writes of a group, and the fsync that makes them durable.
class Group {
 public:
  Group(int log, int event) {
    data_.reset(static_cast<char*>(std::aligned_alloc(block_bytes, group_bytes)));
    if (data_ == nullptr) throw std::bad_alloc();
    for (aiocb& write : writes_) {
      write.aio_fildes = log;
      write.aio_nbytes = block_bytes;
      write.aio_sigevent.sigev_notify = SIGEV_NONE;
    }
    sync_.aio_fildes = log;
    sync_.aio_sigevent.sigev_notify = SIGEV_EVENTFD;
    sync_.aio_sigevent.sigev_notify_eventfd = event;
  }

  // What is still on its way uses the memory.
  ~Group() {
    for (const aiocb& write : writes_) wait_for(write);
    wait_for(sync_);
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  void fill(unsigned number) { std::memset(data_.get(), 'a' + number % 26, group_bytes); }

  // Only the last request is told of: it starts when those before it are done.
  void start(off_t offset) {
    for (std::size_t i = 0; i < blocks_in_group; ++i) {
      writes_[i].aio_buf = data_.get() + i * block_bytes;
      writes_[i].aio_offset = offset + static_cast<off_t>(i * block_bytes);
      checked(aio_write(&writes_[i]), "aio_write");
    }
    checked(aio_fsync(O_DSYNC, &sync_), "aio_fsync");
  }

  bool is_done() const { return aio_error(&sync_) != EINPROGRESS; }

  // Throws when any of it failed: then the group is not durable.
  void take_results() {
    for (aiocb& write : writes_)
      if (take(write, "write") != static_cast<ssize_t>(block_bytes))
        throw std::runtime_error("a write was short");
    take(sync_, "fsync");
  }

 private:
  static void wait_for(const aiocb& request) {
    const aiocb* const list[] = {&request};
    while (aio_error(&request) == EINPROGRESS) aio_suspend(list, 1, nullptr);
  }
  static ssize_t take(aiocb& request, const char* what) {
    const int error_number = aio_error(&request);
    const ssize_t result = aio_return(&request);
    if (error_number != 0) throw std::system_error(error_number, std::generic_category(), what);
    return result;
  }

  std::unique_ptr<char, decltype(&std::free)> data_{nullptr, &std::free};
  std::array<aiocb, blocks_in_group> writes_{};
  aiocb sync_{};
};

void write_log(const char* path, unsigned group_count) {
  const Descriptor log(open_log(path), path);
  const Descriptor event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
  const Descriptor loop(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  epoll_event interest{.events = EPOLLIN, .data = {.fd = event}};
  checked(::epoll_ctl(loop, EPOLL_CTL_ADD, event, &interest), "epoll_ctl");

  Group group(log, event);
  for (unsigned number = 0; number < group_count;) {
    group.fill(number);
    group.start(static_cast<off_t>(number * group_bytes));
    while (!group.is_done()) {
      // A server has its sockets and timers in the same loop.
      epoll_event ready{};
      const int count = ::epoll_wait(loop, &ready, 1, -1);
      if (count < 0 && errno != EINTR) checked(count, "epoll_wait");
      std::uint64_t completions = 0;
      if (count == 1 && ready.data.fd == event)
        checked(static_cast<int>(::read(event, &completions, sizeof completions)), "read");
    }
    group.take_results();
    ++number;
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2 || argc > 3) {
    std::fputs("Usage: commit_log FILE [GROUPS]\n", stderr);
    return 2;
  }
  const auto group_count = static_cast<unsigned>(argc == 3 ? std::stoul(argv[2]) : 64);
  write_log(argv[1], group_count);
  std::printf("%u groups of %zu blocks are durable\n", group_count, blocks_in_group);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "commit_log: %s\n", error.what());
  return EXIT_FAILURE;
}
