// SPDX-License-Identifier: MIT
// What belongs to the process or the descriptor, and may change at any time: the change
// counts for what is requested after it.
#include "cases.h"

#include "support/child.h"
#include "support/limit.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fstream>
#include <sys/resource.h>
#include <sys/wait.h>

// Under ThreadSanitizer a child of a program with threads may not start any.
BOOST_AUTO_TEST_SUITE(process_attributes, *without_sanitizer())

namespace {

// Some that go well first: from then on nothing more has to be asked.
void write_some(int fd) {
  for (int index = 0; index < 3; ++index) {
    const Request write = Request::to_write(fd, pattern(4096));
    BOOST_REQUIRE(aio_write(write) == 0);
    BOOST_REQUIRE(wait_done(write) == 0);
  }
}

int status_of_write(int fd, off_t offset) {
  const Request write = Request::to_write(fd, pattern(4096), offset);
  if (aio_write(write) != 0) return 200;
  return wait_done(write);
}

int status_of_list(int fd, off_t offset) {
  const Request write = Request::to_write(fd, pattern(4096), offset);
  write->aio_lio_opcode = LIO_WRITE;
  aiocb* const list[] = {write};
  lio_listio(LIO_WAIT, list, 1, nullptr);
  return wait_done(write);
}

std::vector<StorageKind> kinds_of_files() {
  return {StorageKind::buffered_file, StorageKind::direct_file, StorageKind::tmpfs_file};
}

// Whether each thread of this process has the user.
bool every_thread_is_of(uid_t user) {
  DIR* const tasks = ::opendir("/proc/self/task");
  if (tasks == nullptr) return false;
  bool all = true;
  while (const dirent* entry = ::readdir(tasks)) {
    if (entry->d_name[0] == '.') continue;
    std::ifstream status{std::string("/proc/self/task/") + entry->d_name + "/status"};
    for (std::string line; std::getline(status, line);)
      if (line.rfind("Uid:", 0) == 0)
        all = all && std::strtoul(line.c_str() + 4, nullptr, 10) == user;
  }
  ::closedir(tasks);
  return all;
}

}  // namespace

BOOST_DATA_TEST_CASE(a_size_limit_that_is_set_later_says_EFBIG_without_a_signal,
                     data::make(kinds_of_files()), kind) {
  const Storage storage{kind, 65536};
  write_some(storage.fd());
  const int status = run_in_child([&] {
    const Fd fd = storage.open_again(O_RDWR);
    const Limit limit{RLIMIT_FSIZE, 8192};
    const int inside = status_of_write(storage.fd(), 4096);
    const int outside = status_of_write(storage.fd(), 16384);
    return inside == 0 && outside == EFBIG ? 0 : 1;
  });
  BOOST_TEST(status == 0);
  // And where the requests before were this process's.
  const int later = run_in_child([&] {
    if (status_of_write(storage.fd(), 16384) != 0) return 2;
    const Limit limit{RLIMIT_FSIZE, 8192};
    return status_of_write(storage.fd(), 16384) == EFBIG &&
                   status_of_list(storage.fd(), 16384) == EFBIG
               ? 0
               : 1;
  });
  BOOST_TEST(later == 0);
}

BOOST_DATA_TEST_CASE(a_size_limit_set_from_outside_says_EFBIG_without_a_signal,
                     data::make(kinds_of_files()), kind) {
  const Storage storage{kind, 65536};
  const int status = run_in_child([&] {
    if (status_of_write(storage.fd(), 16384) != 0) return 2;
    const pid_t self = ::getpid();
    const pid_t other = ::fork();
    if (other == 0) {
      const rlimit limit{8192, RLIM_INFINITY};
      ::_exit(::prlimit(self, RLIMIT_FSIZE, &limit, nullptr) == 0 ? 0 : 1);
    }
    int set = 0;
    if (::waitpid(other, &set, 0) != other || set != 0) return 3;
    return status_of_write(storage.fd(), 16384) == EFBIG ? 0 : 1;
  });
  BOOST_TEST(status == 0);
}

// What the first write to a descriptor does may depend on what nobody has asked for yet.
BOOST_AUTO_TEST_CASE(the_end_of_a_file_is_past_a_size_limit_wherever_an_appending_write_is_put) {
  const TemporaryFile file{65536};
  const int status = run_in_child([&] {
    const Fd fd = file.open(O_RDWR | O_APPEND);
    const Limit limit{RLIMIT_FSIZE, 8192};
    return status_of_write(fd.get(), 0) == EFBIG ? 0 : 1;
  });
  BOOST_TEST(status == 0);
}

