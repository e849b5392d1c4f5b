// SPDX-License-Identifier: MIT
#include "cases.h"
#include "support/small_disk.h"

#include <atomic>

BOOST_AUTO_TEST_SUITE(flushing)

namespace {

// Reads and writes of every priority, more than any queue holds.
std::vector<Request> submitted_mixture(const Storage& storage, int count) {
  std::vector<Request> requests;
  for (int index = 0; index < count; ++index) {
    const off_t offset = 65536 * (index * 7 % 64);
    requests.push_back(index % 3 == 0 ? Request::to_read(storage.fd(), 65536, offset)
                                      : Request::to_write(storage.fd(), pattern(65536), offset));
    requests.back()->aio_reqprio = index % 21;
    BOOST_REQUIRE((index % 3 == 0 ? aio_read : aio_write)(requests.back()) == 0);
  }
  return requests;
}

int count_in_progress(const std::vector<Request>& requests) {
  int count = 0;
  for (const Request& request : requests) count += in_progress(request);
  return count;
}

}  // namespace

BOOST_DATA_TEST_CASE(O_SYNC_and_O_DSYNC_succeed,
                     data::make(storage_kinds()) * data::make({O_SYNC, O_DSYNC}), kind, operation) {
  const Storage storage{kind};
  const Request write = Request::to_write(storage.fd(), pattern(4096));
  const Request sync = Request::to_sync(storage.fd());
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_REQUIRE(aio_fsync(operation, sync) == 0);
  BOOST_TEST(wait_done(sync) == 0);
  BOOST_TEST(aio_return(sync) == 0);
  BOOST_TEST(aio_error(write) == 0);
}

BOOST_AUTO_TEST_CASE(another_operation_says_EINVAL) {
  const Storage storage{StorageKind::buffered_file};
  for (const int operation : {0, O_RDWR, O_APPEND, -1, O_SYNC | O_APPEND}) {
    const Request sync = Request::to_sync(storage.fd());
    BOOST_TEST(errno_of([&] { return aio_fsync(operation, sync); }) == EINVAL);
  }
}

BOOST_AUTO_TEST_CASE(a_bad_descriptor_says_EBADF_at_the_call) {
  Fd closed = open_path("/dev/null", O_RDWR);
  const int number = closed.get();
  closed.close();
  for (const int fd : {-1, number, 1 << 30}) {
    const Request sync = Request::to_sync(fd);
    BOOST_TEST(errno_of([&] { return aio_fsync(O_SYNC, sync); }) == EBADF);
  }
}

BOOST_AUTO_TEST_CASE(a_bad_notification_says_EINVAL) {
  const Storage storage{StorageKind::buffered_file};
  const Request sync = Request::to_sync(storage.fd());
  sync->aio_sigevent.sigev_notify = 77;
  BOOST_TEST(errno_of([&] { return aio_fsync(O_SYNC, sync); }) == EINVAL);
  sync->aio_sigevent.sigev_notify = SIGEV_SIGNAL;
  sync->aio_sigevent.sigev_signo = 65;
  BOOST_TEST(errno_of([&] { return aio_fsync(O_SYNC, sync); }) == EINVAL);
}

BOOST_DATA_TEST_CASE(all_other_fields_are_ignored, data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  const Request sync = Request::to_sync(storage.fd());
  sync->aio_reqprio = -5;
  sync->aio_offset = -1;
  sync->aio_buf = nullptr;
  sync->aio_nbytes = SIZE_MAX;
  sync->aio_lio_opcode = 4711;
  BOOST_REQUIRE(aio_fsync(O_SYNC, sync) == 0);
  BOOST_TEST(wait_done(sync) == 0);
  BOOST_TEST(aio_return(sync) == 0);
}

BOOST_DATA_TEST_CASE(it_is_done_after_everything_before_it, data::make(storage_kinds()), kind) {
  const Storage storage{kind, 4 << 20};
  for (int round = 0; round < 5; ++round) {
    const auto before = submitted_mixture(storage, 200);
    const Request sync = Request::to_sync(storage.fd());
    BOOST_REQUIRE(aio_fsync(round % 2 == 0 ? O_SYNC : O_DSYNC, sync) == 0);
    const auto deadline = Clock::now() + 30s * slowness();
    while (aio_error(sync) == EINPROGRESS && Clock::now() < deadline) {
    }
    BOOST_TEST(count_in_progress(before) == 0);
    BOOST_TEST(wait_done(sync) == 0);
  }
}

// glibc starts it first.
BOOST_DATA_TEST_CASE(it_does_not_overtake_writes_of_lower_priority, data::make(storage_kinds()),
                     kind) {
  const Storage storage{kind, 4 << 20};
  std::vector<Request> writes;
  for (int index = 0; index < 300; ++index) {
    writes.push_back(Request::to_write(storage.fd(), pattern(65536), 65536 * (index % 64)));
    writes.back()->aio_reqprio = 20;
    BOOST_REQUIRE(aio_write(writes.back()) == 0);
  }
  const Request sync = Request::to_sync(storage.fd());
  BOOST_REQUIRE(aio_fsync(O_SYNC, sync) == 0);
  const auto deadline = Clock::now() + 30s * slowness();
  while (aio_error(sync) == EINPROGRESS && Clock::now() < deadline) {
  }
  BOOST_TEST(count_in_progress(writes) == 0);
  BOOST_TEST(wait_done(sync) == 0);
}

