// SPDX-License-Identifier: MIT
// A write-ahead log with group commit, on kaio's engine.
//
// Many committers append records; one write and one sync make those durable that came together.
// A record has a number, its length, and a checksum over both and its bytes. After a crash the
// log is read from its start, up to the first place where no record with the next number is: what
// was acknowledged is before that place, and what was torn is not.
//
//   write_ahead_log write FILE RECORDS COMMITTERS
//       Appends to what is there, and says the number of each record once it is durable.
//   write_ahead_log check FILE
//       Reads it, and says the number of the last good record; 0 if there is none.
#include <kaio/engine/group_commit.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace {

constexpr std::uint64_t log_bytes = std::uint64_t{64} << 20;
constexpr std::size_t payload_bytes_max = 6000;

struct Header {
  std::uint64_t number = 0;  // from 1; 0: no record, and none up to the next block
  std::uint32_t payload_bytes = 0;
  std::uint32_t checksum = 0;
};

std::uint32_t crc32(std::uint32_t crc, const void* data, std::size_t size_bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0xedb88320u : 0u);
      made[i] = value;
    }
    return made;
  }();
  const auto* bytes = static_cast<const unsigned char*>(data);
  crc = ~crc;
  for (std::size_t i = 0; i < size_bytes; ++i) crc = table[(crc ^ bytes[i]) & 0xff] ^ (crc >> 8);
  return ~crc;
}

std::uint32_t checksum_of(Header header, const std::byte* payload) {
  header.checksum = 0;
  return crc32(crc32(0, &header, sizeof header), payload, header.payload_bytes);
}

// Records start at multiples of a header, so that a header never ends a block in part.
constexpr std::size_t padded(std::size_t size_bytes) {
  return (size_bytes + sizeof(Header) - 1) / sizeof(Header) * sizeof(Header);
}

// What a log holds: the last good record, and the block behind it, where the next group goes.
struct Recovered {
  std::uint64_t last_number = 0;
  std::uint64_t end_bytes = 0;
};

Recovered recover(kaio::Engine& engine, const kaio::File& file) {
  const std::size_t block_bytes = file.alignment().write_bytes;
  const kaio::Buffer log(log_bytes);
  kaio::Operation read;
  engine.submit(read.read(file, log.data(), log.size(), 0)).or_throw();
  engine.wait();
  const std::size_t size_bytes = read.result().value();

  Recovered found;
  std::size_t place = 0;
  while (place + sizeof(Header) <= size_bytes) {
    Header header;
    std::memcpy(&header, log.data() + place, sizeof header);
    const std::byte* const payload = log.data() + place + sizeof header;
    const bool is_next = header.number == found.last_number + 1 &&
                         header.payload_bytes <= size_bytes - place - sizeof header &&
                         header.checksum == checksum_of(header, payload);
    if (is_next) {
      found.last_number = header.number;
      place += padded(sizeof header + header.payload_bytes);
      found.end_bytes = (place + block_bytes - 1) / block_bytes * block_bytes;
    } else if (header.number == 0 && place % block_bytes != 0) {
      place = (place / block_bytes + 1) * block_bytes;  // the rest of a group's last block
    } else {
      break;
    }
  }
  return found;
}

// A coroutine that nobody waits for: it ends before the engine's drain() does.
struct Detached {
  struct promise_type {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

struct Writer {
  kaio::GroupCommit& log;
  std::uint64_t next_number;
  std::uint64_t last_number;
  bool failed = false;
};

Detached commit_records(Writer& writer) {
  std::vector<std::byte> record;
  while (writer.next_number <= writer.last_number && !writer.failed) {
    Header header{.number = writer.next_number++};
    header.payload_bytes = static_cast<std::uint32_t>(header.number * 7919 % payload_bytes_max);
    record.assign(padded(sizeof header + header.payload_bytes), std::byte{});
    std::memset(record.data() + sizeof header, static_cast<int>(header.number % 255 + 1),
                header.payload_bytes);
    header.checksum = checksum_of(header, record.data() + sizeof header);
    std::memcpy(record.data(), &header, sizeof header);

    const kaio::Result result = co_await writer.log.commit(record);
    if (!result) {
      std::fprintf(stderr, "record %llu: %s\n", static_cast<unsigned long long>(header.number),
                   result.error().message().c_str());
      writer.failed = true;
      break;
    }
    std::printf("%llu\n", static_cast<unsigned long long>(header.number));
    std::fflush(stdout);
  }
}

unsigned long number_from(std::string_view text) {
  unsigned long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    throw std::invalid_argument(std::string(text) + " is no number");
  return number;
}

int write_log(const char* path, unsigned long record_count, unsigned long committer_count) {
  kaio::Engine engine;
  kaio::File file(path, {.flags = O_RDWR | O_CREAT});
  // So that a group need not make the file longer. Where a file system has no fallocate, it does.
  if (file.size_bytes() < log_bytes) file.preallocate(0, log_bytes);
  const Recovered found = recover(engine, file);
  kaio::GroupCommit log(engine, file, {.start_bytes = found.end_bytes});
  Writer writer{.log = log,
                .next_number = found.last_number + 1,
                .last_number = found.last_number + record_count};
  for (unsigned long i = 0; i < committer_count; ++i) commit_records(writer);
  engine.drain();
  const kaio::GroupCommitStatistics done = log.statistics();
  std::fprintf(stderr, "%llu records in %llu groups\n",
               static_cast<unsigned long long>(done.records),
               static_cast<unsigned long long>(done.groups));
  return writer.failed ? 1 : 0;
}

int check_log(const char* path) {
  kaio::Engine engine;
  const kaio::File file(path, {.flags = O_RDONLY});
  std::printf("%llu\n", static_cast<unsigned long long>(recover(engine, file).last_number));
  return 0;
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string_view command = argument_count > 1 ? arguments[1] : "";
  try {
    if (command == "write" && argument_count == 5)
      return write_log(arguments[2], number_from(arguments[3]), number_from(arguments[4]));
    if (command == "check" && argument_count == 3) return check_log(arguments[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "write_ahead_log: %s\n", error.what());
    return 1;
  }
  std::fputs("usage: write_ahead_log write FILE RECORDS COMMITTERS | check FILE\n", stderr);
  return 2;
}
