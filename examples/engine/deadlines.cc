// SPDX-License-Identifier: MIT
// What a deadline, a stop request and a cancel come to: a wait for standard input is taken back,
// a read that the kernel has is not.
//
//   c++ -std=c++20 -O2 -pthread -o deadlines deadlines.cc -lkaio-engine
//   ./deadlines FILE MILLISECONDS
#include <kaio/engine.h>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stop_token>
#include <thread>

namespace {

using Clock = kaio::Operation::Clock;

void tell(const char* what, const kaio::Result& result) {
  if (result) {
    std::printf("%s: it came\n", what);
  } else if (result.error() == std::errc::timed_out) {
    std::printf("%s: its time is over\n", what);
  } else if (result.error() == std::errc::operation_canceled) {
    std::printf("%s: cancelled\n", what);
  } else {
    throw std::system_error(result.error(), what);
  }
}

void wait_with_deadline(kaio::Engine& engine, std::chrono::milliseconds time) {
  kaio::Operation wait;
  wait.poll(STDIN_FILENO, kaio::Readiness::readable).set_deadline(Clock::now() + time);
  engine.submit(wait).or_throw();
  engine.drain();
  tell("with a deadline", wait.result());
}

void wait_until_stopped(kaio::Engine& engine, std::chrono::milliseconds time) {
  std::stop_source stop;
  kaio::Operation wait;
  wait.poll(STDIN_FILENO, kaio::Readiness::readable).set_stop_token(stop.get_token());
  engine.submit(wait).or_throw();
  const std::jthread other([&] {
    std::this_thread::sleep_for(time);
    stop.request_stop();
  });
  engine.drain();
  tell("with a stop token", wait.result());
}

// The buffer is the kernel's until the read has ended, whatever the time.
void read_with_deadline(kaio::Engine& engine, const kaio::File& file,
                        std::chrono::milliseconds time) {
  kaio::BufferPool buffers(file, 1, 4096);
  const kaio::BufferPool::Block block = buffers.take();
  kaio::Operation read;
  read.read(file, block.data(), block.size(), 0)
      .set_deadline(Clock::now() + time,
                    [](kaio::Operation&) { std::puts("the read takes too long, and goes on"); });
  engine.submit(read).or_throw();
  engine.flush();
  const char* const answer =
      engine.cancel(read) == kaio::Cancelled::under_way ? "cannot be" : "has been";
  engine.drain();
  std::printf("a read that the kernel has %s cancelled: %zu bytes\n", answer,
              read.result().size_bytes());
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fprintf(stderr, "Usage: %s FILE MILLISECONDS\n", argv[0]);
    return 2;
  }
  const kaio::File file(argv[1], {.flags = O_RDONLY});
  const std::chrono::milliseconds time(std::strtoul(argv[2], nullptr, 10));
  kaio::Engine engine;
  wait_with_deadline(engine, time);
  wait_until_stopped(engine, time);
  read_with_deadline(engine, file, time);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
