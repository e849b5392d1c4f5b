// SPDX-License-Identifier: MIT
#include "posix/process/report.h"

#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "posix/process/runtime.h"
#include "sys/log.h"
#include "sys/standard_error.h"

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
    KAIO_FIELD(submitted),
    KAIO_FIELD(completed),
    KAIO_FIELD(cancelled),
    KAIO_FIELD(by_kernel),
    KAIO_FIELD(by_pool),
    KAIO_FIELD(by_caller),
    KAIO_FIELD(at_once),
    KAIO_FIELD(io_submit_calls),
    KAIO_FIELD(io_getevents_calls),
    KAIO_FIELD(reason_would_block),
    KAIO_FIELD(reason_no_nowait),
    KAIO_FIELD(reason_device_full),
    KAIO_FIELD(reason_short),
    KAIO_FIELD(reason_refused),
    KAIO_FIELD(reason_not_ready),
    KAIO_FIELD(reason_ring_full),
    KAIO_FIELD(reason_unavailable),
    KAIO_FIELD(held_by_order),
    KAIO_FIELD(held_by_fence),
    KAIO_FIELD(submitted_by_pool),
    KAIO_FIELD(waits_by_kernel_poll),
    KAIO_FIELD(waits_by_epoll),
    KAIO_FIELD(notified_signal),
    KAIO_FIELD(notified_thread),
    KAIO_FIELD(notified_eventfd),
    KAIO_FIELD(notification_retries),
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

constinit sys::StandardError standard_error;
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
  standard_error.write(text.begin(), text.size());
}

// A program that never makes a request is asked about too: whether it uses kaio at all is
// what its user may want to know.
[[gnu::constructor]] void report_if_the_environment_asks() noexcept {
  const auto is_set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && std::strcmp(value, "1") == 0;
  };
  if (is_set("KAIO_STATS")) print_statistics_at_exit();
  // What is standard error now, not when the first request is made.
  if (is_set("KAIO_LOG")) sys::log::turn(true);
}

}  // namespace

kaio_statistics gather_statistics() noexcept {
  kaio_statistics gathered{};
  const Runtime* runtime = runtime_if_any();
  if (runtime == nullptr) return gathered;
  const Statistics& statistics = runtime->statistics;
  for (const Field& field : fields) gathered.*field.member = statistics.get(field.count);
  gathered.threads = statistics.get(Count::threads_started) - statistics.get(Count::threads_ended);
  gathered.request_bytes = runtime->requests.mapped_bytes();
  return gathered;
}

const char* name_of(Count count) noexcept {
  for (const Field& field : fields)
    if (field.count == count) return field.name;
  return "threads_ended";  // which only tells how many there are now
}

void print_statistics_at_exit() noexcept {
  static std::atomic<bool> registered{false};
  if (registered.exchange(true)) return;
  std::snprintf(program_name, sizeof program_name, "%s", program_invocation_short_name);
  standard_error.remember(sys::KeepCopy::yes);
  std::atexit(print_statistics);
}

}  // namespace kaio
