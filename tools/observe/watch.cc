// SPDX-License-Identifier: MIT
#include "watch.h"

#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live_processes.h"

namespace observe {
namespace {

constexpr int own_failure = 125, refused = 126, not_found = 127;
constexpr int lines_between_headings = 20;
constexpr int signals_passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM};

__attribute__((format(printf, 2, 3))) void add(std::string& text, const char* format, ...) {
  char part[512];
  std::va_list values;
  va_start(values, format);
  std::vsnprintf(part, sizeof part, format, values);
  va_end(values);
  text += part;
}

void say(const std::string& text) {
  // In one piece, as the program writes there too.
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

// In memory where there is a place for that: files on a disk would be written to it.
std::string make_directory() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const char* temporary = std::getenv("TMPDIR");
  for (const char* place : {"/dev/shm", runtime, temporary, "/tmp"}) {
    if (place == nullptr || *place != '/') continue;
    std::string name = std::string(place) + "/kaio-stats-" + std::to_string(::getpid()) + "-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) continue;
    // Those that root's program runs as other users have files there too, and see no others.
    if (::geteuid() == 0) ::chmod(name.c_str(), 01733);
    return name;
  }
  return {};
}

class Reporter {
 public:
  explicit Reporter(std::string directory) : directory_(std::move(directory)) {}

  void tick() {
    const std::int64_t now_ns = monotonic_ns();
    std::string text;
    for (const Process& process : read_processes(directory_)) {
      show_rates(text, process, now_ns);
      if (process.ended) end(text, process, now_ns, "ended");
    }
    say(text);
  }

  // Those that are left go on without being watched.
  void finish() {
    const std::int64_t now_ns = monotonic_ns();
    std::string text;
    for (const Process& process : read_processes(directory_))
      end(text, process, now_ns, process.ended ? "ended" : "still runs");
    if (silent_count_ > 0 && told_count_ == 0)
      add(text, "kaio: no request was made in %d process%s that kaio was loaded into\n",
          silent_count_, silent_count_ == 1 ? "" : "es");
    if (silent_count_ == 0 && told_count_ == 0)
      add(text, "kaio: it was loaded into no process, or has nowhere to keep statistics\n");
    say(text);
  }

 private:
  struct Before {
    std::int64_t at_ns = 0;
    Counts counts;
  };

  void show_rates(std::string& text, const Process& process, std::int64_t now_ns) {
    Before& before = before_[process.file];
    const std::int64_t begin_ns = before.at_ns != 0 ? before.at_ns : process.begin_ns;
    const double seconds = static_cast<double>(now_ns - begin_ns) / 1e9;
    const auto difference = [&](const char* name) {
      return process.counts.of(name) - before.counts.of(name);
    };
    const auto rate = [&](const char* name) {
      return seconds > 0 ? static_cast<double>(difference(name)) / seconds : 0;
    };
    const std::int64_t outstanding =
        process.counts.of("submitted") - process.counts.of("completed");
    if (difference("submitted") != 0 || difference("completed") != 0 || outstanding != 0) {
      if (line_count_++ % lines_between_headings == 0)
        add(text, "kaio: %8s %8s %-15s %9s %9s %9s %9s %7s %7s  %s\n", "time", "pid", "program",
            "done/s", "kernel/s", "caller/s", "pool/s", "outst.", "threads", "left its first way");
      const std::time_t wall = std::time(nullptr);
      std::tm local{};
      ::localtime_r(&wall, &local);
      char clock[16];
      std::strftime(clock, sizeof clock, "%H:%M:%S", &local);
      add(text, "kaio: %8s %8d %-15.15s %9.0f %9.0f %9.0f %9.0f %7" PRId64 " %7" PRId64 " ", clock,
          process.pid, process.program.c_str(), rate("completed"), rate("by_kernel"),
          rate("by_caller"), rate("by_pool"), outstanding,
          process.counts.of("threads_started") - process.counts.of("threads_ended"));
      for (const std::string& name : process.counts.names)
        if (name.starts_with("reason_") && difference(name.c_str()) != 0)
          add(text, " %s %" PRId64, name.c_str() + 7, difference(name.c_str()));
      text += '\n';
    }
    before = {.at_ns = now_ns, .counts = process.counts};
  }

