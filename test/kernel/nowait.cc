// SPDX-License-Identifier: MIT
//
// RWF_NOWAIT: the attempt that classifies a request. Served, refused with an
// event (-EAGAIN, -EOPNOTSUPP) or refused by io_submit itself (-EOPNOTSUPP).
#include "kernel_aio.h"
#include "fixtures.h"

#include "support/deadline.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

using namespace kernel_aio;

namespace {

constexpr int refused = 1000;  // what `attempt` adds to an error of io_submit itself

struct Attempt {
  Context context;
  fixtures::AlignedBuffer buffer{65536, 'b'};

  // The event's result; an error of io_submit itself as -(refused + error).
  std::int64_t attempt(iocb block) {
    block = with_flags(block, rwf_nowait);
    if (const int taken = context.submit(block); taken != 1) return taken - refused;
    return context.reap_one();
  }
  std::int64_t try_read(const fixtures::Fd& from, std::size_t size_bytes = 512,
                        std::int64_t offset = 0) {
    return attempt(read_block(from.get(), buffer.data(), size_bytes, offset));
  }
  std::int64_t try_write(const fixtures::Fd& to, std::size_t size_bytes = 512,
                         std::int64_t offset = 0) {
    return attempt(write_block(to.get(), buffer.data(), size_bytes, offset));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(nowait, Attempt)

BOOST_AUTO_TEST_CASE(cached_buffered_read_of_ext4_is_served, *fixtures::on_ext4()) {
  const fixtures::Fd file = fixtures::make_file(65536);
  BOOST_TEST(::pread(file.get(), buffer.data(), 65536, 0) == 65536);
  BOOST_TEST(try_read(file, 65536) == 65536);
  BOOST_TEST(try_read(file, 512, 65536) == 0);
}

BOOST_AUTO_TEST_CASE(cold_buffered_read_of_ext4_says_EAGAIN, *fixtures::on_ext4()) {
  const fixtures::Fd file = fixtures::make_file(65536);
  BOOST_TEST(support::eventually([&] {
    fixtures::make_cold(file);
    return try_read(file, 65536) == -EAGAIN;
  }));
}

// Short without being at the end of the file: the rest must be continued. The
// attempt itself starts the read-ahead of what is missing (seen on 6.18), so that a
// second one may find it all: as it may now and then already at the first.
BOOST_AUTO_TEST_CASE(partly_cached_read_of_ext4_is_short, *fixtures::on_ext4()) {
  const fixtures::Fd file = fixtures::make_file(65536);
  BOOST_TEST(support::eventually([&] {
    fixtures::make_cold(file);
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_RANDOM);  // no read-ahead of ours
    return ::pread(file.get(), buffer.data(), 4096, 0) == 4096 && try_read(file, 65536) == 4096;
  }));
}

BOOST_AUTO_TEST_CASE(buffered_write_to_ext4_is_EOPNOTSUPP_as_an_event, *fixtures::on_ext4()) {
  BOOST_TEST(try_write(fixtures::make_file(8192)) == -EOPNOTSUPP);
}

BOOST_AUTO_TEST_CASE(direct_read_and_overwrite_of_ext4_are_served,
                     *fixtures::on_ext4() * support::with_direct_io()) {
  const fixtures::Fd file = fixtures::make_file(8192, O_DIRECT);
  fixtures::make_cold(file);
  BOOST_TEST(try_read(file, 4096) == 4096);
  BOOST_TEST(try_write(file, 4096, 4096) == 4096);
}

// A file that was just written or read through the cache has its direct writes
// refused until the pages are gone; its direct reads only while they are dirty.
BOOST_AUTO_TEST_CASE(direct_write_over_cached_pages_of_ext4_says_EAGAIN,
                     *fixtures::on_ext4() * support::with_direct_io()) {
  const fixtures::Fd file = fixtures::make_file(8192, O_DIRECT);
  BOOST_TEST(try_write(file, 4096) == -EAGAIN);
  BOOST_TEST(try_read(file, 4096) == 4096);
  BOOST_TEST(context.carry_out(write_block(file.get(), buffer.data(), 4096)) == 4096);
  BOOST_TEST(try_write(file, 4096) == 4096);
}

BOOST_AUTO_TEST_CASE(extending_direct_write_to_ext4_says_EAGAIN,
                     *fixtures::on_ext4() * support::with_direct_io()) {
  const fixtures::Fd file = fixtures::make_file(4096, O_DIRECT);
  fixtures::make_cold(file);
  BOOST_TEST(try_write(file, 4096, 4096) == -EAGAIN);
  BOOST_TEST(::ftruncate(file.get(), 65536) == 0);
  BOOST_TEST(try_write(file, 4096, 32768) == -EAGAIN);  // a hole
}

BOOST_AUTO_TEST_CASE(misaligned_direct_io_is_EINVAL_as_an_event_here_too,
                     *support::with_direct_io()) {
  const fixtures::Fd file = fixtures::make_file(8192, O_DIRECT);
  BOOST_TEST(try_read(file, 512, 1) == -EINVAL);
}

BOOST_AUTO_TEST_CASE(tmpfs_is_EOPNOTSUPP_at_submission, *fixtures::with_tmpfs()) {
  const fixtures::Fd file = fixtures::make_tmpfs_file(8192);
  BOOST_TEST(try_read(file) == -EOPNOTSUPP - refused);
  BOOST_TEST(try_write(file) == -EOPNOTSUPP - refused);
}

BOOST_AUTO_TEST_CASE(memfd_is_EOPNOTSUPP_at_submission) {
  const fixtures::Fd memory{::memfd_create("kaio", MFD_CLOEXEC)};
  fixtures::append(memory, "hello");
  BOOST_TEST(try_read(memory) == -EOPNOTSUPP - refused);
  BOOST_TEST(context.carry_out(read_block(memory.get(), buffer.data(), 512)) == 5);
}

BOOST_AUTO_TEST_CASE(pipe_is_served_or_says_EAGAIN, *fixtures::with_nowait_streams()) {
  const fixtures::FdPair pipe = support::make_pipe();
  BOOST_TEST(try_read(pipe.first) == -EAGAIN);
  BOOST_TEST(try_write(pipe.second, 5) == 5);
  BOOST_TEST(try_read(pipe.first) == 5);
  BOOST_TEST(try_write(pipe.second, 65536) == 65536);
  BOOST_TEST(try_write(pipe.second, 512) == -EAGAIN);  // full
}

BOOST_AUTO_TEST_CASE(write_to_an_almost_full_pipe_is_short, *fixtures::with_nowait_streams()) {
  const fixtures::FdPair pipe = support::make_pipe();
  ::fcntl(pipe.second.get(), F_SETPIPE_SZ, 65536);
  BOOST_TEST(try_write(pipe.second, 61440) == 61440);
  BOOST_TEST(try_write(pipe.second, 65536) == 4096);
}

BOOST_AUTO_TEST_CASE(pipe_whose_writer_is_gone_gives_end_of_file,
                     *fixtures::with_nowait_streams()) {
  fixtures::FdPair pipe = support::make_pipe();
  pipe.second.close();
  BOOST_TEST(try_read(pipe.first) == 0);
}

BOOST_AUTO_TEST_CASE(sockets_are_served_or_say_EAGAIN, *fixtures::with_nowait_streams()) {
  for (const fixtures::FdPair& pair :
       {support::make_sockets(SOCK_STREAM), support::make_sockets(SOCK_DGRAM)}) {
    BOOST_TEST(try_read(pair.first) == -EAGAIN);
    BOOST_TEST(try_write(pair.second, 5) == 5);
    BOOST_TEST(try_read(pair.first) == 5);
  }
}

// With data and without, with room and without: such a kernel does not look.
BOOST_AUTO_TEST_CASE(pipes_and_sockets_were_EOPNOTSUPP_at_submission,
                     *fixtures::without_nowait_streams()) {
  for (const fixtures::FdPair& pair : {support::make_pipe(), support::make_sockets(SOCK_STREAM),
                                       support::make_sockets(SOCK_DGRAM)}) {
    BOOST_TEST(try_read(pair.first) == -EOPNOTSUPP - refused);
    BOOST_TEST(try_write(pair.second, 5) == -EOPNOTSUPP - refused);
    fixtures::append(pair.second, "hello");
    BOOST_TEST(try_read(pair.first) == -EOPNOTSUPP - refused);
  }
}

BOOST_AUTO_TEST_CASE(read_of_an_eventfd_is_served_or_says_EAGAIN) {
  const fixtures::Fd eventfd = support::make_eventfd(3);
  BOOST_TEST(try_read(eventfd, 8) == 8);
  BOOST_TEST(try_read(eventfd, 8) == -EAGAIN);
}

// An eventfd has no write_iter, so that kernel AIO cannot write to it at all.
BOOST_AUTO_TEST_CASE(write_to_an_eventfd_is_EINVAL_at_submission) {
  const fixtures::Fd eventfd = support::make_eventfd();
  BOOST_TEST(try_write(eventfd, 8) == -EINVAL - refused);
  BOOST_TEST(context.carry_out(write_block(eventfd.get(), buffer.data(), 8)) == -EINVAL);
}

BOOST_AUTO_TEST_CASE(read_of_a_timerfd_that_is_not_due_says_EAGAIN_or_EOPNOTSUPP) {
  const fixtures::Fd timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)};
  // No read_iter before 6.10, and so no NOWAIT either.
  const int answer = support::kernel_is_at_least(6, 10) ? -EAGAIN : -EOPNOTSUPP - refused;
  BOOST_TEST(try_read(timer, 8) == answer);
}

