// SPDX-License-Identifier: MIT
// How many records a second a disk makes durable for several threads that each wait for theirs:
// those who share groups (kaio::GroupCommit), or who each write and sync by themselves, through
// the page cache or past it. `together` is what the disk has to give: one thread writes and syncs
// as many records at a time as there would be threads, past the page cache.
//
//   c++ -std=c++20 -O2 -pthread -o commit_rate commit_rate.cc -lkaio-engine
//   ./commit_rate groups|together|buffered|direct FILE [THREADS [SECONDS]]
//
// FILE is written over, and stays as long as it is: write some 500 MiB to it first. Groups stop at
// its end, as writes that make a file longer cost more.
#include <kaio/engine.h>
#include <kaio/engine/group_commit.h>
#include <kaio/engine/thread.h>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t record_bytes = 4096;

// Makes one record durable. False: there is no room for another. Throws std::system_error.
using Commit = std::function<bool(const std::byte* record)>;

void require(bool holds, const char* what) {
  if (!holds) throw std::system_error(errno, std::system_category(), what);
}

// Each thread commits as often as it can. Returns how many records a second that were.
double rate_of(unsigned thread_count, double seconds,
               const std::function<Commit(unsigned number)>& committer) {
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> record_count{0};
  std::vector<std::exception_ptr> errors(thread_count);
  const auto begin = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (unsigned number = 0; number < thread_count; ++number)
      threads.emplace_back([&, number] {
        try {
          const Commit commit = committer(number);
          const kaio::Buffer record(record_bytes);
          for (; !is_over; ++record_count)
            if (!commit(record.data())) is_over = true;
        } catch (...) {
          errors[number] = std::current_exception();
          is_over = true;
        }
      });
    const auto end = begin + std::chrono::duration<double>(seconds);
    while (!is_over && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    is_over = true;
  }
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(record_count) / took.count();
}

double rate_of_groups(const char* path, unsigned thread_count, double seconds) {
  const kaio::File file(path, {.flags = O_WRONLY});
  kaio::EngineThread thread;
  kaio::GroupCommit log(thread, file);
  const std::uint64_t end_bytes = file.size_bytes();
  const std::uint64_t group_bytes = (thread_count + 1) * record_bytes;
  if (end_bytes < 2 * group_bytes) throw std::runtime_error("the file is too short");
  const auto commit = [&](const std::byte* record) {
    std::uint64_t place = 0;
    log.commit_and_wait({record, record_bytes}, &place).value();
    return place + 2 * group_bytes < end_bytes;
  };
  return rate_of(thread_count, seconds, [&](unsigned) { return commit; });
}

double rate_together(const char* path, unsigned count, double seconds) {
  const kaio::File file(path, {.flags = O_WRONLY, .direct = kaio::Direct::require});
  const kaio::Buffer records(count * record_bytes);
  const iovec all{records.data(), records.size()};
  const std::uint64_t end_bytes = file.size_bytes() / all.iov_len * all.iov_len;
  if (end_bytes == 0) throw std::runtime_error("the file is too short");
  std::uint64_t place = 0;
  const auto commit = [&](const std::byte*) {
    const ssize_t done =
        ::pwritev2(file.fd(), &all, 1, static_cast<off_t>(place % end_bytes), RWF_DSYNC);
    require(done == static_cast<ssize_t>(all.iov_len), "write");
    place += all.iov_len;
    return true;
  };
  return count * rate_of(1, seconds, [&](unsigned) { return commit; });
}

// Each thread has a part of the file of its own.
double rate_of_each(const char* path, kaio::Direct direct, unsigned thread_count, double seconds) {
  const kaio::File file(path, {.flags = O_WRONLY, .direct = direct});
  const std::uint64_t part_bytes = file.size_bytes() / thread_count / record_bytes * record_bytes;
  if (part_bytes == 0) throw std::runtime_error("the file is too short");
  return rate_of(thread_count, seconds, [&](unsigned number) -> Commit {
    return [&, number, count = std::uint64_t{0}](const std::byte* record) mutable {
      const std::uint64_t place = number * part_bytes + count++ * record_bytes % part_bytes;
      const ssize_t done = ::pwrite(file.fd(), record, record_bytes, static_cast<off_t>(place));
      require(done == ssize_t{record_bytes} && ::fdatasync(file.fd()) == 0, "write");
      return true;
    };
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view way = argc > 1 ? argv[1] : "";
  const int threads = argc > 3 ? std::atoi(argv[3]) : 16;
  const double seconds = argc > 4 ? std::atof(argv[4]) : 2;
  const bool is_known =
      way == "groups" || way == "together" || way == "buffered" || way == "direct";
  if (argc < 3 || argc > 5 || !is_known || threads < 1 || seconds <= 0) {
    std::fprintf(stderr,
                 "usage: commit_rate groups|together|buffered|direct FILE [THREADS [SECONDS]]\n");
    return 2;
  }
  try {
    const auto thread_count = static_cast<unsigned>(threads);
    const auto direct = way == "direct" ? kaio::Direct::require : kaio::Direct::never;
    const double rate = way == "groups"     ? rate_of_groups(argv[2], thread_count, seconds)
                        : way == "together" ? rate_together(argv[2], thread_count, seconds)
                                            : rate_of_each(argv[2], direct, thread_count, seconds);
    if (way == "together") {
      std::printf("%.0f records a second by one thread, %d at a time\n", rate, threads);
    } else {
      std::printf("%.0f records a second by %d threads, %s\n", rate, threads, argv[1]);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "commit_rate: %s: %s\n", argv[2], error.what());
    return 1;
  }
  return 0;
}
