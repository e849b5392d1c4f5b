// SPDX-License-Identifier: MIT
#include "core/kernel/loss_report.h"

#include <algorithm>
#include <cerrno>

#include "sys/log.h"

namespace kaio {
namespace {

using sys::LogLine;
using sys::SmallFile;

constexpr std::uint64_t usual_new_maximum = 1'048'576;

// What is short in the whole machine, with the numbers.
void add_machines_events(LogLine& line) {
  const std::uint64_t used = SmallFile("/proc/sys/fs/aio-nr").number();
  const std::uint64_t maximum = SmallFile("/proc/sys/fs/aio-max-nr").number();
  line << "all processes of the machine together have fs.aio-nr = " << used
       << " events of fs.aio-max-nr = " << maximum
       << ". Raise the limit, as by: sysctl -w fs.aio-max-nr="
       << std::max(usual_new_maximum, 2 * maximum)
       << " (and a file in /etc/sysctl.d, to last), or have each process take fewer by "
          "KAIO_QUEUE_DEPTH";
}

// What may have refused the call for good.
void add_filter(LogLine& line, int error_number) {
  const bool is_filtered = SmallFile("/proc/self/status").number("\nSeccomp:") == 2;
  if (is_filtered) {
    line << "a seccomp filter is set for this process, by a container, systemd or the program "
            "itself. Let it allow io_setup, io_submit, io_getevents, io_pgetevents, io_cancel and "
            "io_destroy (Docker, Podman: --security-opt seccomp=PROFILE; systemd: "
            "SystemCallFilter=@aio)";
  } else if (error_number == ENOSYS) {
    line << "no seccomp filter is set, so that the kernel has no CONFIG_AIO, or is one of a "
            "sandbox (gVisor) that does not carry the call out";
  } else {
    line << "no seccomp filter is set: a sandbox or a security module refuses it";
  }
}

void add_reason(LogLine& line, int error_number) {
  switch (error_number) {
    case EAGAIN:
      return add_machines_events(line);
    case ENOMEM:
      line << "memory is short: look at the limit of its cgroup (memory.max) and at ulimit -v";
      return;
    case EMFILE:
      line << "the process has no descriptor left: raise ulimit -n (systemd: LimitNOFILE=)";
      return;
    case ENFILE:
      line << "the machine has no descriptor left: raise fs.file-max";
      return;
    default:
      return add_filter(line, error_number);
  }
}

}  // namespace

void LossReport::set_up(const Outcome& outcome, bool passing) noexcept {
  const bool refused = outcome.granted_count == 0;
  const bool whole = outcome.granted_count == outcome.asked_count;
  // A loss that nobody was told of is over without a word.
  if (!sys::log::on() || (whole && !refusal_told_.load(std::memory_order_relaxed))) return;
  if ((refused ? refusal_told_ : return_told_).exchange(true, std::memory_order_relaxed)) return;
  LogLine line;
  if (refused) {
    line << "no kernel AIO" << (passing ? " for now" : "")
         << ", requests go by threads: " << outcome.call << " says ";
    add_error(line, outcome.error_number) << ": ";
    add_reason(line, outcome.error_number);
    if (passing) line << ". kaio goes on asking, and says when it is granted";
  } else {
    line << "kernel AIO is used" << (refusal_told_.load() ? " now" : "") << ", with "
         << outcome.granted_count << " events";
    if (!whole) {
      line << " instead of " << outcome.asked_count << ", and what is deeper waits in user space: ";
      add_reason(line, outcome.error_number);
    }
  }
  sys::log::say(line);
}

void LossReport::submit_refused(int error_number) noexcept {
  if (!sys::log::on() || refusal_told_.exchange(true, std::memory_order_relaxed)) return;
  LogLine line;
  line << "no kernel AIO any more, requests go by threads: io_submit says ";
  add_error(line, error_number) << ": ";
  add_filter(line, error_number);
  sys::log::say(line);
}

}  // namespace kaio
