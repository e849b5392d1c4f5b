// SPDX-License-Identifier: MIT
// Reads a whole file in a loop over epoll, which also has a timer and a signal: it tells how far
// it is ten times a second, and ends early when it is interrupted.
//
//   c++ -std=c++20 -O2 -o event_loop event_loop.cc -lkaio-engine
//   ./event_loop FILE
#include <kaio/engine.h>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <system_error>
#include <utility>

namespace {

constexpr std::size_t block_bytes = 256 * 1024, depth = 8;

int checked(int number, const char* what) {
  if (number < 0) throw std::system_error(errno, std::system_category(), what);
  return number;
}

class Descriptor {
 public:
  Descriptor(int fd, const char* what) : fd_(checked(fd, what)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int number() const { return fd_; }

 private:
  int fd_;
};

void watch(const Descriptor& loop, int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  checked(::epoll_ctl(loop.number(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

Descriptor interrupts() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return {::signalfd(-1, &signals, SFD_CLOEXEC), "signalfd"};
}

Descriptor ten_times_a_second() {
  Descriptor timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timerfd_create"};
  const itimerspec times{.it_interval = {0, 100'000'000}, .it_value = {0, 100'000'000}};
  checked(::timerfd_settime(timer.number(), 0, &times, nullptr), "timerfd_settime");
  return timer;
}

class Scan {
 public:
  Scan(kaio::Engine& engine, const kaio::File& file)
      : engine_(engine), file_(file), buffers_(file, depth, block_bytes),
        file_bytes_(file.size_bytes()) {
    for (std::size_t i = 0; i < depth; ++i) {
      blocks_[i] = buffers_.take();
      start(i);
    }
  }

  // What has ended is looked at, and read into again.
  void on_readable() {
    std::array<kaio::Operation*, depth> room;
    for (kaio::Operation* read : engine_.poll(room)) {
      done_bytes_ += read->result().value();
      if (!is_stopped_) start(static_cast<std::size_t>(read - reads_.data()));
    }
    engine_.flush();
  }

  void stop() { is_stopped_ = true; }
  double part() const {
    return static_cast<double>(done_bytes_) / static_cast<double>(file_bytes_);
  }
  std::uint64_t done_bytes() const { return done_bytes_; }

 private:
  void start(std::size_t i) {
    if (next_offset_ >= file_bytes_) return;
    engine_.submit(reads_[i].read(file_, blocks_[i].data(), blocks_[i].size(), next_offset_))
        .or_throw();
    next_offset_ += blocks_[i].size();
  }

  kaio::Engine& engine_;
  const kaio::File& file_;
  kaio::BufferPool buffers_;
  std::array<kaio::BufferPool::Block, depth> blocks_;
  std::array<kaio::Operation, depth> reads_;
  const std::uint64_t file_bytes_;
  std::uint64_t next_offset_ = 0, done_bytes_ = 0;
  bool is_stopped_ = false;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "Usage: %s FILE\n", argv[0]);
    return 2;
  }
  const kaio::File file(argv[1], {.flags = O_RDONLY});
  const Descriptor loop{::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"};
  const Descriptor interrupt = interrupts(), timer = ten_times_a_second();
  kaio::Engine engine;
  watch(loop, engine.fd());  // before anything is submitted
  watch(loop, interrupt.number());
  watch(loop, timer.number());

  Scan scan(engine, file);
  engine.flush();
  while (engine.under_way() != 0) {
    epoll_event event{};
    if (::epoll_wait(loop.number(), &event, 1, -1) < 0 && errno != EINTR) checked(-1, "epoll_wait");
    if (event.data.fd == engine.fd()) {
      scan.on_readable();
    } else if (event.data.fd == timer.number()) {
      std::uint64_t expirations = 0;
      checked(static_cast<int>(::read(timer.number(), &expirations, sizeof expirations)), "timer");
      std::fprintf(stderr, "%.0f %%\n", 100 * scan.part());
    } else if (event.data.fd == interrupt.number()) {
      scan.stop();
    }
  }
  std::printf("%llu bytes\n", static_cast<unsigned long long>(scan.done_bytes()));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
