// SPDX-License-Identifier: MIT
// fs.aio-max-nr really used up, by another process: the engine takes what is left, or threads, and
// says so. The limit is the whole machine's, so others feel it too, for as long.
#include "model.h"

#include "support/channel.h"
#include "support/checked.h"
#include "support/deadline.h"
#include "support/pattern.h"
#include "support/precondition.h"
#include "support/process.h"
#include "support/temporary_file.h"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <optional>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using engine_test::model_block_bytes;
using engine_test::model_blocks;
using kaio::KernelAio;

BOOST_AUTO_TEST_SUITE(used_up)

namespace {

// Takes all the events that there are, and what others give back, but for so many. Whatever
// happens to this process, they are free again when the other one ends.
class Hog {
 public:
  explicit Hog(unsigned left_count) {
    support::FdPair ready = support::make_pipe();
    process_ = support::checked(::fork(), "fork");
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      take_all(left_count, ready.second.get());
    }
    char byte = 0;
    has_all_ = ::read(ready.first.get(), &byte, 1) == 1;
  }
  ~Hog() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  Hog(const Hog&) = delete;
  Hog& operator=(const Hog&) = delete;
  bool has_all() const { return has_all_; }

 private:
  [[noreturn]] static void take_all(unsigned left_count, int ready) {
    aio_context_t left = 0;
    if (left_count != 0 && ::syscall(SYS_io_setup, left_count, &left) != 0) ::_exit(1);
    for (bool is_first = true;; is_first = false) {
      for (unsigned count = 1 << 20; count != 0; count /= 2) {
        aio_context_t context = 0;
        while (::syscall(SYS_io_setup, count, &context) == 0) context = 0;
      }
      if (is_first) {
        if (left != 0) ::syscall(SYS_io_destroy, left);
        if (::write(ready, "x", 1) != 1) ::_exit(1);
        if (left != 0)
          for (;;) ::pause();
      }
      ::usleep(1000);
    }
  }

  pid_t process_;
  bool has_all_ = false;
};

struct Disk {
  const support::TemporaryFile temporary{model_block_bytes * model_blocks};
  const kaio::File file{temporary.path().c_str(), {.flags = O_RDWR}};
};

// Others may be quicker to take what is free, or give back some: it is tried again.
constexpr int attempts_max = 20;

}  // namespace

BOOST_TEST_DECORATOR(*support::only_if([] { return support::aio_event_count() >= 0; },
                                       "no kernel AIO here"))

BOOST_AUTO_TEST_CASE(with_some_events_left_an_engine_takes_those) {
  constexpr unsigned left_count = 100;
  bool was_seen = false;
  for (int attempt = 0; attempt < attempts_max && !was_seen; ++attempt) {
    const Disk disk;
    const Hog hog(left_count);
    if (!hog.has_all()) continue;
    const long before = support::aio_event_count();
    kaio::Engine engine({.depth = 1024});
    const long taken = support::aio_event_count() - before;
    if (engine.kernel_aio() != KernelAio::in_use || taken > left_count) continue;
    was_seen = true;
    BOOST_TEST(engine.depth() >= 16U);
    BOOST_TEST(engine.depth() < 1024U);
    std::string content;
    BOOST_TEST(engine_test::check_against_model(engine, disk.file, 1, &content) == 0);
    BOOST_TEST((disk.temporary.content() == content));
    BOOST_TEST(engine.statistics().no_kernel_aio == 0U);
  }
  BOOST_TEST(was_seen);
}

BOOST_AUTO_TEST_CASE(with_none_left_an_engine_works_by_threads_and_asks_again) {
  bool was_seen = false;
  for (int attempt = 0; attempt < attempts_max && !was_seen; ++attempt) {
    const Disk disk;
    std::optional<Hog> hog(0);
    if (!hog->has_all()) continue;
    kaio::Engine engine({.depth = 64});
    if (engine.kernel_aio() != KernelAio::used_up) continue;
    BOOST_TEST(engine.depth() == 0U);
    std::string content;
    BOOST_TEST(engine_test::check_against_model(engine, disk.file, 2, &content) == 0);
    BOOST_TEST((disk.temporary.content() == content));
    const kaio::EngineStatistics statistics = engine.statistics();
    if (engine.kernel_aio() != KernelAio::used_up) continue;
    was_seen = true;
    BOOST_TEST(statistics.no_kernel_aio != 0U);
    BOOST_TEST(statistics.by_threads == statistics.completed);
    BOOST_TEST(statistics.failed == 0U);

    hog.reset();
    BOOST_TEST(support::eventually([&] { return engine.kernel_aio() == KernelAio::in_use; }));
    BOOST_TEST(engine.depth() == 64U);
    kaio::Operation read;
    const kaio::Buffer buffer(model_block_bytes);
    engine.submit(read.read(disk.file, buffer.data(), model_block_bytes, 0)).or_throw();
    engine.drain();
    BOOST_TEST(read.result().value() == model_block_bytes);
    if (disk.file.is_direct()) BOOST_TEST(engine.statistics().by_kernel > statistics.by_kernel);
  }
  BOOST_TEST(was_seen);
}

BOOST_AUTO_TEST_SUITE_END()
