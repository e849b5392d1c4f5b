// SPDX-License-Identifier: MIT
#include "sys/log.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>

#include "sys/descriptors.h"
#include "sys/direct_call.h"
#include "sys/standard_error.h"

namespace kaio::sys {
namespace {

constinit StandardError standard_error;

}  // namespace

constinit std::atomic<bool> log::is_on{false};

LogLine::LogLine() noexcept {
  *this << "kaio: " << program_invocation_short_name << ", process "
        << static_cast<std::uint64_t>(direct_call(SYS_getpid)) << ": ";
}

LogLine& LogLine::operator<<(std::string_view text) noexcept {
  const std::size_t count = std::min(text.size(), sizeof text_ - size_ - 1);  // and the end of line
  std::memcpy(text_ + size_, text.data(), count);
  size_ += count;
  return *this;
}

LogLine& LogLine::operator<<(std::uint64_t number) noexcept {
  char digits[20];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  return *this << std::string_view(digits, static_cast<std::size_t>(end - digits));
}

std::string_view LogLine::ended() noexcept {
  text_[size_++] = '\n';
  return {text_, size_};
}

SmallFile::SmallFile(const char* path) noexcept {
  const long fd = direct_call(SYS_openat, long{AT_FDCWD}, path, long{O_RDONLY | O_CLOEXEC});
  if (fd < 0) return;
  const long count = direct_call(SYS_read, fd, text_, long{sizeof text_});
  close_descriptor(static_cast<int>(fd));
  size_ = count > 0 ? static_cast<std::size_t>(count) : 0;
}

std::uint64_t SmallFile::number(std::string_view name) const noexcept {
  std::uint64_t number = 0;
  std::string_view rest = text();
  const std::size_t at = rest.find(name);
  if (at == rest.npos) return 0;
  rest.remove_prefix(at + name.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  std::from_chars(rest.data(), rest.data() + rest.size(), number);
  return number;
}

LogLine& add_error(LogLine& line, int error_number) noexcept {
  switch (error_number) {
    case EACCES:
      return line << "EACCES";
    case EAGAIN:
      return line << "EAGAIN";
    case EINVAL:
      return line << "EINVAL";
    case EMFILE:
      return line << "EMFILE";
    case ENFILE:
      return line << "ENFILE";
    case ENOMEM:
      return line << "ENOMEM";
    case ENOSYS:
      return line << "ENOSYS";
    case EPERM:
      return line << "EPERM";
    default:
      return line << "error " << static_cast<unsigned>(error_number);
  }
}

void log::turn(bool on) noexcept {
  enum class Known : std::uint8_t { no, soon, yes };
  static std::atomic<Known> known{Known::no};
  auto before = Known::no;
  if (on && known.compare_exchange_strong(before, Known::soon)) {
    standard_error.remember(KeepCopy::no);
    known.store(Known::yes);
  } else if (on && before == Known::soon) {
    return;  // by another thread, which turns it on
  }
  // release: whoever sees that it is on sees where to write as well.
  is_on.store(on, std::memory_order_release);
}

void log::say(LogLine& line) noexcept {
  if (!on()) return;
  const std::string_view text = line.ended();
  standard_error.write_if_ready(text.data(), text.size());
}

}  // namespace kaio::sys
