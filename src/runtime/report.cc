// SPDX-License-Identifier: MIT
#include "runtime/report.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "runtime/runtime.h"
#include "sys/descriptors.h"

namespace kaio {
namespace {

struct Field {
  const char* name;
  std::uint64_t kaio_statistics::*member;
  Count count;
};

#define KAIO_FIELD(name) \
  { #name, &kaio_statistics::name, Count::name }
constexpr Field fields[] = {
    KAIO_FIELD(submitted), KAIO_FIELD(completed), KAIO_FIELD(cancelled), KAIO_FIELD(by_kernel),
    KAIO_FIELD(by_pool), KAIO_FIELD(by_caller), KAIO_FIELD(at_once), KAIO_FIELD(io_submit_calls),
    KAIO_FIELD(io_getevents_calls), KAIO_FIELD(reason_would_block), KAIO_FIELD(reason_no_nowait),
    KAIO_FIELD(reason_device_full), KAIO_FIELD(reason_short), KAIO_FIELD(reason_refused),
    KAIO_FIELD(reason_not_ready), KAIO_FIELD(reason_ring_full), KAIO_FIELD(reason_unavailable),
    KAIO_FIELD(held_by_order), KAIO_FIELD(held_by_fence), KAIO_FIELD(submitted_by_pool),
    KAIO_FIELD(waits_by_kernel_poll), KAIO_FIELD(waits_by_epoll), KAIO_FIELD(notified_signal),
    KAIO_FIELD(notified_thread), KAIO_FIELD(notified_eventfd), KAIO_FIELD(notification_retries),
    KAIO_FIELD(threads_started),
};
#undef KAIO_FIELD

// A text of bounded length, as what is printed at the end of a process may not fail.
class Text {
 public:
  __attribute__((format(printf, 2, 3))) void add(const char* format, ...) noexcept {
    std::va_list values;
    va_start(values, format);
    const int count = std::vsnprintf(text_ + size_, sizeof text_ - size_, format, values);
    va_end(values);
    if (count > 0) size_ = std::min(size_ + static_cast<std::size_t>(count), sizeof text_ - 1);
  }
  const char* begin() const noexcept { return text_; }
  std::size_t size() const noexcept { return size_; }

 private:
  char text_[4096] = {};
  std::size_t size_ = 0;
};

// A signal that a write may raise would end the program in place of its own exit code.
class WriteSignalsHeld {
 public:
  WriteSignalsHeld() noexcept {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGPIPE);
    sigaddset(&signals_, SIGXFSZ);
    ::sigpending(&pending_before_);
    ::pthread_sigmask(SIG_BLOCK, &signals_, &mask_before_);
  }
  ~WriteSignalsHeld() {
    for (const int number : {SIGPIPE, SIGXFSZ}) {
      if (sigismember(&pending_before_, number) == 1) sigdelset(&signals_, number);
    }
    const timespec at_once{};
    while (::sigtimedwait(&signals_, nullptr, &at_once) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  }
  WriteSignalsHeld(const WriteSignalsHeld&) = delete;
  WriteSignalsHeld& operator=(const WriteSignalsHeld&) = delete;

 private:
  sigset_t signals_, pending_before_, mask_before_;
};

// Standard error as it is when the report is asked for. A program may have closed it when
// the report is due (those of the GNU coreutils do so at exit), and may have a file of its
// own under that number, or under the copy's: only what is still the same file is written to.
class StandardError {
 public:
  void keep() noexcept {
    if (::fstat(STDERR_FILENO, &original_) != 0) return;
    is_known_ = true;
    copy_ = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, sys::own_descriptors_min);
    if (copy_ < 0) copy_ = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  }

  void write(const Text& text) const noexcept {
    const int fd = is_original(STDERR_FILENO) ? STDERR_FILENO : is_original(copy_) ? copy_ : -1;
    if (fd < 0) return;
    const WriteSignalsHeld held;
    // In one piece, so that what several processes say does not mix.
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t count = ::write(fd, text.begin() + done, text.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return;
      done += static_cast<std::size_t>(count);
    }
  }

 private:
  bool is_original(int fd) const noexcept {
    struct stat now {};
    return is_known_ && fd >= 0 && ::fstat(fd, &now) == 0 && now.st_dev == original_.st_dev &&
           now.st_ino == original_.st_ino && now.st_rdev == original_.st_rdev;
  }

  struct stat original_ {};
  bool is_known_ = false;
  int copy_ = -1;
};

constinit StandardError standard_error;
// What the program was called: it may write over its arguments later.
char program_name[64];

// "model name\t: AMD EPYC", the value; empty where the kernel does not say.
void add_processor(Text& text) noexcept {
  char lines[2048];
  const int fd = ::open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t size = ::read(fd, lines, sizeof lines - 1);
  ::close(fd);
  lines[size < 0 ? 0 : size] = '\0';
  const char* model = std::strstr(lines, "model name");
  if (model != nullptr) model = std::strstr(model, ": ");
  if (model == nullptr) return;
  model += 2;
  text.add(" (%.*s)", static_cast<int>(std::strcspn(model, "\n")), model);
}

// Figures are of use later only with what they were measured on.
void add_heading(Text& text) noexcept {
  utsname machine{};
  ::uname(&machine);
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char date[32] = "";
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
  text.add("kaio: statistics of %s, process %d, at %s on %s", program_name,
           static_cast<int>(::getpid()), date, machine.nodename);
  add_processor(text);
  text.add(", %s %s %s\n", machine.sysname, machine.release, machine.machine);
}

void print_statistics() {
  if (!options().print_statistics.load()) return;
  const kaio_statistics statistics = gather_statistics();
  Text text;
  add_heading(text);
  text.add("kaio:");
  for (const Field& field : fields)
    if (statistics.*field.member != 0 || field.count <= Count::completed)
      text.add(" %s %" PRIu64, field.name, statistics.*field.member);
  text.add("\n");
  standard_error.write(text);
}

// A program that never makes a request is asked about too: whether it uses kaio at all is
// what its user may want to know.
[[gnu::constructor]] void print_statistics_if_the_environment_asks() noexcept {
  const char* value = std::getenv("KAIO_STATS");
  if (value != nullptr && std::strcmp(value, "1") == 0) print_statistics_at_exit();
}

}  // namespace

kaio_statistics gather_statistics() noexcept {
  kaio_statistics gathered{};
  const Runtime* runtime = runtime_if_any();
  if (runtime == nullptr) return gathered;
  const Statistics& statistics = runtime->statistics;
  for (const Field& field : fields) gathered.*field.member = statistics.get(field.count);
  gathered.threads =
      statistics.get(Count::threads_started) - statistics.get(Count::threads_ended);
  gathered.request_bytes = runtime->requests.mapped_bytes();
  return gathered;
}

void print_statistics_at_exit() noexcept {
  static std::atomic<bool> registered{false};
  if (registered.exchange(true)) return;
  std::snprintf(program_name, sizeof program_name, "%s", program_invocation_short_name);
  standard_error.keep();
  std::atexit(print_statistics);
}

}  // namespace kaio
