// SPDX-License-Identifier: MIT
#include "base/standard_output.h"

#include "base/errors.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
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
      throw RunError(fmt::format("{} cannot be written: {}{}", name, error_text(error),
                                 error == EFBIG ? file_size_advice() : advice));
    }
  }
}

unsigned width_of(int fd) {
  winsize size{};
  if (::isatty(fd) == 0 || ::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return usual_width;
  return size.ws_col;
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

}  // namespace aio_bench
