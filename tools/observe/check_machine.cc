// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <linux/aio_abi.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "check.h"

namespace observe {
namespace {

constexpr long default_depth = 1024;

long number_of(const std::string& path) { return std::atol(line_of(path).c_str()); }

long depth() {
  const char* value = std::getenv("KAIO_QUEUE_DEPTH");
  const long wanted = value != nullptr ? std::atol(value) : 0;
  return wanted > 0 ? wanted : default_depth;
}

int seccomp_mode() {
  std::ifstream input("/proc/self/status");
  for (std::string line; std::getline(input, line);)
    if (line.starts_with("Seccomp:")) return std::atoi(line.c_str() + 8);
  return 0;
}

std::string container() {
  for (const auto& [file, name] :
       {std::pair("/.dockerenv", "Docker"), std::pair("/run/.containerenv", "Podman")})
    if (::access(file, F_OK) == 0) return name;
  const std::string manager = line_of("/run/systemd/container");
  if (!manager.empty()) return manager;
  return std::getenv("KUBERNETES_SERVICE_HOST") != nullptr ? "Kubernetes" : "";
}

void show_system() {
  utsname system{};
  ::uname(&system);
  const std::string inside = container();
  std::printf("machine: %s %s, %s%s%s\n", system.sysname, system.release, system.machine,
              inside.empty() ? "" : ", in a container of ", inside.c_str());
}

void advise_on_refusal(int error_number) {
  const long maximum = number_of("/proc/sys/fs/aio-max-nr");
  if (error_number == EAGAIN) {
    show(Mark::note,
         "raise the limit, which is the machine's, not the container's: sysctl -w"
         " fs.aio-max-nr=" +
             std::to_string(std::max(1'048'576L, 2 * maximum)));
  } else if (seccomp_mode() == 2) {
    show(Mark::note,
         "a seccomp filter is set: let it allow io_setup, io_submit, io_getevents, "
         "io_pgetevents, io_cancel, io_destroy");
    show(Mark::note,
         "(Docker, Podman: --security-opt seccomp=PROFILE; systemd: "
         "SystemCallFilter=@aio)");
  } else if (error_number == ENOSYS) {
    show(Mark::note, "the kernel has no CONFIG_AIO, or is a sandbox's (gVisor)");
  }
}

std::string in_use() {
  return "fs.aio-nr " + line_of("/proc/sys/fs/aio-nr") + " of fs.aio-max-nr " +
         line_of("/proc/sys/fs/aio-max-nr") + " in use";
}

// Each by a call that does nothing, as a filter looks at the number only.
bool check_calls(aio_context_t context) {
  const auto is_refused = [](long outcome) {
    return outcome < 0 && (errno == EPERM || errno == ENOSYS || errno == EACCES);
  };
  iocb* none = nullptr;
  io_event event{};
  timespec no_time{};
  std::string refused;
  int error_number = 0;
  const auto look = [&](const char* name, long outcome) {
    if (!is_refused(outcome)) return;
    error_number = errno;
    refused += (refused.empty() ? "" : ", ") + std::string(name);
  };
  look("io_submit", ::syscall(SYS_io_submit, context, 0L, &none));
  look("io_getevents", ::syscall(SYS_io_getevents, context, 0L, 1L, &event, &no_time));
  look("io_cancel", ::syscall(SYS_io_cancel, context, nullptr, &event));
  if (refused.empty()) {
    show(Mark::ok, "io_submit, io_getevents and io_cancel are let through");
    return true;
  }
  show(Mark::lost, "refused with " + name_of_error(error_number) + ": " + refused);
  advise_on_refusal(error_number);
  return false;
}

}  // namespace

bool check_machine() {
  show_system();
  aio_context_t context = 0;
  bool works = false;
  long granted = depth();
  // As kaio does where little is left.
  while (::syscall(SYS_io_setup, granted, &context) != 0 && errno == EAGAIN && granted >= 32)
    granted /= 2;
  if (context != 0) {
    if (granted == depth()) {
      show(Mark::ok, "io_setup grants " + std::to_string(granted) + " events; " + in_use());
    } else {
      show(Mark::lost, "io_setup grants " + std::to_string(granted) + " events of " +
                           std::to_string(depth()) + "; " + in_use());
      advise_on_refusal(EAGAIN);
    }
    works = check_calls(context);
    ::syscall(SYS_io_destroy, context);
    const long left = number_of("/proc/sys/fs/aio-max-nr") - number_of("/proc/sys/fs/aio-nr");
    if (left / depth() < 8 && granted == depth())
      show(Mark::note, "there is room for " + std::to_string(left / depth()) +
                           " such processes: raise fs.aio-max-nr, or lower KAIO_QUEUE_DEPTH");
  } else {
    const int error_number = errno;
    show(Mark::lost, "io_setup says " + name_of_error(error_number) + "; " + in_use());
    advise_on_refusal(error_number);
  }
  const char* route = std::getenv("KAIO_ROUTE");
  if (route != nullptr && std::strcmp(route, "pool") == 0) {
    show(Mark::lost, "KAIO_ROUTE=pool is set: nothing goes by kernel AIO");
    works = false;
  }
  show(Mark::note, "RLIMIT_MEMLOCK plays no part: kernel AIO counts against fs.aio-max-nr alone");
  return works;
}

}  // namespace observe
