// SPDX-License-Identifier: MIT
// Many requests outstanding: thousands of reads that wait, and more transfers than
// the ring has places.
#include "stress.h"
#include "support/channel.h"
#include "support/child.h"
#include "support/limit.h"
#include "support/pattern.h"
#include "support/process.h"
#include "support/request.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>

using support::Request;

BOOST_AUTO_TEST_SUITE(scale)

namespace {

std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

kaio_statistics statistics() {
  kaio_statistics now{};
  kaio_get_statistics(&now, sizeof now);
  return now;
}

bool file_is_read(int fd, std::uint64_t place) {
  const Request read = Request::to_read(fd, 4096, static_cast<off_t>(place));
  if (aio_read(read) != 0) return false;
  return support::wait_done(read) == 0 && aio_return(read) == 4096 &&
         support::is_pattern(read.text(4096), place);
}

int block_many_reads(std::size_t count) {
  constexpr int threads_max = 40;
  const support::TemporaryFile file(1 << 20);
  const support::Fd fd = file.open(O_RDONLY);
  if (!file_is_read(fd.get(), 0)) return 1;
  std::vector<support::FdPair> pipes;
  std::vector<aiocb> blocks(count);
  std::vector<char> bytes(count, '.');
  for (std::size_t i = 0; i < count; ++i) pipes.push_back(support::make_pipe());
  std::fill(blocks.begin(), blocks.end(), aiocb{});
  const std::size_t before = resident_bytes();
  const std::uint64_t mapped_before = statistics().request_bytes;
  for (std::size_t i = 0; i < count; ++i) {
    blocks[i].aio_fildes = pipes[i].first.get();
    blocks[i].aio_buf = &bytes[i];
    blocks[i].aio_nbytes = 1;
    blocks[i].aio_sigevent.sigev_notify = SIGEV_NONE;
    if (aio_read(&blocks[i]) != 0) return 2;
  }
  for (std::uint64_t i = 0; i < 200; ++i)
    if (!file_is_read(fd.get(), i * 4096 % (1 << 20))) return 3;
  const double ours = double(statistics().request_bytes - mapped_before) / double(count) + 64;
  const double resident = double(resident_bytes() - before) / double(count);
  const int threads = support::thread_count();
  std::fprintf(stderr, "%zu reads wait: %.0f bytes each by the books, %.0f resident, %d threads\n",
               count, ours, resident, threads);
  // The last slab is not full.
  if (ours > 256 + 256.0 * 192 / double(count)) return 4;
  if (!support::sanitized && resident > 512) return 5;
  if (!support::sanitized && threads >= threads_max) return 6;
  for (const auto& ends : pipes)
    if (::write(ends.second.get(), "x", 1) != 1) return 7;
  for (std::size_t i = 0; i < count; ++i)
    if (support::wait_done(&blocks[i]) != 0 || aio_return(&blocks[i]) != 1 || bytes[i] != 'x')
      return 8;
  return 0;
}

int go_deeper_than_the_ring(int flags, bool in_lists) {
  constexpr int count = 5000;
  if (kaio_set_option("queue_depth", "64") != 0) return 1;
  const support::TemporaryFile file(1 << 20);
  const support::Fd fd = file.open(O_RDONLY | flags);
  std::vector<Request> reads;
  for (int i = 0; i < count; ++i) {
    reads.push_back(Request::to_read(fd.get(), 4096, i % 256 * 4096));
    reads.back()->aio_lio_opcode = LIO_READ;
  }
  auto list = support::list_of(reads);
  if (in_lists) {
    if (lio_listio(LIO_NOWAIT, list.data(), count, nullptr) != 0) return 2;
  } else {
    for (const Request& read : reads)
      if (aio_read(read) != 0) return 3;
  }
  for (int i = 0; i < count; ++i)
    if (support::wait_done(reads[i]) != 0 || aio_return(reads[i]) != 4096 ||
        !support::is_pattern(reads[i].text(4096), static_cast<std::uint64_t>(i % 256) * 4096))
      return 4;
  return 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(ten_thousand_reads_that_wait_take_few_threads_and_little_memory) {
  stress::duration();
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t count = std::min<std::size_t>(10000, (limit.rlim_max - 200) / 2);
  if (count < 10000) std::fprintf(stderr, "SKIPPED: 10000 pipes: only %zu allowed\n", count);
  BOOST_TEST(support::run_in_child(
                 [&] {
                   const support::Limit more(RLIMIT_NOFILE, limit.rlim_max);
                   return block_many_reads(count);
                 },
                 120) == 0);
}

BOOST_AUTO_TEST_CASE(more_transfers_than_the_ring_has_places_all_end) {
  stress::duration();
  for (const int flags : {0, O_DIRECT})
    for (const bool in_lists : {false, true})
      BOOST_TEST_CONTEXT("O_DIRECT " << (flags != 0) << " in lists " << in_lists)
  BOOST_TEST(support::run_in_child([&] { return go_deeper_than_the_ring(flags, in_lists); }, 60) ==
             0);
}

BOOST_AUTO_TEST_SUITE_END()
