// SPDX-License-Identifier: MIT
#include "cases.h"

#include <algorithm>
#include <pthread.h>
#include <thread>

BOOST_AUTO_TEST_SUITE(listing)

namespace {

int listio(int mode, const std::vector<aiocb*>& list, sigevent* notification = nullptr) {
  return lio_listio(mode, list.data(), static_cast<int>(list.size()), notification);
}

std::vector<Request> reads_of(const Storage& storage, int count) {
  std::vector<Request> reads;
  for (int index = 0; index < count; ++index)
    reads.push_back(Request::to_read(storage.fd(), 4096, 4096 * (index % 256)));
  return reads;
}

void check_reads(const std::vector<Request>& reads) {
  for (const Request& read : reads) {
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) == 4096);
    BOOST_TEST(is_pattern(read.text(4096), read->aio_offset));
  }
}

}  // namespace

BOOST_DATA_TEST_CASE(waiting_ends_when_all_are_done, data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  const auto reads = reads_of(storage, 300);
  BOOST_TEST(listio(LIO_WAIT, list_of(reads)) == 0);
  for (const Request& read : reads) BOOST_TEST(!in_progress(read));
  check_reads(reads);
}

BOOST_DATA_TEST_CASE(without_waiting_it_returns_at_once, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  std::vector<Request> reads;
  for (int index = 0; index < 5; ++index) reads.push_back(Request::to_read(channel.reader(), 4));
  BOOST_TEST(listio(LIO_NOWAIT, list_of(reads)) == 0);
  for (const Request& read : reads) BOOST_TEST(in_progress(read));
  for (const Request& read : reads) {
    channel.send("text");
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) == 4);
  }
}

BOOST_DATA_TEST_CASE(reads_and_writes_may_be_mixed, data::make({LIO_WAIT, LIO_NOWAIT}), mode) {
  std::vector<Storage> storages;
  std::vector<Request> requests;
  for (const StorageKind kind : storage_kinds()) {
    storages.emplace_back(kind);
    const int fd = storages.back().fd();
    requests.push_back(Request::to_read(fd, 4096, 4096));
    requests.push_back(Request::to_write(fd, pattern(4096, 0, 1), 8192));
  }
  BOOST_TEST(listio(mode, list_of(requests)) == 0);
  wait_all_done(requests);
  for (std::size_t index = 0; index < storages.size(); ++index) {
    BOOST_TEST(aio_return(requests[2 * index]) == 4096);
    BOOST_TEST(aio_return(requests[2 * index + 1]) == 4096);
    BOOST_TEST(is_pattern(requests[2 * index].text(4096), 4096));
    BOOST_TEST(is_pattern(storages[index].read(4096, 8192), 0, 1));
  }
}

BOOST_AUTO_TEST_CASE(a_bad_mode_says_EINVAL) {
  const Storage storage{StorageKind::buffered_file};
  const auto reads = reads_of(storage, 1);
  for (const int mode : {2, -1, 77})
    BOOST_TEST(errno_of([&] { return listio(mode, list_of(reads)); }) == EINVAL);
  BOOST_TEST(aio_cancel(storage.fd(), nullptr) == AIO_ALLDONE);
}

BOOST_AUTO_TEST_CASE(a_negative_length_says_EINVAL) {
  aiocb* const nothing[] = {nullptr};
  for (const int mode : {LIO_WAIT, LIO_NOWAIT})
    for (const int length : {-1, INT32_MIN})
      BOOST_TEST(errno_of([&] { return lio_listio(mode, nothing, length, nullptr); }) == EINVAL);
}

BOOST_DATA_TEST_CASE(null_and_LIO_NOP_are_skipped, data::make({LIO_WAIT, LIO_NOWAIT}), mode) {
  const Storage storage{StorageKind::buffered_file};
  const auto reads = reads_of(storage, 2);
  const Request nop = Request::to_read(-1, 4096);
  nop->aio_lio_opcode = LIO_NOP;
  BOOST_TEST(listio(mode, {nullptr, reads[0], nop, nullptr, reads[1], nullptr}) == 0);
  check_reads(reads);
  BOOST_TEST(aio_error(nop) == 0);
  BOOST_TEST(aio_return(nop) == 0);
}

