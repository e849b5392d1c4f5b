// SPDX-License-Identifier: MIT
//
// IOCB_CMD_FSYNC and FDSYNC: carried out by a kernel worker, fence nothing.
#include "kernel_aio.h"
#include "fixtures.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

using namespace kernel_aio;

namespace {

struct Sync {
  Context context;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(fsyncing, Sync)

BOOST_AUTO_TEST_CASE(file_and_directory_are_synced) {
  const fixtures::Fd file = fixtures::make_file(4096);
  const fixtures::Fd directory = fixtures::open_path("/var/tmp", O_RDONLY | O_DIRECTORY);
  for (const bool data_only : {false, true}) {
    BOOST_TEST(context.carry_out(fsync_block(file.get(), data_only)) == 0);
    BOOST_TEST(context.carry_out(fsync_block(directory.get(), data_only)) == 0);
  }
}

BOOST_AUTO_TEST_CASE(tmpfs_syncs_at_once, *fixtures::with_tmpfs()) {
  BOOST_TEST(context.carry_out(fsync_block(fixtures::make_tmpfs_file(4096).get())) == 0);
}

// As fsync(2), and unlike POSIX for aio_fsync.
BOOST_AUTO_TEST_CASE(a_descriptor_opened_for_reading_is_synced) {
  const fixtures::Fd file = fixtures::make_file(4096);
  const fixtures::Fd reads =
      fixtures::open_path(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDONLY);
  BOOST_TEST(context.carry_out(fsync_block(reads.get())) == 0);
}

BOOST_AUTO_TEST_CASE(what_has_no_fsync_is_EINVAL_at_submission) {
  const fixtures::FdPair pipe = support::make_pipe();
  const fixtures::FdPair sockets = support::make_sockets(SOCK_STREAM);
  const fixtures::Fd null = fixtures::open_path("/dev/null", O_RDWR);
  for (const int descriptor : {pipe.first.get(), sockets.first.get(), null.get()}) {
    iocb block = fsync_block(descriptor);
    BOOST_TEST(context.submit(block) == -EINVAL);
  }
}

BOOST_AUTO_TEST_CASE(a_bad_descriptor_is_EBADF_at_submission) {
  iocb block = fsync_block(-1);
  BOOST_TEST(context.submit(block) == -EBADF);
}

// POSIX wants the other fields ignored, so none of them may reach the iocb.
BOOST_AUTO_TEST_CASE(buffer_length_offset_and_flags_are_EINVAL_at_submission) {
  const fixtures::Fd file = fixtures::make_file(4096);
  iocb with_buffer = fsync_block(file.get());
  with_buffer.aio_buf = 1;
  iocb with_length = fsync_block(file.get());
  with_length.aio_nbytes = 1;
  iocb with_offset = fsync_block(file.get());
  with_offset.aio_offset = 1;
  iocb with_flag = with_flags(fsync_block(file.get()), rwf_dsync);
  for (iocb* block : {&with_buffer, &with_length, &with_offset, &with_flag})
    BOOST_TEST(context.submit(*block) == -EINVAL);
}

// The fence is ours to build: a sync does not wait for what was submitted
// before it, here a read that nothing will ever answer.
BOOST_AUTO_TEST_CASE(it_does_not_wait_for_earlier_requests) {
  const fixtures::FdPair pipe = support::make_pipe();
  const fixtures::Fd file = fixtures::make_file(4096);
  iocb waits = poll_block(pipe.first.get(), POLLIN);
  iocb sync = fsync_block(file.get());
  BOOST_REQUIRE_EQUAL(context.submit({&waits, &sync}), 2);
  io_event event;
  BOOST_REQUIRE_EQUAL(context.get_events(1, 1, std::chrono::seconds{5}, &event), 1);
  BOOST_TEST(event.obj == reinterpret_cast<std::uint64_t>(&sync));
}

BOOST_AUTO_TEST_SUITE_END()