  // The same words as at the exit of a process, in lines of their own.
  void end(std::string& text, const Process& process, std::int64_t now_ns, const char* how) {
    if (process.counts.of("submitted") == 0) {
      ++silent_count_;
    } else {
      ++told_count_;
      add(text, "kaio: statistics of %s, process %d, which %s after %.1f s\nkaio:",
          process.program.c_str(), process.pid, how,
          static_cast<double>(now_ns - process.begin_ns) / 1e9);
      for (std::size_t i = 0; i < process.counts.names.size(); ++i) {
        const std::string& name = process.counts.names[i];
        if ((process.counts.values[i] != 0 || name == "completed") && name != "threads_ended")
          add(text, " %s %" PRId64, name.c_str(), process.counts.values[i]);
      }
      text += '\n';
    }
    before_.erase(process.file);
    std::error_code ignored;
    std::filesystem::remove(process.file, ignored);
  }

  const std::string directory_;
  std::map<std::string, Before> before_;
  int line_count_ = 0, told_count_ = 0, silent_count_ = 0;
};

[[noreturn]] void become(const Watched& watched, const std::string& directory,
                         const sigset_t& mask) {
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  const char* preloaded = std::getenv("LD_PRELOAD");
  const std::string all = preloaded != nullptr && *preloaded != '\0'
                              ? watched.library + ":" + preloaded
                              : watched.library;
  ::setenv("LD_PRELOAD", all.c_str(), 1);
  ::setenv("KAIO_STATS_DIR", directory.c_str(), 1);
  std::vector<char*> arguments;
  for (const std::string& argument : watched.arguments)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execv(watched.path.c_str(), arguments.data());
  const int error_number = errno;
  std::fprintf(stderr, "aio-run: %s cannot be executed: %s\n", watched.path.c_str(),
               std::strerror(error_number));
  ::_exit(error_number == ENOENT ? not_found : refused);
}

// By the same signal, as who waits for us is told of that.
int exit_like(int status) {
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
  const int number = WTERMSIG(status);
  const rlimit none{};
  ::setrlimit(RLIMIT_CORE, &none);  // the program has left one, if any
  ::signal(number, SIG_DFL);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, number);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  ::raise(number);
  return 128 + number;
}

// Until the child ends. Its status.
int report_while_it_runs(pid_t child, const sigset_t& awaited, double interval_s,
                         Reporter& reporter) {
  const auto interval_ns = static_cast<std::int64_t>(interval_s * 1e9);
  std::int64_t next_ns = monotonic_ns() + interval_ns;
  for (;;) {
    const std::int64_t left_ns = std::max<std::int64_t>(next_ns - monotonic_ns(), 0);
    const timespec left{.tv_sec = left_ns / 1'000'000'000, .tv_nsec = left_ns % 1'000'000'000};
    siginfo_t info{};
    const int number = ::sigtimedwait(&awaited, &info, &left);
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) return status;
    // One from the terminal goes to the program as well.
    if (number > 0 && number != SIGCHLD && info.si_code <= 0) ::kill(child, number);
    if (number < 0 && errno == EAGAIN) {
      reporter.tick();
      next_ns = std::max(next_ns + interval_ns, monotonic_ns());
    }
  }
}

}  // namespace

int watch(const Watched& watched) {
  const std::string directory = make_directory();
  if (directory.empty()) {
    std::fprintf(stderr, "aio-run: no directory for statistics can be made in /dev/shm or /tmp\n");
    return own_failure;
  }
  sigset_t awaited, mask_before;
  ::sigemptyset(&awaited);
  ::sigaddset(&awaited, SIGCHLD);
  for (const int number : signals_passed_on) ::sigaddset(&awaited, number);
  ::sigprocmask(SIG_BLOCK, &awaited, &mask_before);
  // The program gets them as they were.
  const auto pipe_before = std::signal(SIGPIPE, SIG_IGN);
  const auto child_before = std::signal(SIGCHLD, SIG_DFL);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGPIPE, pipe_before);
    std::signal(SIGCHLD, child_before);
    become(watched, directory, mask_before);
  }
  int outcome = own_failure;
  if (child > 0) {
    Reporter reporter(directory);
    const int status = report_while_it_runs(child, awaited, watched.interval_s, reporter);
    reporter.finish();
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
    return exit_like(status);
  }
  std::fprintf(stderr, "aio-run: no process can be started: %s\n", std::strerror(errno));
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  return outcome;
}

}  // namespace observe
