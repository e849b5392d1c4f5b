// SPDX-License-Identifier: MIT
// Errors of aio_read() and aio_write() that are the request's status: the call
// says 0, as programs on Linux are used to.
#include "cases.h"

#include <climits>
#include <cstdint>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

BOOST_AUTO_TEST_SUITE(errors_as_status)

namespace {

// Submits, and gives the status.
int status_of(Direction direction, aiocb* block) {
  BOOST_REQUIRE(submit(direction, block) == 0);
  const int status = wait_done(block);
  BOOST_TEST(aio_return(block) == -1);
  return status;
}

std::vector<StorageKind> direct_storage_kinds() {
  auto kinds = storage_kinds();
  std::erase_if(kinds, [](StorageKind kind) {
    return kind != StorageKind::direct_file && kind != StorageKind::loop_device;
  });
  return kinds;
}

}  // namespace

BOOST_DATA_TEST_CASE(a_bad_descriptor_says_EBADF, data::make(both_directions()), direction) {
  Fd closed = open_path("/dev/null", O_RDWR);
  const int number = closed.get();
  closed.close();
  for (const int fd : {-1, number, 1 << 30, INT_MIN}) {
    const Request request = Request::to_read(fd, 16);
    BOOST_TEST(status_of(direction, request) == EBADF);
  }
}

BOOST_DATA_TEST_CASE(the_wrong_access_mode_says_EBADF,
                     data::make(both_directions()) * data::make(storage_kinds()), direction, kind) {
  const Storage storage{kind};
  const Fd fd = storage.open_again(direction == Direction::read ? O_WRONLY : O_RDONLY);
  const Request request = Request::to_read(fd.get(), 4096);
  BOOST_TEST(status_of(direction, request) == EBADF);
}

BOOST_DATA_TEST_CASE(the_wrong_end_of_a_pipe_says_EBADF, data::make(both_directions()), direction) {
  const Channel pipe{ChannelKind::pipe};
  const Request request =
      Request::to_read(direction == Direction::read ? pipe.writer() : pipe.reader(), 16);
  BOOST_TEST(status_of(direction, request) == EBADF);
}

BOOST_DATA_TEST_CASE(a_descriptor_for_the_path_only_says_EBADF, data::make(both_directions()),
                     direction) {
  const TemporaryFile file{4096};
  const Fd fd = file.open(O_PATH);
  const Request request = Request::to_read(fd.get(), 16);
  BOOST_TEST(status_of(direction, request) == EBADF);
}

BOOST_DATA_TEST_CASE(a_negative_offset_says_EINVAL,
                     data::make(both_directions()) * data::make(storage_kinds()), direction, kind) {
  const Storage storage{kind};
  for (const off_t offset : {off_t{-1}, off_t{-4096}, off_t{INT64_MIN}}) {
    const Request request = Request::to_read(storage.fd(), 4096, offset);
    BOOST_TEST(status_of(direction, request) == EINVAL);
  }
}

BOOST_DATA_TEST_CASE(a_length_over_SSIZE_MAX_says_EINVAL,
                     data::make(both_directions()) * data::make(storage_kinds()), direction, kind) {
  const Storage storage{kind};
  const AlignedBuffer buffer{page_bytes};
  for (const std::size_t size_bytes : {std::size_t{SSIZE_MAX} + 1, SIZE_MAX}) {
    const Request request = Request::over(storage.fd(), buffer.data(), size_bytes);
    BOOST_TEST(status_of(direction, request) == EINVAL);
  }
}

BOOST_DATA_TEST_CASE(a_length_over_SSIZE_MAX_is_EINVAL_for_a_stream_too,
                     data::make(both_directions()) * data::make(two_way_channel_kinds()), direction,
                     kind) {
  const Channel channel{kind};
  const AlignedBuffer buffer{page_bytes};
  const Request request = Request::over(channel.reader(), buffer.data(), SIZE_MAX);
  BOOST_TEST(status_of(direction, request) == EINVAL);
}

BOOST_DATA_TEST_CASE(data_past_the_offset_maximum_says_EOVERFLOW, data::make(both_directions()),
                     direction) {
  const Storage storage{StorageKind::buffered_file};
  const Request request = Request::to_read(storage.fd(), 4096, INT64_MAX - 100);
  const int status = status_of(direction, request);
  if (direction == Direction::read)
    BOOST_TEST(status == EOVERFLOW);
  else  // which of the two POSIX leaves open
    BOOST_TEST((status == EOVERFLOW || status == EFBIG));
}

