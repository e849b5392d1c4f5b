// SPDX-License-Identifier: MIT
#include "precondition.h"

#include "late_memory.h"
#include "temporary_file.h"

#include <boost/test/framework.hpp>
#include <boost/test/tree/test_unit.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/utsname.h>
#include <unistd.h>

namespace support {

namespace {

bool direct_io_works() {
  try {
    TemporaryFile{4096}.open(O_RDWR | O_DIRECT);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

bool all_handlers_restart() {
  for (int number = 1; number <= SIGRTMAX; ++number) {
    struct sigaction action;
    if (::sigaction(number, nullptr, &action) != 0) continue;
    const bool handled = action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
    if (handled && (action.sa_flags & SA_RESTART) == 0) return false;
  }
  return true;
}

}  // namespace

Precondition only_if(std::function<bool()> applies, std::string reason) {
  return Precondition{[applies, reason](boost::unit_test::test_unit_id id) {
    boost::test_tools::assertion_result result{applies()};
    if (!result) {
      const auto& unit = boost::unit_test::framework::get(id, boost::unit_test::TUT_ANY);
      std::fprintf(stderr, "SKIPPED: %s: %s\n", unit.full_name().c_str(), reason.c_str());
      result.message() << reason;
    }
    return result;
  }};
}

bool kernel_is_at_least(int major, int minor) {
  utsname names;
  int have_major = 0;
  int have_minor = 0;
  if (::uname(&names) != 0 || std::sscanf(names.release, "%d.%d", &have_major, &have_minor) != 2)
    return false;
  return have_major > major || (have_major == major && have_minor >= minor);
}

Route route() {
  const char* chosen = std::getenv("KAIO_ROUTE");
  const std::string_view name = chosen == nullptr ? "auto" : chosen;
  if (name == "kernel") return Route::kernel;
  if (name == "poll") return Route::poll;
  return name == "pool" ? Route::pool : Route::automatic;
}

bool is_root() { return ::geteuid() == 0; }

Precondition as_root() { return only_if(is_root, "needs root"); }

Precondition without_sanitizer() {
  return only_if([] { return !sanitized; }, "cannot work under a sanitizer");
}

Precondition on_route(std::initializer_list<Route> routes) {
  return only_if(
      [accepted = std::vector<Route>(routes)] {
        for (const Route one : accepted)
          if (one == route()) return true;
        return false;
      },
      "says nothing about this route");
}

Precondition with_direct_io() {
  return only_if(direct_io_works, "no O_DIRECT in the directory for test files");
}

Precondition with_the_ring() {
  return only_if(
      [] {
        const char* value = std::getenv("KAIO_RING");
        return value == nullptr || std::strcmp(value, "0") != 0;
      },
      "completions are fetched by system calls");
}

Precondition with_late_memory() { return only_if(late_memory_exists, "may not use userfaultfd"); }

Precondition where_all_handlers_restart() {
  return only_if(all_handlers_restart, "there are handlers without SA_RESTART");
}

Precondition from_kernel(int major, int minor) {
  return only_if([=] { return kernel_is_at_least(major, minor); },
                 "needs kernel " + std::to_string(major) + "." + std::to_string(minor));
}

Precondition before_kernel(int major, int minor) {
  return only_if([=] { return !kernel_is_at_least(major, minor); },
                 "says nothing about this kernel");
}

void say_what_is_left_out() {
  if (!is_root()) std::fprintf(stderr, "SKIPPED: loop devices: need root\n");
  if (!direct_io_works()) std::fprintf(stderr, "SKIPPED: O_DIRECT files: not in this directory\n");
}

}  // namespace support