BOOST_DATA_TEST_CASE(its_notification_comes_after_everything_before_it, data::make(storage_kinds()),
                     kind) {
  const Storage storage{kind, 4 << 20};
  const auto before = submitted_mixture(storage, 200);
  std::atomic<int> left_count = -1;
  Callbacks callbacks{[&] { left_count = count_in_progress(before); }};
  const Request sync = Request::to_sync(storage.fd());
  callbacks.attach(sync->aio_sigevent);
  BOOST_REQUIRE(aio_fsync(O_DSYNC, sync) == 0);
  BOOST_TEST(callbacks.wait_for(1, 30s * slowness()));
  BOOST_TEST(left_count == 0);
  BOOST_TEST(aio_error(sync) == 0);
}

BOOST_AUTO_TEST_CASE(many_at_once_all_end) {
  const Storage storage{StorageKind::buffered_file};
  std::vector<Request> requests;
  for (int index = 0; index < 100; ++index) {
    requests.push_back(Request::to_write(storage.fd(), pattern(4096), 4096 * index));
    BOOST_REQUIRE(aio_write(requests.back()) == 0);
    requests.push_back(Request::to_sync(storage.fd()));
    BOOST_REQUIRE(aio_fsync(O_SYNC, requests.back()) == 0);
  }
  wait_all_done(requests, 30s * slowness());
  for (const Request& request : requests) BOOST_TEST(aio_error(request) == 0);
}

BOOST_DATA_TEST_CASE(a_stream_says_EINVAL_as_status, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Request sync = Request::to_sync(channel.writer());
  BOOST_REQUIRE(aio_fsync(O_SYNC, sync) == 0);
  BOOST_TEST(wait_done(sync) == EINVAL);
  BOOST_TEST(aio_return(sync) == -1);
}

BOOST_AUTO_TEST_CASE(a_device_that_keeps_nothing_says_EINVAL_as_status) {
  const Fd null = open_path("/dev/null", O_RDWR);
  const Request sync = Request::to_sync(null.get());
  BOOST_REQUIRE(aio_fsync(O_SYNC, sync) == 0);
  BOOST_TEST(wait_done(sync) == EINVAL);
}

BOOST_DATA_TEST_CASE(it_waits_for_what_waits, data::make(two_way_channel_kinds()), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  const Request sync = Request::to_sync(channel.reader());
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(aio_fsync(O_SYNC, sync) == 0);
  BOOST_TEST(stays([&] { return in_progress(sync); }));
  channel.send("text");
  BOOST_TEST(wait_done(sync) == EINVAL);
  BOOST_TEST(aio_error(read) == 0);
}

BOOST_DATA_TEST_CASE(later_requests_do_not_wait_for_it, data::make(two_way_channel_kinds()), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.writer(), 10);
  const Request sync = Request::to_sync(channel.writer());
  const Request write = Request::to_write(channel.writer(), "text");
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(aio_fsync(O_SYNC, sync) == 0);
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(in_progress(read));
  BOOST_TEST(in_progress(sync));
}

BOOST_DATA_TEST_CASE(while_it_waits_it_is_cancelled, data::make(two_way_channel_kinds()), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  const Request sync = Request::to_sync(channel.reader());
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(aio_fsync(O_SYNC, sync) == 0);
  BOOST_TEST(aio_cancel(channel.reader(), sync) == AIO_CANCELED);
  BOOST_TEST(aio_error(sync) == ECANCELED);
  BOOST_TEST(aio_return(sync) == -1);
  BOOST_TEST(in_progress(read));
  channel.send("text");
  BOOST_TEST(wait_done(read) == 0);
}

BOOST_DATA_TEST_CASE(it_goes_on_when_what_it_waits_for_is_cancelled,
                     data::make(two_way_channel_kinds()), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  const Request sync = Request::to_sync(channel.reader());
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(aio_fsync(O_SYNC, sync) == 0);
  BOOST_TEST(aio_cancel(channel.reader(), read) == AIO_CANCELED);
  BOOST_TEST(wait_done(sync) == EINVAL);
}

BOOST_AUTO_TEST_CASE(other_descriptors_do_not_wait_for_it) {
  const Channel channel{ChannelKind::stream_socket};
  const Storage storage{StorageKind::buffered_file};
  const Request read = Request::to_read(channel.reader(), 10);
  const Request held = Request::to_sync(channel.reader());
  const Request sync = Request::to_sync(storage.fd());
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(aio_fsync(O_SYNC, held) == 0);
  BOOST_REQUIRE(aio_fsync(O_SYNC, sync) == 0);
  BOOST_TEST(wait_done(sync) == 0);
  BOOST_TEST(in_progress(held));
}

// A device over a file that cannot grow as large as the device says it is.
BOOST_AUTO_TEST_CASE(the_error_of_the_device_is_the_status,
                     *where_disks_can_be_mounted() * with_loop_devices()) {
  const SmallDisk tiny{"1m"};
  TemporaryFile backing{tiny.path().c_str(), 0};
  BOOST_REQUIRE(::truncate(backing.path().c_str(), 16 << 20) == 0);
  const LoopDevice device{std::move(backing)};
  const Fd fd = device.open(O_RDWR);
  const Fd other = device.open(O_RDWR);  // is told once as well
  const Request write = Request::to_write(fd.get(), pattern(4 << 20));
  const Request sync = Request::to_sync(fd.get());
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_REQUIRE(aio_fsync(O_SYNC, sync) == 0);
  const int status = wait_done(sync);
  BOOST_TEST(aio_error(write) == 0);
  const int expected = errno_of([&] { return ::fsync(other.get()); });
  BOOST_TEST(expected != 0);
  BOOST_TEST(status == expected);
  BOOST_TEST(aio_return(sync) == -1);
}

BOOST_AUTO_TEST_SUITE_END()
