// SPDX-License-Identifier: MIT
#include "channel.h"

#include "checked.h"
#include "deadline.h"

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <netinet/in.h>
#include <ostream>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <thread>
#include <unistd.h>

namespace support {

namespace {

FdPair make_ends(ChannelKind kind) {
  switch (kind) {
    case ChannelKind::pipe:
      return make_pipe();
    case ChannelKind::stream_socket:
      return make_sockets(SOCK_STREAM);
    case ChannelKind::datagram_socket:
      return make_sockets(SOCK_DGRAM);
    case ChannelKind::tcp_socket:
      return make_tcp_sockets();
    case ChannelKind::pty_master:
      return make_pty();
    case ChannelKind::pty_slave:
      break;
  }
  FdPair ends = make_pty();
  return {std::move(ends.second), std::move(ends.first)};
}

void change_flags(int fd, int set, int clear) {
  const int flags = checked(::fcntl(fd, F_GETFL), "F_GETFL");
  checked(::fcntl(fd, F_SETFL, (flags | set) & ~clear), "F_SETFL");
}

// In ever smaller pieces, so that not one byte more fits in.
std::size_t fill_once(int fd) {
  const std::string part(4096, 'f');
  std::size_t total_bytes = 0;
  for (std::size_t size = part.size(); size > 0;) {
    if (const ssize_t count = ::write(fd, part.data(), size); count > 0)
      total_bytes += static_cast<std::size_t>(count);
    else
      size /= 2;
  }
  return total_bytes;
}

}  // namespace

FdPair make_pipe() {
  int ends[2];
  checked(::pipe2(ends, O_CLOEXEC), "pipe2");
  return {Fd{ends[0]}, Fd{ends[1]}};
}

FdPair make_sockets(int type) {
  int ends[2];
  checked(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), "socketpair");
  return {Fd{ends[0]}, Fd{ends[1]}};
}

FdPair make_tcp_sockets() {
  const Fd listener{checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  checked(::bind(listener.get(), generic, size), "bind");
  checked(::listen(listener.get(), 1), "listen");
  checked(::getsockname(listener.get(), generic, &size), "getsockname");
  Fd one{checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")};
  checked(::connect(one.get(), generic, size), "connect");
  Fd other{checked(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept")};
  return {std::move(one), std::move(other)};
}

FdPair make_pty() {
  Fd master{checked(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt")};
  checked(::grantpt(master.get()), "grantpt");
  checked(::unlockpt(master.get()), "unlockpt");
  char name[64];
  if (const int error = ::ptsname_r(master.get(), name, sizeof name); error != 0)
    throw std::system_error{error, std::generic_category(), "ptsname_r"};
  Fd slave{checked(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC), name)};
  termios mode;
  checked(::tcgetattr(slave.get(), &mode), "tcgetattr");
  ::cfmakeraw(&mode);
  checked(::tcsetattr(slave.get(), TCSANOW, &mode), "tcsetattr");
  return {std::move(master), std::move(slave)};
}

Fd make_eventfd(unsigned value, int flags) {
  return Fd{checked(::eventfd(value, EFD_CLOEXEC | flags), "eventfd")};
}

std::ostream& operator<<(std::ostream& out, ChannelKind kind) {
  static constexpr const char* names[] = {"pipe",       "stream socket", "datagram socket",
                                          "TCP socket", "pty master",    "pty slave"};
  return out << names[static_cast<int>(kind)];
}

std::vector<ChannelKind> channel_kinds() {
  return {ChannelKind::pipe,       ChannelKind::stream_socket, ChannelKind::datagram_socket,
          ChannelKind::tcp_socket, ChannelKind::pty_master,    ChannelKind::pty_slave};
}

std::vector<ChannelKind> two_way_channel_kinds() {
  return {ChannelKind::stream_socket, ChannelKind::datagram_socket, ChannelKind::tcp_socket,
          ChannelKind::pty_master, ChannelKind::pty_slave};
}

Channel::Channel(ChannelKind kind) : ends_{make_ends(kind)} {}

void Channel::send(std::string_view text) const {
  if (::write(writer(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw std::system_error{errno, std::generic_category(), "write"};
}

namespace {

template <class Call>
auto again_after_handlers(Call call) {
  auto outcome = call();
  while (outcome < 0 && errno == EINTR) outcome = call();
  return outcome;
}

}  // namespace

std::string Channel::receive(std::size_t size_bytes) const {
  pollfd wanted{reader(), POLLIN, 0};
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(patience);
  if (again_after_handlers([&] { return ::poll(&wanted, 1, static_cast<int>(limit.count())); }) ==
      0)
    throw std::runtime_error{"nothing to receive"};
  std::string data(size_bytes, '\0');
  const auto size = again_after_handlers([&] { return ::read(reader(), data.data(), size_bytes); });
  data.resize(static_cast<std::size_t>(checked(size, "read")));
  return data;
}

std::size_t Channel::fill() const {
  change_flags(writer(), O_NONBLOCK, 0);
  std::size_t total_bytes = 0;
  // A worker of the kernel carries a terminal's bytes on, and makes room again: full is
  // what stays so for a while.
  while (const std::size_t added_bytes = fill_once(writer())) {
    total_bytes += added_bytes;
    if (::isatty(writer()) == 0) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  change_flags(writer(), 0, O_NONBLOCK);
  return total_bytes;
}

void Channel::set_nonblocking() const {
  change_flags(reader(), O_NONBLOCK, 0);
  change_flags(writer(), O_NONBLOCK, 0);
}

}  // namespace support
