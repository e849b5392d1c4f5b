// SPDX-License-Identifier: MIT
#include "base/output.h"

#include "base/errors.h"
#include "base/limits.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace aio_bench {

namespace {

constexpr unsigned usual_width = 100;

void write_all(int fd, const char* name, std::string_view text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = ::write(fd, text.data() + done, text.size() - done);
    if (count >= 0) {
      done += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      // Whoever reads it has made it non-blocking.
      pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      const int error = errno;
      const char* const advice = error == EPIPE
                                     ? ": what it was piped to has ended, and the report is lost"
                                 : error == EBADF ? ": it is closed, and the report is lost"
                                                  : ": the report is lost";
      throw RunError("{} cannot be written: {}{}", name, error_text(error),
                     error == EFBIG ? file_size_advice() : advice);
    }
  }
}

unsigned width_of(int fd) {
  winsize size{};
  if (::isatty(fd) == 0 || ::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return usual_width;
  return size.ws_col;
}

bool is_same_file(const struct stat& status, const std::string& path) {
  struct stat other {};
  return ::stat(path.c_str(), &other) == 0 && other.st_dev == status.st_dev &&
         other.st_ino == status.st_ino;
}

// One word forgotten, as in `--json /dev/sdx`, makes the next one the file to write.
void check_what_is_there(const std::string& option, const std::string& path,
                         const std::vector<std::string>& targets) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return;
  if (S_ISDIR(status.st_mode))
    throw UsageError("{}: {} is a directory: name a file in it", option, path);
  if (S_ISBLK(status.st_mode))
    throw UsageError("{}: {} is a block device, which would be written over: name a file before it",
                     option, path);
  for (const std::string& target : targets)
    if (is_same_file(status, target))
      throw UsageError("{}: {} is to be measured, and would be written over: name another file",
                       option, path);
}

}  // namespace

void prepare_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one. Written to, it still says EBADF.
    (void)!::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void print_out(std::string_view text) { write_all(STDOUT_FILENO, "standard output", text); }

void print_aside(std::string_view text) { write_all(STDERR_FILENO, "standard error", text); }

bool is_standard_output(const std::string& path) {
  return path == "-" || path == "/dev/stdout" || path == "/dev/fd/1" || path == "/proc/self/fd/1";
}

unsigned output_width() { return width_of(STDOUT_FILENO); }

unsigned aside_width() { return width_of(STDERR_FILENO); }

void check_output(const std::string& option, const std::string& path,
                  const std::vector<std::string>& targets) {
  check_what_is_there(option, path, targets);
  if (::access(path.c_str(), W_OK) == 0) return;
  const int error = errno;
  const auto slash = path.rfind('/');
  const std::string directory = slash == path.npos ? "." : path.substr(0, slash + 1);
  if (error == ENOENT && !path.empty() && !path.ends_with('/') &&
      ::access(directory.c_str(), W_OK) == 0)
    return;
  throw RunError(
      "{}: {} cannot be written: {}: name a file in a directory that is there and that you may "
      "write to",
      option, path, error_text(error));
}

ProgressLine::ProgressLine() : is_terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  if (is_terminal_) std::fputs("\r\033[K", stderr);
}

void ProgressLine::show(const std::string& text) const {
  if (!is_terminal_) return;
  // A line that wraps could not be written over.
  winsize size{};
  const bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  fmt::print(stderr, "\r\033[K{}", text.substr(0, is_known ? size.ws_col - 1U : 79U));
  std::fflush(stderr);
}

}  // namespace aio_bench
