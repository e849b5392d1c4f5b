// SPDX-License-Identifier: MIT
//
// Which errors io_submit() gives itself and which come as an event, and what
// becomes of the rest of a batch.
#include "kernel_aio.h"
#include "fixtures.h"

#include <cerrno>
#include <climits>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace kernel_aio;

namespace {

struct Submission {
  Context context;
  fixtures::Fd file = fixtures::make_file(8192);
  fixtures::AlignedBuffer buffer{8192};

  // The error of io_submit itself; 1 if it took the request.
  int refusal(iocb block) {
    const int taken = context.submit(block);
    if (taken == 1) context.reap_one();
    return taken;
  }
  // The result of the event; fails if io_submit did not take the request.
  std::int64_t event(iocb block) {
    BOOST_REQUIRE_EQUAL(context.submit(block), 1);
    return context.reap_one();
  }
  iocb good_read() const { return read_block(file.get(), buffer.data(), 512); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(submit_errors, Submission)

BOOST_AUTO_TEST_CASE(a_batch_stops_at_the_first_bad_one_and_says_how_many_it_took) {
  iocb first = good_read();
  iocb bad = read_block(-1, buffer.data(), 512);
  iocb last = good_read();
  BOOST_TEST(context.submit({&first, &bad, &last}) == 1);
  BOOST_TEST(context.submit({&bad, &last}) == -EBADF);
  BOOST_TEST(context.submit({&last}) == 1);
  BOOST_TEST(context.reap_one() == 512);
  BOOST_TEST(context.reap_one() == 512);
  BOOST_TEST(context.reap_one(std::chrono::milliseconds{0}) == Context::nothing);
}

BOOST_AUTO_TEST_CASE(an_empty_batch_is_taken) {
  BOOST_TEST(context.submit(std::vector<iocb*>{}) == 0);
}

BOOST_AUTO_TEST_CASE(a_bad_descriptor_or_access_mode_is_EBADF_at_submission) {
  BOOST_TEST(refusal(read_block(-1, buffer.data(), 1)) == -EBADF);
  const fixtures::Fd reads = fixtures::open_path("/dev/zero", O_RDONLY);
  const fixtures::Fd writes = fixtures::open_path("/dev/null", O_WRONLY);
  BOOST_TEST(refusal(write_block(reads.get(), buffer.data(), 1)) == -EBADF);
  BOOST_TEST(refusal(read_block(writes.get(), buffer.data(), 1)) == -EBADF);
}

BOOST_AUTO_TEST_CASE(an_unknown_opcode_or_reserved_field_is_EINVAL_at_submission) {
  for (const int opcode : {4, 6, 9, 255}) {
    iocb block = good_read();
    block.aio_lio_opcode = static_cast<std::uint16_t>(opcode);
    BOOST_TEST(refusal(block) == -EINVAL, "opcode " << opcode);
  }
  iocb block = good_read();
  block.aio_reserved2 = 1;
  BOOST_TEST(refusal(block) == -EINVAL);
}

BOOST_AUTO_TEST_CASE(a_negative_offset_is_EINVAL_at_submission) {
  BOOST_TEST(refusal(read_block(file.get(), buffer.data(), 1, -1)) == -EINVAL);
  BOOST_TEST(refusal(write_block(file.get(), buffer.data(), 1, LLONG_MIN)) == -EINVAL);
}

// Streams included, so an offset that POSIX wants ignored must be set to 0.
BOOST_AUTO_TEST_CASE(a_negative_offset_is_EINVAL_on_a_pipe_and_a_socket_too) {
  const fixtures::FdPair pipe = support::make_pipe();
  const fixtures::FdPair sockets = support::make_sockets(SOCK_STREAM);
  BOOST_TEST(refusal(write_block(pipe.second.get(), "x", 1, -1)) == -EINVAL);
  BOOST_TEST(refusal(write_block(sockets.second.get(), "x", 1, -1)) == -EINVAL);
}

BOOST_AUTO_TEST_CASE(an_offset_on_a_socket_is_ESPIPE_and_ignored_on_a_pipe) {
  const fixtures::FdPair pipe = support::make_pipe();
  const fixtures::FdPair sockets = support::make_sockets(SOCK_STREAM);
  BOOST_TEST(context.carry_out(write_block(sockets.second.get(), "x", 1, 5)) == -ESPIPE);
  BOOST_TEST(context.carry_out(write_block(pipe.second.get(), "x", 1, 5)) == 1);
}

BOOST_AUTO_TEST_CASE(a_length_over_SSIZE_MAX_is_EINVAL_at_submission) {
  BOOST_TEST(refusal(read_block(file.get(), buffer.data(), std::size_t{SSIZE_MAX} + 1)) == -EINVAL);
}

// The rest of such a request is another request.
BOOST_AUTO_TEST_CASE(a_transfer_is_cut_at_two_gigabytes_less_a_page) {
  constexpr std::size_t size_bytes = std::size_t{3} << 30;
  void* const memory =
      ::mmap(nullptr, size_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  BOOST_REQUIRE(memory != MAP_FAILED);
  const fixtures::Fd null = fixtures::open_path("/dev/null", O_WRONLY);
  const std::int64_t cut = INT_MAX & -::sysconf(_SC_PAGESIZE);
  BOOST_TEST(event(write_block(null.get(), memory, size_bytes)) == cut);
  ::munmap(memory, size_bytes);
}

BOOST_AUTO_TEST_CASE(more_than_1024_vectors_is_EINVAL_at_submission) {
  const std::vector<iovec> vector(1025, iovec{buffer.data(), 1});
  BOOST_TEST(refusal(readv_block(file.get(), vector.data(), 1025)) == -EINVAL);
  BOOST_TEST(event(readv_block(file.get(), vector.data(), 1024)) == 1024);
  BOOST_TEST(event(readv_block(file.get(), vector.data(), 0)) == 0);
}

BOOST_AUTO_TEST_CASE(a_directory_is_EINVAL_at_submission_of_a_read) {
  const fixtures::Fd directory = fixtures::open_path("/", O_RDONLY | O_DIRECTORY);
  BOOST_TEST(refusal(read_block(directory.get(), buffer.data(), 1)) == -EINVAL);
}

BOOST_AUTO_TEST_CASE(memory_that_is_not_ours_is_EFAULT_as_an_event) {
  void* const closed = ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  BOOST_REQUIRE(closed != MAP_FAILED);
  BOOST_TEST(event(read_block(file.get(), closed, 512)) == -EFAULT);
  ::munmap(closed, 4096);
}

BOOST_AUTO_TEST_CASE(an_address_that_no_memory_can_have_is_EFAULT_at_submission) {
  BOOST_TEST(refusal(read_block(file.get(), reinterpret_cast<void*>(-8192L), 512)) == -EFAULT);
}

BOOST_AUTO_TEST_CASE(an_unknown_rwf_flag_is_EOPNOTSUPP_at_submission) {
  BOOST_TEST(refusal(with_flags(good_read(), rwf_unknown)) == -EOPNOTSUPP);
}

BOOST_AUTO_TEST_CASE(an_eventfd_to_notify_that_is_none_is_refused_at_submission) {
  BOOST_TEST(refusal(with_eventfd(good_read(), file.get())) == -EINVAL);
  BOOST_TEST(refusal(with_eventfd(good_read(), -1)) == -EBADF);
}

BOOST_AUTO_TEST_CASE(misaligned_direct_io_is_EINVAL_as_an_event, *support::with_direct_io()) {
  const fixtures::Fd direct = fixtures::make_file(8192, O_DIRECT);
  BOOST_TEST(event(read_block(direct.get(), buffer.data(), 512, 1)) == -EINVAL);
  BOOST_TEST(event(read_block(direct.get(), buffer.data(), 4096)) == 4096);
}

BOOST_AUTO_TEST_CASE(real_time_io_priority_is_EPERM_for_an_ordinary_user) {
  iocb block = good_read();
  block.aio_flags |= IOCB_FLAG_IOPRIO;
  block.aio_reqprio = 2 << 13;  // best effort, level 0
  BOOST_TEST(event(block) == 512);
  block.aio_reqprio = static_cast<std::int16_t>(7 << 13);  // no such class
  BOOST_TEST(refusal(block) == -EINVAL);

  block.aio_reqprio = 1 << 13;  // real time
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
    Context own;  // the parent's is of no use here
    ::_exit(own.submit(block) == -EPERM ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(end_of_file_is_a_result_of_zero) {
  BOOST_TEST(event(read_block(file.get(), buffer.data(), 512, 8192)) == 0);
  BOOST_TEST(event(read_block(file.get(), buffer.data(), 512, 1 << 20)) == 0);
  BOOST_TEST(event(read_block(file.get(), buffer.data(), 512, 8000)) == 192);
}

BOOST_AUTO_TEST_SUITE_END()