BOOST_AUTO_TEST_CASE(null_zero_and_urandom_are_served) {
  const fixtures::Fd null = fixtures::open_path("/dev/null", O_RDWR);
  const fixtures::Fd zero = fixtures::open_path("/dev/zero", O_RDWR);
  const fixtures::Fd random = fixtures::open_path("/dev/urandom", O_RDONLY);
  BOOST_TEST(try_read(null) == 0);
  BOOST_TEST(try_write(null) == 512);
  BOOST_TEST(try_read(zero) == 512);
  BOOST_TEST(try_write(zero) == 512);
  BOOST_TEST(try_read(random, 64) == 64);
}

BOOST_AUTO_TEST_CASE(both_sides_of_a_pty_are_EOPNOTSUPP_at_submission) {
  const fixtures::FdPair pty = support::make_pty();
  for (const fixtures::Fd* side : {&pty.first, &pty.second}) {
    BOOST_TEST(try_read(*side) == -EOPNOTSUPP - refused);
    BOOST_TEST(try_write(*side) == -EOPNOTSUPP - refused);
  }
}

// Neither has NOWAIT; inotify (and some of procfs) has no read_iter either, so
// that without the flag kernel AIO answers EINVAL and only read(2) can serve it.
BOOST_AUTO_TEST_CASE(inotify_is_EOPNOTSUPP_at_submission_and_EINVAL_without_the_flag) {
  const fixtures::Fd watch{::inotify_init1(IN_CLOEXEC)};
  BOOST_TEST(try_read(watch) == -EOPNOTSUPP - refused);
  BOOST_TEST(context.carry_out(read_block(watch.get(), buffer.data(), 512)) == -EINVAL);
}

BOOST_AUTO_TEST_CASE(procfs_is_EOPNOTSUPP_at_submission) {
  const fixtures::Fd status = fixtures::open_path("/proc/self/status", O_RDONLY);
  BOOST_TEST(try_read(status) == -EOPNOTSUPP - refused);
}

BOOST_AUTO_TEST_CASE(fsync_with_the_flag_is_EINVAL_at_submission) {
  const fixtures::Fd file = fixtures::make_file(512);
  BOOST_TEST(attempt(fsync_block(file.get())) == -EINVAL - refused);
  BOOST_TEST(attempt(fsync_block(file.get(), true)) == -EINVAL - refused);
}

BOOST_AUTO_TEST_SUITE_END()
