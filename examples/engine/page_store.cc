// SPDX-License-Identifier: MIT
// A file of pages that is read by two engines on two threads: one scans all of it in order, one
// reads single pages. Says how long the single reads take alone, beside the scan, and beside the
// scan when its I/O priority is the lowest and theirs the highest that needs no privilege.
//
//   c++ -std=c++20 -O2 -pthread -o page_store page_store.cc
//       $(pkg-config --cflags --libs kaio-engine)
//   ./page_store create FILE PAGES
//   ./page_store measure FILE [SECONDS]
//
// SECONDS is for each of the three. Each page has its number and a checksum, so one that is damaged
// or in the wrong place is seen by whoever reads it. The scan reads all pages at least once.
//
// A priority is a wish: the I/O scheduler of the device may heed it, and the measurement says which
// one that is. It has a choice only while requests wait in it. What the device has been given, it
// does in its own order, so a scan that keeps little outstanding is the other half of it.
#include <kaio/engine.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t page_bytes = 8192;
constexpr std::size_t extent_pages = 64, extent_bytes = extent_pages * page_bytes;
constexpr std::size_t depth = 8;  // extents that a scan has outstanding

constexpr kaio::IoPriority usual{};  // as the thread has it
constexpr kaio::IoPriority high{.io_class = kaio::IoPriority::Class::best_effort, .level = 0};
constexpr kaio::IoPriority low{.io_class = kaio::IoPriority::Class::idle};

struct PageHeader {
  std::uint64_t number = 0;
  std::uint64_t checksum = 0;  // of the page, with this field 0
};

// Fast and simple. A store that is to outlive errors of cables and memory takes a CRC.
std::uint64_t checksum_of(const std::byte* page) {
  std::uint64_t sum = 1;  // so that zeros are no page
  for (std::size_t place = 0; place < page_bytes; place += sizeof sum) {
    std::uint64_t word = 0;
    if (place != offsetof(PageHeader, checksum)) std::memcpy(&word, page + place, sizeof word);
    sum = std::rotl((sum ^ word) * 0x9e3779b97f4a7c15, 29);
  }
  return sum;
}

void fill_page(std::byte* page, std::uint64_t number) {
  std::mt19937_64 content(number);
  for (std::size_t place = 0; place < page_bytes; place += sizeof(std::uint64_t)) {
    const std::uint64_t word = content();
    std::memcpy(page + place, &word, sizeof word);
  }
  const PageHeader unsummed{.number = number};
  std::memcpy(page, &unsummed, sizeof unsummed);
  const std::uint64_t checksum = checksum_of(page);
  std::memcpy(page + offsetof(PageHeader, checksum), &checksum, sizeof checksum);
}

void check_page(const std::byte* page, std::uint64_t number) {
  PageHeader header;
  std::memcpy(&header, page, sizeof header);
  if (header.checksum != checksum_of(page))
    throw std::runtime_error("page " + std::to_string(number) + " is damaged");
  if (header.number != number)
    throw std::runtime_error("page " + std::to_string(header.number) + " is where page " +
                             std::to_string(number) + " should be");
}

void check_pages(const kaio::Operation& read, const std::byte* pages, std::uint64_t first,
                 std::size_t count) {
  if (read.result().value() != count * page_bytes)
    throw std::runtime_error("the file has become shorter");
  for (std::size_t i = 0; i < count; ++i) check_page(pages + i * page_bytes, first + i);
}

// Several extents side by side, and then a sync of them.
void create(const char* path, std::uint64_t page_count) {
  kaio::File file(path, {.flags = O_RDWR | O_CREAT | O_TRUNC});
  file.preallocate(0, page_count * page_bytes);  // so that no write need make it longer
  kaio::BufferPool buffers(file, depth, extent_bytes);
  std::array<kaio::BufferPool::Block, depth> extents;
  for (kaio::BufferPool::Block& extent : extents) extent = buffers.take();
  std::array<kaio::Operation, depth> writes;
  kaio::Chain chain(file);
  kaio::Engine engine;
  for (std::uint64_t page = 0; page < page_count;) {
    for (std::size_t i = 0; i < depth && page < page_count; ++i) {
      const std::uint64_t first = page;
      const std::uint64_t end = std::min(first + extent_pages, page_count);
      for (; page < end; ++page) fill_page(extents[i].data() + (page - first) * page_bytes, page);
      chain.add(
          writes[i].write(file, extents[i].data(), (end - first) * page_bytes, first * page_bytes));
    }
    engine.submit(chain).or_throw();
    engine.drain();
    chain.result().value();  // or an exception: it is not on the disk
  }
}

std::uint64_t count_pages(const kaio::File& file) {
  const std::uint64_t size_bytes = file.size_bytes();
  if (size_bytes == 0 || size_bytes % page_bytes != 0)
    throw std::runtime_error("this is no file of whole pages");
  return size_bytes / page_bytes;
}

// Reads the pages in order, again and again.
class Scan {
 public:
  Scan(const kaio::File& file, kaio::IoPriority priority)
      : file_(file), page_count_(count_pages(file)), buffers_(file, depth, extent_bytes) {
    for (Slot& slot : slots_) {
      slot.extent = buffers_.take();
      slot.read.set_priority(priority);
    }
  }

  void run(const std::stop_token& stop) {
    for (Slot& slot : slots_) start(slot);
    for (std::size_t i = 0; !stop.stop_requested() || seen_count_ < page_count_;
         i = (i + 1) % depth) {
      Slot& slot = slots_[i];
      while (!slot.read.is_idle()) engine_.wait();
      check_pages(slot.read, slot.extent.data(), slot.first, slot.count);
      seen_count_ += slot.count;
      start(slot);
    }
  }

