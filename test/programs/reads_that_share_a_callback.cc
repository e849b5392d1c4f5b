// SPDX-License-Identifier: MIT
// Several reads of different files with one callback function. What belongs to
// one request lies in a structure of its own, which the callback gets.
#include "support/pattern.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <condition_variable>
#include <fcntl.h>
#include <mutex>
#include <string_view>
#include <vector>

namespace {

// Shared by all requests.
struct Progress {
  std::mutex mutex;
  std::condition_variable changed;
  int left_count = 0;
};

// One per request.
struct Context {
  aiocb request{};
  char buffer[512];
  ssize_t size_bytes = -1;
  int callback_count = 0;
  Progress* progress = nullptr;
};

void read_is_done(sigval value) {
  auto* context = static_cast<Context*>(value.sival_ptr);
  const ssize_t size_bytes = aio_return(&context->request);

  std::lock_guard lock{context->progress->mutex};
  context->size_bytes = size_bytes;
  ++context->callback_count;
  if (--context->progress->left_count == 0) context->progress->changed.notify_one();
}

}  // namespace

BOOST_AUTO_TEST_CASE(reads_that_share_a_callback) {
  constexpr int count = 20;
  std::vector<support::TemporaryFile> files;
  std::vector<support::Fd> descriptors;
  std::vector<Context> contexts(count);
  Progress progress;
  progress.left_count = count;

  for (int index = 0; index < count; ++index) {
    files.emplace_back(10 * index);
    descriptors.push_back(files.back().open(O_RDONLY));
    Context& context = contexts[index];
    context.progress = &progress;
    context.request.aio_fildes = descriptors.back().get();
    context.request.aio_buf = context.buffer;
    context.request.aio_nbytes = sizeof context.buffer;
    context.request.aio_sigevent.sigev_notify = SIGEV_THREAD;
    context.request.aio_sigevent.sigev_notify_function = read_is_done;
    context.request.aio_sigevent.sigev_value.sival_ptr = &context;
    BOOST_REQUIRE(aio_read(&context.request) == 0);
  }

  std::unique_lock lock{progress.mutex};
  progress.changed.wait(lock, [&] { return progress.left_count == 0; });
  for (int index = 0; index < count; ++index) {
    BOOST_TEST(contexts[index].callback_count == 1);
    BOOST_REQUIRE(contexts[index].size_bytes == 10 * index);
    BOOST_TEST(support::is_pattern({contexts[index].buffer, 10U * index}));
  }
}