BOOST_DATA_TEST_CASE(a_buffer_outside_the_memory_says_EFAULT,
                     data::make(both_directions()) * data::make(storage_kinds()), direction, kind) {
  const Storage storage{kind};
  void* guarded = ::mmap(nullptr, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  BOOST_REQUIRE(guarded != MAP_FAILED);
  const Request request = Request::over(storage.fd(), guarded, 4096);
  BOOST_TEST(status_of(direction, request) == EFAULT);
  ::munmap(guarded, 65536);
}

BOOST_DATA_TEST_CASE(a_null_buffer_says_EFAULT_for_a_stream_too,
                     data::make(both_directions()) * data::make(two_way_channel_kinds()), direction,
                     kind) {
  const Channel channel{kind};
  if (direction == Direction::read) channel.send("something");
  const Request request = Request::over(
      direction == Direction::read ? channel.reader() : channel.writer(), nullptr, 10);
  BOOST_TEST(status_of(direction, request) == EFAULT);
}

BOOST_DATA_TEST_CASE(misaligned_direct_io_says_EINVAL,
                     data::make(both_directions()) * data::make(direct_storage_kinds()), direction,
                     kind) {
  const Storage storage{kind};
  const AlignedBuffer buffer{3 * page_bytes};
  const Request odd_memory = Request::over(storage.fd(), buffer.data() + 1, 4096);
  const Request odd_length = Request::over(storage.fd(), buffer.data(), 511);
  const Request odd_offset = Request::over(storage.fd(), buffer.data(), 4096, 1);
  BOOST_TEST(status_of(direction, odd_memory) == EINVAL);
  BOOST_TEST(status_of(direction, odd_length) == EINVAL);
  BOOST_TEST(status_of(direction, odd_offset) == EINVAL);
}

BOOST_AUTO_TEST_CASE(reading_a_directory_says_EISDIR) {
  const TemporaryDirectory directory;
  const Fd fd = open_path(directory.path().c_str(), O_RDONLY | O_DIRECTORY);
  const Request request = Request::to_read(fd.get(), 100);
  BOOST_TEST(status_of(Direction::read, request) == EISDIR);
}

BOOST_AUTO_TEST_CASE(writing_a_directory_says_EBADF) {
  const TemporaryDirectory directory;
  const Fd fd = open_path(directory.path().c_str(), O_RDONLY | O_DIRECTORY);
  const Request request = Request::to_write(fd.get(), "x");
  BOOST_TEST(status_of(Direction::write, request) == EBADF);
}

BOOST_AUTO_TEST_CASE(an_error_of_the_device_says_EIO) {
  // Nothing is mapped at address 0.
  const Fd memory = open_path("/proc/self/mem", O_RDONLY);
  const Request request = Request::to_read(memory.get(), 100);
  BOOST_TEST(status_of(Direction::read, request) == EIO);
}

BOOST_AUTO_TEST_CASE(an_eventfd_wants_eight_bytes) {
  const Fd event = make_eventfd(1);
  const Request read = Request::to_read(event.get(), 4);
  BOOST_TEST(status_of(Direction::read, read) == EINVAL);
  const Request write = Request::to_write(event.get(), "1234");
  BOOST_TEST(status_of(Direction::write, write) == EINVAL);
}

BOOST_AUTO_TEST_CASE(an_error_does_not_disturb_the_others) {
  const Storage storage{StorageKind::buffered_file};
  std::vector<Request> requests;
  for (int index = 0; index < 60; ++index) {
    const off_t offset = index % 3 == 1 ? -1 : 4096 * index;
    requests.push_back(Request::to_read(storage.fd(), 4096, offset));
    BOOST_REQUIRE(aio_read(requests.back()) == 0);
  }
  for (int index = 0; index < 60; ++index) {
    BOOST_TEST(wait_done(requests[index]) == (index % 3 == 1 ? EINVAL : 0));
    BOOST_TEST(aio_return(requests[index]) == (index % 3 == 1 ? -1 : 4096));
  }
}

BOOST_AUTO_TEST_SUITE_END()