  std::uint64_t seen_bytes() const { return seen_count_ * page_bytes; }

 private:
  struct Slot {
    kaio::BufferPool::Block extent;
    std::uint64_t first = 0;
    std::size_t count = 0;
    kaio::Operation read;
  };

  void start(Slot& slot) {
    slot.first = next_page_;
    slot.count = std::min<std::uint64_t>(extent_pages, page_count_ - slot.first);
    next_page_ = (slot.first + slot.count) % page_count_;
    engine_
        .submit(slot.read.read(file_, slot.extent.data(), slot.count * page_bytes,
                               slot.first * page_bytes))
        .or_throw();
    engine_.flush();
  }

  const kaio::File& file_;
  const std::uint64_t page_count_;
  kaio::BufferPool buffers_;
  std::array<Slot, depth> slots_;
  std::uint64_t next_page_ = 0, seen_count_ = 0;
  kaio::Engine engine_;  // last: it is gone before what it may still use
};

// One page after the other, at random, for so long. The times are from submit() until the page has
// been given back.
kaio::Histogram read_points(const kaio::File& file, kaio::IoPriority priority, Seconds time) {
  std::minstd_rand random;
  std::uniform_int_distribution<std::uint64_t> pages(0, count_pages(file) - 1);
  kaio::BufferPool buffers(file, 1, page_bytes);
  const kaio::BufferPool::Block page = buffers.take();
  kaio::Operation read;
  read.set_priority(priority);
  kaio::Histogram times;
  kaio::Engine engine;
  for (const auto end = Clock::now() + time; Clock::now() < end;) {
    const std::uint64_t number = pages(random);
    const auto begin = Clock::now();
    engine.submit(read.read(file, page.data(), page_bytes, number * page_bytes)).or_throw();
    engine.wait();
    times.add(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count()));
    check_pages(read, page.data(), number, 1);
  }
  return times;
}

void tell(const char* what, const kaio::Histogram& times) {
  std::printf("%-34s %7llu reads, median %6.0f us, 99 %% within %6.0f us", what,
              static_cast<unsigned long long>(times.count()),
              static_cast<double>(times.quantile_ns(0.5)) / 1e3,
              static_cast<double>(times.quantile_ns(0.99)) / 1e3);
}

void measure_beside_scan(const char* what, const kaio::File& file, kaio::IoPriority of_points,
                         kaio::IoPriority of_scan, Seconds time) {
  Scan scan(file, of_scan);
  std::exception_ptr error;
  const auto begin = Clock::now();
  std::jthread scanner([&](const std::stop_token& stop) {
    try {
      scan.run(stop);
    } catch (...) {
      error = std::current_exception();
    }
  });
  const kaio::Histogram times = read_points(file, of_points, time);
  scanner.request_stop();
  scanner.join();
  if (error) std::rethrow_exception(error);
  const Seconds seconds = Clock::now() - begin;
  tell(what, times);
  std::printf(", scan %5.0f MB/s\n",
              static_cast<double>(scan.seen_bytes()) / 1e6 / seconds.count());
}

// Of the device that the file is on; empty: it has none, or the kernel does not tell.
std::string scheduler_of(const kaio::File& file) {
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) return {};
  const dev_t device = S_ISBLK(status.st_mode) ? status.st_rdev : status.st_dev;
  const std::string folder =
      "/sys/dev/block/" + std::to_string(major(device)) + ':' + std::to_string(minor(device));
  for (const char* const queue : {"/queue/scheduler", "/../queue/scheduler"}) {  // of a partition
    std::ifstream all(folder + queue);
    for (std::string name; all >> name;)
      if (name.front() == '[') return name.substr(1, name.size() - 2);
  }
  return {};
}

void tell_of_scheduler(const kaio::File& file) {
  const std::string name = scheduler_of(file);
  const char* heeds = "what it makes of priorities is not known here";
  if (name == "none" || name == "kyber") heeds = "it does not look at priorities";
  if (name == "mq-deadline") heeds = "it heeds the classes of priorities";
  if (name == "bfq") heeds = "it heeds classes and levels of priorities";
  std::printf("scheduler of the device: %s; %s\n", name.empty() ? "unknown" : name.c_str(), heeds);
  if (!file.is_direct())
    std::puts("the file system has no direct I/O: what follows measures the page cache");
}

void measure(const char* path, Seconds time) {
  const kaio::File file(path, {.flags = O_RDONLY});
  tell_of_scheduler(file);
  tell("alone", read_points(file, usual, time));
  std::puts("");
  measure_beside_scan("beside a scan", file, usual, usual, time);
  measure_beside_scan("beside a scan, with priorities", file, high, low, time);
}

template <typename Number>
Number number_from(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !(number > 0))
    throw std::invalid_argument(std::string(text) + " is no number above 0");
  return number;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "create" && argc == 4) {
    create(argv[2], number_from<std::uint32_t>(argv[3]));
  } else if (command == "measure" && (argc == 3 || argc == 4)) {
    measure(argv[2], Seconds(argc == 4 ? number_from<double>(argv[3]) : 5));
  } else {
    std::fprintf(stderr, "Usage: %s create FILE PAGES | measure FILE [SECONDS]\n", argv[0]);
    return 2;
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "page_store: %s\n", error.what());
  return 1;
}
