// SPDX-License-Identifier: MIT
#include "base/kernel_files.h"
#include "base/limits.h"

#include "base/text.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <sstream>
#include <sys/resource.h>
#include <unistd.h>

namespace aio_bench {

namespace {

constexpr std::uint64_t usual_stack_bytes = 8 << 20;

std::optional<std::uint64_t> limit_of(__rlimit_resource resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

// "VmSize:\t  123 kB" of /proc/PID/status, as 123; 0 where it is not there.
std::uint64_t status_figure(const std::filesystem::path& process, const std::string& name) {
  std::ifstream status(process / "status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(name + ":")) continue;
    std::uint64_t figure = 0;
    std::istringstream(line.substr(name.size() + 1)) >> figure;
    return figure;
  }
  return 0;
}

// What RLIMIT_NPROC counts: the threads of all processes of the user.
std::uint64_t threads_of_user() {
  std::uint64_t count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (std::isdigit(static_cast<unsigned char>(name[0])) != 0 &&
        status_figure(entry.path(), "Uid") == ::getuid())
      count += status_figure(entry.path(), "Threads");
  }
  return count;
}

// The first control group, from this process's up, whose pids.max is reached.
std::string full_group() {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto parts = split(line, ':');
    if (parts.size() < 3) continue;
    const bool is_unified = parts[1].empty();
    if (!is_unified && parts[1] != "pids") continue;
    const std::string root = is_unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids";
    for (std::filesystem::path path = parts[2];; path = path.parent_path()) {
      const std::string place = root + path.string();
      const auto most = number_in(place + "/pids.max"), now = number_in(place + "/pids.current");
      if (most && now && *now >= *most) return fmt::format("{}/pids.max ({})", place, *most);
      if (!path.has_relative_path()) break;
    }
  }
  return "";
}

}  // namespace

std::uint64_t machine_memory_bytes() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string memory_advice(std::uint64_t wanted_bytes) {
  const std::filesystem::path self = "/proc/self";
  // What is not known to fit may have been a little: within a tenth counts as reached.
  const auto is_met = [&](std::uint64_t limit, std::uint64_t used_kib) {
    const std::uint64_t used_bytes = used_kib << 10;
    return used_bytes + (wanted_bytes != 0 ? wanted_bytes : limit / 10) > limit;
  };
  if (const auto limit = limit_of(RLIMIT_AS);
      limit && is_met(*limit, status_figure(self, "VmSize")))
    return fmt::format(
        ": the limit of address space is {}: raise it with ulimit -v, or lower --depth, --jobs or "
        "--block-size",
        size_text(*limit));
  if (const auto limit = limit_of(RLIMIT_DATA);
      limit && is_met(*limit, status_figure(self, "VmData")))
    return fmt::format(
        ": the limit of data is {}: raise it with ulimit -d, or lower --depth, --jobs or "
        "--block-size",
        size_text(*limit));
  return ": lower --depth, --jobs or --block-size, or end something else";
}

std::string thread_advice() {
  const auto most = limit_of(RLIMIT_NPROC);
  // Root is not held to it.
  if (most && ::getuid() != 0 && threads_of_user() >= *most)
    return fmt::format(
        ": the user's limit of processes and threads is {}: raise it with ulimit -u, or lower "
        "--depth or --jobs",
        *most);
  if (const std::string group = full_group(); !group.empty())
    return fmt::format(": the control group may have no more: raise {}, or lower --depth or --jobs",
                       group);
  const std::uint64_t stack_bytes = limit_of(RLIMIT_STACK).value_or(usual_stack_bytes);
  if (const auto limit = limit_of(RLIMIT_AS);
      limit && (status_figure("/proc/self", "VmSize") << 10) + stack_bytes > *limit)
    return fmt::format(
        ": the limit of address space, {}, has no room for another stack of {}: raise it with "
        "ulimit -v, lower ulimit -s, or lower --depth or --jobs",
        size_text(*limit), size_text(stack_bytes));
  std::ifstream load("/proc/loadavg");
  std::string skipped, threads;  // "0.1 0.2 0.3 1/234 5678"
  load >> skipped >> skipped >> skipped >> threads;
  const auto slash = threads.find('/');
  const std::uint64_t count = slash == threads.npos ? 0 : std::stoull(threads.substr(slash + 1));
  for (const std::string name : {"threads-max", "pid_max"}) {
    const auto limit = number_in("/proc/sys/kernel/" + name);
    if (limit && count + 8 >= *limit)
      return fmt::format(
          ": the system's limit kernel.{} is {}: raise it with sysctl -w, or lower --depth or "
          "--jobs",
          name, *limit);
  }
  return ": out of memory for them: lower --depth or --jobs";
}

std::string descriptor_advice(int error_number) {
  if (error_number == EMFILE)
    return fmt::format(": the limit of open files is {}: raise it with ulimit -n, or lower --jobs",
                       limit_of(RLIMIT_NOFILE).value_or(0));
  if (error_number == ENFILE)
    return fmt::format(
        ": the system's limit of open files, fs.file-max, is {}: raise it with sysctl -w, or end "
        "something else",
        number_in("/proc/sys/fs/file-max").value_or(0));
  return "";
}

std::string kernel_aio_advice(std::uint64_t request_count) {
  const std::uint64_t most = number_in("/proc/sys/fs/aio-max-nr").value_or(0);
  const std::uint64_t now = number_in("/proc/sys/fs/aio-nr").value_or(0);
  const std::uint64_t wanted = std::max<std::uint64_t>(2 * most, now + 2 * request_count + 65536);
  return fmt::format(
      ": of fs.aio-max-nr, {}, {} are in use: raise it with sysctl -w fs.aio-max-nr={}, or lower "
      "--depth or --jobs",
      most, now, wanted);
}

std::string exhaustion_advice(std::uint64_t request_count) {
  const auto most = number_in("/proc/sys/fs/aio-max-nr"), now = number_in("/proc/sys/fs/aio-nr");
  if (most && now && *now + request_count > *most) return kernel_aio_advice(request_count);
  std::error_code error;
  const auto open_files = std::filesystem::directory_iterator("/proc/self/fd", error);
  if (error.value() == EMFILE || error.value() == ENFILE) return descriptor_advice(error.value());
  const auto files_most = limit_of(RLIMIT_NOFILE);
  if (files_most && !error &&
      static_cast<std::uint64_t>(std::distance(begin(open_files), end(open_files))) >= *files_most)
    return descriptor_advice(EMFILE);
  return thread_advice();
}

std::string file_size_advice() {
  if (const auto limit = limit_of(RLIMIT_FSIZE))
    return fmt::format(
        ": no file may be larger than {} here: raise the limit with ulimit -f, or give a smaller "
        "--size",
        size_text(*limit));
  return ": the file system has no files that large: use another one, or a smaller --size";
}

}  // namespace aio_bench
