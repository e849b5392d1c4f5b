// SPDX-License-Identifier: MIT
// One read, and a condition variable to wait for its callback. The status says
// that the read is done; only the callback itself can say that it has run.
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <condition_variable>
#include <fcntl.h>
#include <mutex>
#include <string_view>

namespace {

struct Finished {
  std::mutex mutex;
  std::condition_variable changed;
  bool callback_ran = false;
  ssize_t size_bytes = 0;
  aiocb* request = nullptr;
};

void read_is_done(sigval value) {
  auto* finished = static_cast<Finished*>(value.sival_ptr);
  const int error = aio_error(finished->request);
  const ssize_t size_bytes = error == 0 ? aio_return(finished->request) : -1;

  std::lock_guard lock{finished->mutex};
  finished->size_bytes = size_bytes;
  finished->callback_ran = true;
  finished->changed.notify_one();
}

}  // namespace

BOOST_AUTO_TEST_CASE(one_read_with_a_callback) {
  const support::TemporaryFile file{1000};
  const support::Fd fd = file.open(O_RDONLY);
  char buffer[4096];
  aiocb request{};
  Finished finished;
  finished.request = &request;

  request.aio_fildes = fd.get();
  request.aio_buf = buffer;
  request.aio_nbytes = sizeof buffer;
  request.aio_sigevent.sigev_notify = SIGEV_THREAD;
  request.aio_sigevent.sigev_notify_function = read_is_done;
  request.aio_sigevent.sigev_value.sival_ptr = &finished;
  BOOST_REQUIRE(aio_read(&request) == 0);

  std::unique_lock lock{finished.mutex};
  finished.changed.wait(lock, [&] { return finished.callback_ran; });
  BOOST_TEST(finished.size_bytes == 1000);
  BOOST_TEST(std::string_view(buffer, 1000) == file.content());
}