BOOST_DATA_TEST_CASE(an_empty_list_is_done, data::make({LIO_WAIT, LIO_NOWAIT}), mode) {
  aiocb nop{};
  nop.aio_lio_opcode = LIO_NOP;
  BOOST_TEST(listio(mode, std::vector<aiocb*>{nullptr}) == 0);
  BOOST_TEST(listio(mode, {nullptr, &nop, nullptr}) == 0);
  aiocb* const nothing[] = {&nop};
  BOOST_TEST(lio_listio(mode, nothing, 0, nullptr) == 0);
}

BOOST_AUTO_TEST_CASE(waiting_says_EIO_when_any_request_failed) {
  const Storage storage{StorageKind::buffered_file};
  auto requests = reads_of(storage, 9);
  requests[0]->aio_fildes = -1;
  requests[4]->aio_offset = -1;
  requests[8]->aio_buf = nullptr;
  BOOST_TEST(errno_of([&] { return listio(LIO_WAIT, list_of(requests)); }) == EIO);
  const int expected[] = {EBADF, 0, 0, 0, EINVAL, 0, 0, 0, EFAULT};
  for (int index = 0; index < 9; ++index) {
    BOOST_TEST(aio_error(requests[index]) == expected[index]);
    BOOST_TEST(aio_return(requests[index]) == (expected[index] == 0 ? 4096 : -1));
  }
}

BOOST_AUTO_TEST_CASE(not_waiting_says_0_and_failures_are_the_status) {
  const Storage storage{StorageKind::buffered_file};
  auto requests = reads_of(storage, 9);
  requests[0]->aio_fildes = -1;
  requests[4]->aio_offset = -1;
  requests[8]->aio_lio_opcode = 4711;
  Callbacks callbacks;
  sigevent all{};
  callbacks.attach(all);
  BOOST_TEST(listio(LIO_NOWAIT, list_of(requests), &all) == 0);
  BOOST_TEST(callbacks.wait_for(1));  // they count as completed
  const int expected[] = {EBADF, 0, 0, 0, EINVAL, 0, 0, 0, EINVAL};
  for (int index = 0; index < 9; ++index) BOOST_TEST(aio_error(requests[index]) == expected[index]);
  BOOST_TEST(stays([&] { return callbacks.count() == 1; }));
}

BOOST_AUTO_TEST_CASE(an_unknown_opcode_is_EINVAL_of_that_element) {
  const Storage storage{StorageKind::buffered_file};
  auto requests = reads_of(storage, 3);
  requests[1]->aio_lio_opcode = 77;
  BOOST_TEST(errno_of([&] { return listio(LIO_WAIT, list_of(requests)); }) == EIO);
  BOOST_TEST(aio_error(requests[0]) == 0);
  BOOST_TEST(aio_error(requests[1]) == EINVAL);
  BOOST_TEST(aio_return(requests[1]) == -1);
  BOOST_TEST(aio_error(requests[2]) == 0);
}

BOOST_DATA_TEST_CASE(a_bad_priority_or_notification_is_EINVAL_of_that_element,
                     data::make({LIO_WAIT, LIO_NOWAIT}), mode) {
  const Storage storage{StorageKind::buffered_file};
  auto requests = reads_of(storage, 3);
  requests[0]->aio_reqprio = 21;
  requests[2]->aio_sigevent.sigev_notify = 77;
  const int expected = mode == LIO_WAIT ? EIO : 0;
  BOOST_TEST(errno_of([&] { return listio(mode, list_of(requests)); }) == expected);
  BOOST_TEST(aio_error(requests[0]) == EINVAL);
  BOOST_TEST(wait_done(requests[1]) == 0);
  BOOST_TEST(aio_error(requests[2]) == EINVAL);
}

BOOST_AUTO_TEST_CASE(an_element_in_progress_is_unharmed) {
  const Channel pipe{ChannelKind::pipe};
  const Storage storage{StorageKind::buffered_file};
  const Request waiting = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(waiting) == 0);
  const auto reads = reads_of(storage, 2);
  BOOST_TEST(errno_of([&] { return listio(LIO_WAIT, {reads[0], waiting, reads[1]}); }) == EIO);
  check_reads(reads);
  // Its status cannot tell, so the call does, waiting or not.
  BOOST_TEST(errno_of([&] { return listio(LIO_NOWAIT, {waiting}); }) == EIO);
  BOOST_TEST(in_progress(waiting));
  pipe.send("text");
  BOOST_TEST(wait_done(waiting) == 0);
  BOOST_TEST(aio_return(waiting) == 4);
}