// What waits on the pipe stays outstanding on the number.
BOOST_AUTO_TEST_CASE(a_size_limit_matters_to_a_file_that_gets_the_number_of_a_pipe,
                     *with_direct_io()) {
  const Storage storage{StorageKind::direct_file, 65536};
  const int status = run_in_child([&] {
    const auto [reading, writing] = make_pipe();
    const Request read = Request::to_read(reading.get(), 16);
    if (aio_read(read) != 0 || aio_error(read) != EINPROGRESS) return 2;
    ::close(reading.get());
    if (::dup2(storage.fd(), reading.get()) != reading.get()) return 3;
    const Limit limit{RLIMIT_FSIZE, 8192};
    return status_of_write(reading.get(), 16384) == EFBIG ? 0 : 1;
  });
  BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(a_size_limit_does_not_matter_to_a_block_device) {
  const auto kinds = support::storage_kinds();
  if (std::ranges::count(kinds, StorageKind::loop_device) == 0) return;
  const Storage storage{StorageKind::loop_device, 1 << 20};
  const Limit limit{RLIMIT_FSIZE, 8192};
  for (int index = 0; index < 3; ++index) {
    BOOST_TEST(status_of_write(storage.fd(), 65536 * index) == 0);
    BOOST_TEST(status_of_list(storage.fd(), 65536 * index) == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_size_limit_that_is_lifted_allows_the_write) {
  const Storage storage{StorageKind::buffered_file, 65536};
  {
    const Limit limit{RLIMIT_FSIZE, 8192};
    BOOST_TEST(status_of_write(storage.fd(), 65536) == EFBIG);
  }
  BOOST_TEST(status_of_write(storage.fd(), 65536) == 0);
}

BOOST_AUTO_TEST_CASE(appending_that_is_switched_on_between_two_writes_counts) {
  const TemporaryFile file{8192};
  const Fd fd = file.open(O_RDWR);
  write_some(fd.get());
  BOOST_REQUIRE(::fcntl(fd.get(), F_SETFL, O_APPEND) == 0);
  for (int index = 0; index < 20; ++index) BOOST_REQUIRE(status_of_write(fd.get(), 0) == 0);
  BOOST_TEST(::lseek(fd.get(), 0, SEEK_END) == 8192 + 20 * 4096);
  BOOST_REQUIRE(::fcntl(fd.get(), F_SETFL, 0) == 0);
  for (int index = 0; index < 20; ++index) BOOST_REQUIRE(status_of_write(fd.get(), 0) == 0);
  BOOST_TEST(::lseek(fd.get(), 0, SEEK_END) == 8192 + 20 * 4096);
}

BOOST_DATA_TEST_CASE(direct_io_that_is_switched_between_two_requests_counts,
                     data::make(both_directions()), direction) {
  const TemporaryFile file{1 << 20};
  const Fd fd = file.open(O_RDWR);
  if (::fcntl(fd.get(), F_SETFL, O_DIRECT) != 0) return;
  for (int round = 0; round < 10; ++round)
    for (const int flags : {O_DIRECT, 0}) {
      BOOST_REQUIRE(::fcntl(fd.get(), F_SETFL, flags) == 0);
      std::vector<Request> requests;
      for (int index = 0; index < 10; ++index) {
        requests.push_back(direction == Direction::read
                               ? Request::to_read(fd.get(), 4096, index * 4096)
                               : Request::to_write(fd.get(), pattern(4096), index * 4096));
        BOOST_REQUIRE(submit(direction, requests.back()) == 0);
        // While they are outstanding, too.
        BOOST_REQUIRE(::fcntl(fd.get(), F_SETFL, index % 2 == 0 ? O_DIRECT : 0) == 0);
      }
      wait_all_done(requests);
      for (const Request& request : requests) BOOST_TEST(aio_return(request) == 4096);
    }
}

BOOST_AUTO_TEST_CASE(a_change_of_the_user_reaches_the_threads_that_exist, *as_root()) {
  const Storage storage{StorageKind::buffered_file, 65536};
  const int status = run_in_child([&] {
    if (status_of_write(storage.fd(), 0) != 0)  // starts a thread or two
      return 2;
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 3;
    if (!every_thread_is_of(65534)) return 4;
    return status_of_write(storage.fd(), 0);
  });
  BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_SUITE_END()
