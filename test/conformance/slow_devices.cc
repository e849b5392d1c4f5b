// SPDX-License-Identifier: MIT
// A device or server that takes its time keeps nobody waiting but who asked it: neither the
// call, nor the I/O of other files.
#include "cases.h"

#include "support/loop_device.h"
#include "support/slow_files.h"

#include <cstring>
#include <numeric>

// Under ThreadSanitizer the server, a child with threads, does not start.
BOOST_AUTO_TEST_SUITE(slow_devices, *as_root() * without_sanitizer())

namespace {

const auto server_time = 500ms * slowness();
// A call that has waited for the server once has taken as long.
const Duration at_once = server_time;

Duration time_of_call(Direction direction, const Request& request) {
  int result = -1;
  const Duration time = time_of([&] { result = submit(direction, request); });
  BOOST_REQUIRE(result == 0);
  return time;
}

std::vector<Request> transfers(Direction direction, int fd, int count, std::size_t size_bytes) {
  std::vector<Request> requests;
  for (int index = 0; index < count; ++index) {
    const off_t offset = static_cast<off_t>(size_bytes) * index;
    requests.push_back(direction == Direction::read
                           ? Request::to_read(fd, size_bytes, offset)
                           : Request::to_write(fd, std::string(size_bytes, 'w'), offset));
    requests.back()->aio_lio_opcode = direction == Direction::read ? LIO_READ : LIO_WRITE;
  }
  return requests;
}

}  // namespace

BOOST_TEST_DECORATOR(*where_files_can_be_slow())
BOOST_DATA_TEST_CASE(a_call_does_not_wait_for_the_server,
                     data::make(both_directions()) * data::make({O_RDWR, O_RDWR | O_DIRECT}),
                     direction, flags) {
  const SlowFiles files{server_time};
  const Fd fd = files.open(flags);
  const std::vector<Request> requests = transfers(direction, fd.get(), 3, 4096);
  for (const Request& request : requests) BOOST_TEST((time_of_call(direction, request) < at_once));
  wait_all_done(requests);
  for (const Request& request : requests) BOOST_TEST(aio_return(request) == 4096);
}

BOOST_TEST_DECORATOR(*where_files_can_be_slow())
BOOST_DATA_TEST_CASE(a_list_does_not_wait_for_the_server,
                     data::make(both_directions()) * data::make({O_RDWR, O_RDWR | O_DIRECT}),
                     direction, flags) {
  const SlowFiles files{server_time};
  const Fd fd = files.open(flags);
  const std::vector<Request> requests = transfers(direction, fd.get(), 10, 4096);
  const std::vector<aiocb*> list = list_of(requests);
  int result = -1;
  const Duration time = time_of([&] { result = lio_listio(LIO_NOWAIT, list.data(), 10, nullptr); });
  BOOST_REQUIRE(result == 0);
  BOOST_TEST((time < at_once));
  wait_all_done(requests);
}

// It may be submitted to in the call, for as long as that takes no time.
BOOST_AUTO_TEST_CASE(a_quick_server_that_becomes_slow_is_waited_for_once_at_most,
                     *where_files_can_be_slow()) {
  SlowFiles files{0ms};
  const Fd fd = files.open(O_RDWR | O_DIRECT);
  for (int index = 0; index < 300; ++index) {
    const Request read = Request::to_read(fd.get(), 4096);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(wait_done(read) == 0);
  }
  files.set_delay(server_time);
  const std::vector<Request> requests = transfers(Direction::read, fd.get(), 10, 4096);
  int waited_count = 0;
  for (const Request& request : requests)
    waited_count += time_of_call(Direction::read, request) >= at_once;
  BOOST_TEST(waited_count <= 1);
  wait_all_done(requests);
}

// As many as the threads that there may be by default, and more.
BOOST_TEST_DECORATOR(*where_files_can_be_slow())
BOOST_DATA_TEST_CASE(reads_of_a_slow_server_do_not_hold_up_other_files,
                     data::make({O_RDONLY, O_RDONLY | O_DIRECT}), flags) {
  SlowFiles files{2000ms * slowness()};
  const Fd slow = files.open(flags);
  const std::vector<Request> waiting = transfers(Direction::read, slow.get(), 100, 65536);
  for (const Request& request : waiting) BOOST_REQUIRE(aio_read(request) == 0);
  const Storage storage{StorageKind::buffered_file, 1 << 20};
  for (int index = 0; index < 5; ++index) {
    const Request write = Request::to_write(storage.fd(), pattern(4096), 4096 * index);
    BOOST_REQUIRE(aio_write(write) == 0);
    BOOST_TEST(wait_done(write, 1s * slowness()) == 0);
  }
  BOOST_TEST(in_progress(waiting.back()));
  files.set_delay(0ms);
  wait_all_done(waiting);
}

// With RWF_NOWAIT the kernel refuses them one by one: each takes its own page out of the
// cache.
BOOST_AUTO_TEST_CASE(direct_writes_over_cached_pages_of_a_device_are_not_made_one_by_one,
                     *on_route({Route::automatic, Route::poll}) * from_kernel(6, 5) *
                         with_loop_devices()) {
  constexpr int count = 64;
  const LoopDevice device{count * 65536};
  const Fd buffered = device.open(O_RDWR);
  char page[4096];
  for (int index = 0; index < count; ++index)
    BOOST_REQUIRE(::pread(buffered.get(), page, sizeof page, index * 65536) == sizeof page);
  const Fd fd = device.open(O_RDWR | O_DIRECT);
  kaio_statistics before{};
  kaio_get_statistics(&before, sizeof before);
  std::vector<Request> writes;
  for (int index = 0; index < count; ++index) {
    const std::string content(4096, static_cast<char>('a' + index % 26));
    writes.push_back(Request::to_write(fd.get(), content, index * 65536));
    BOOST_REQUIRE(aio_write(writes.back()) == 0);
  }
  wait_all_done(writes);
  kaio_statistics after{};
  kaio_get_statistics(&after, sizeof after);
  BOOST_TEST(after.reason_would_block - before.reason_would_block > 0u);  // they met pages
  BOOST_TEST(after.reason_device_full - before.reason_device_full == 0u);
  BOOST_TEST(after.submitted_by_pool - before.submitted_by_pool < count / 4u);
  for (int index = 0; index < count; ++index) {
    BOOST_TEST(aio_return(writes[index]) == 4096);
    BOOST_REQUIRE(::pread(buffered.get(), page, sizeof page, index * 65536) == sizeof page);
    BOOST_TEST(page[17] == 'a' + index % 26);
  }
}

BOOST_AUTO_TEST_SUITE_END()