BOOST_AUTO_TEST_CASE(an_element_that_is_listed_twice_is_carried_out_once) {
  const Storage storage{StorageKind::tmpfs_file, 0};
  const Fd append = storage.open_again(O_RDWR | O_APPEND);
  const Request write = Request::to_write(append.get(), "once");
  const int result = listio(LIO_NOWAIT, {write, write});
  BOOST_TEST((result == 0 || result == -1));
  BOOST_TEST(wait_done(write) == 0);
  // Unless the first one was done before the second was looked at.
  const std::string content = storage.read(100, 0);
  BOOST_TEST((content == "once" || content == "onceonce"));
}

BOOST_AUTO_TEST_CASE(a_list_that_is_waited_for_may_hold_streams) {
  const Channel pipe{ChannelKind::pipe};
  const Channel terminal{ChannelKind::pty_slave};
  const Storage storage{StorageKind::buffered_file};
  const Request one = Request::to_read(pipe.reader(), 10);
  const Request two = Request::to_read(terminal.reader(), 10);
  const Request three = Request::to_write(pipe.writer(), "through a pipe");
  const Request four = Request::to_write(terminal.writer(), "terminal");
  const Request five = Request::to_read(storage.fd(), 10);
  BOOST_TEST(listio(LIO_WAIT, {one, two, three, four, five}) == 0);
  BOOST_TEST(aio_return(one) == 10);
  BOOST_TEST(aio_return(two) == 8);
  BOOST_TEST(aio_return(three) == 14);
}

BOOST_AUTO_TEST_CASE(a_cancelled_element_ends_the_wait) {
  const Channel pipe{ChannelKind::pipe};
  std::vector<Request> reads;
  for (int index = 0; index < 3; ++index) reads.push_back(Request::to_read(pipe.reader(), 10));
  std::thread canceller{[&] {
    std::this_thread::sleep_for(20ms);
    aio_cancel(pipe.reader(), nullptr);
  }};
  BOOST_TEST(errno_of([&] { return listio(LIO_WAIT, list_of(reads)); }) == EIO);
  canceller.join();
  for (const Request& read : reads) BOOST_TEST(aio_error(read) == ECANCELED);
}

BOOST_DATA_TEST_CASE(a_list_may_be_very_long, data::make({LIO_WAIT, LIO_NOWAIT}), mode) {
  constexpr int length = 50000;
  const Storage storage{StorageKind::buffered_file};
  std::vector<Request> reads;
  for (int index = 0; index < length; ++index)
    reads.push_back(Request::to_read(storage.fd(), 16, index));
  BOOST_TEST(listio(mode, list_of(reads)) == 0);
  wait_all_done(reads, 30s * slowness());
  BOOST_TEST(std::ranges::count_if(reads, [](const Request& read) {
               return aio_error(read) == 0 && aio_return(read) == 16;
             }) == length);
}

// glibc keeps arrays of the list's length on the stack.
BOOST_DATA_TEST_CASE(a_very_long_list_needs_no_stack, data::make({LIO_WAIT, LIO_NOWAIT}), mode) {
  struct Call {
    int mode;
    std::vector<aiocb*> list;
    int result = -2;
  };
  aiocb nop{};
  nop.aio_lio_opcode = LIO_NOP;
  const Storage storage{StorageKind::buffered_file};
  const Request read = Request::to_read(storage.fd(), 16);
  Call call{mode, std::vector<aiocb*>(1'000'000, &nop)};
  call.list.push_back(read);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  pthread_t thread;
  BOOST_REQUIRE(pthread_create(
                    &thread, &attributes,
                    [](void* argument) -> void* {
                      auto* self = static_cast<Call*>(argument);
                      self->result = listio(self->mode, self->list);
                      return nullptr;
                    },
                    &call) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  BOOST_TEST(call.result == 0);
  BOOST_TEST(wait_done(read) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
