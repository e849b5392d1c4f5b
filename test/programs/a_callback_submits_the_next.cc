// SPDX-License-Identifier: MIT
// Copies a file as a chain: the callback of each read starts the write of that
// block, the callback of each write the read of the next one.
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <condition_variable>
#include <fcntl.h>
#include <mutex>

namespace {

class Copy {
 public:
  Copy(int from, int to) : from_{from}, to_{to} {}

  // 0, or the error that ended it.
  int run() {
    read_block();
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return finished_; });
    return error_;
  }

 private:
  void read_block() { start(from_, sizeof buffer_, read_is_done, aio_read); }

  void start(int fd, std::size_t size_bytes, void (*callback)(sigval), int (*submit)(aiocb*)) {
    request_.aio_fildes = fd;
    request_.aio_buf = buffer_;
    request_.aio_nbytes = size_bytes;
    request_.aio_offset = offset_;
    request_.aio_sigevent.sigev_notify = SIGEV_THREAD;
    request_.aio_sigevent.sigev_notify_function = callback;
    request_.aio_sigevent.sigev_value.sival_ptr = this;
    if (submit(&request_) != 0) finish(errno);
  }

  static void read_is_done(sigval value) {
    auto* self = static_cast<Copy*>(value.sival_ptr);
    const ssize_t size_bytes = aio_return(&self->request_);
    if (size_bytes <= 0)
      self->finish(aio_error(&self->request_));
    else
      self->start(self->to_, static_cast<std::size_t>(size_bytes), write_is_done, aio_write);
  }

  static void write_is_done(sigval value) {
    auto* self = static_cast<Copy*>(value.sival_ptr);
    const ssize_t size_bytes = aio_return(&self->request_);
    if (size_bytes <= 0) return self->finish(aio_error(&self->request_));
    self->offset_ += size_bytes;
    self->read_block();
  }

  void finish(int error) {
    std::lock_guard lock{mutex_};
    error_ = error;
    finished_ = true;
    changed_.notify_one();
  }

  const int from_;
  const int to_;
  char buffer_[10000];
  off_t offset_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool finished_ = false;  // guarded by mutex_
  int error_ = 0;          // guarded by mutex_
  aiocb request_{};
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_callback_submits_the_next) {
  const support::TemporaryFile from{3'456'789};
  const support::TemporaryFile to;
  const support::Fd from_fd = from.open(O_RDONLY);
  const support::Fd to_fd = to.open(O_WRONLY);
  BOOST_TEST(Copy(from_fd.get(), to_fd.get()).run() == 0);
  BOOST_TEST((from.content() == to.content()));
}
