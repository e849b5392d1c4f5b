// SPDX-License-Identifier: MIT
// What streams say and take as read() and write() do, on every way and every kernel: errors
// and ends before anything waits, messages as one, limits of time.
#include "cases.h"
#include "support/processor_time.h"

#include <algorithm>
#include <cstdio>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <termios.h>

BOOST_AUTO_TEST_SUITE(answers_of_streams)

namespace {

// The status of an operation that must not wait.
int status_of(Direction direction, int fd, std::size_t size_bytes) {
  const Request request = Request::to_write(fd, std::string(size_bytes, '\0'));
  if (submit(direction, request) != 0) return errno;
  return wait_done(request);
}

// With a name: RWF_NOWAIT is refused there by kernels that know it for other pipes.
FdPair make_fifo() {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/fifo";
  checked(::mkfifo(path.c_str(), 0600), "mkfifo");
  Fd reader = open_path(path.c_str(), O_RDONLY | O_NONBLOCK);
  Fd writer = open_path(path.c_str(), O_WRONLY);
  ::unlink(path.c_str());
  checked(::fcntl(reader.get(), F_SETFL, 0), "fcntl");
  return {std::move(reader), std::move(writer)};
}

void limit_waits(int fd, int option, std::chrono::microseconds limit) {
  const timeval value{.tv_sec = 0, .tv_usec = limit.count()};
  checked(::setsockopt(fd, SOL_SOCKET, option, &value, sizeof value), "setsockopt");
}

FdPair make_udp_sockets() {
  Fd reader{checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket")};
  Fd writer{checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket")};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  for (const Fd* one : {&reader, &writer})
    checked(::bind(one->get(), reinterpret_cast<sockaddr*>(&address), size), "bind");
  checked(::getsockname(writer.get(), reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  checked(::connect(reader.get(), reinterpret_cast<sockaddr*>(&address), size), "connect");
  return {std::move(reader), std::move(writer)};
}

struct SocketKind {
  const char* name;
  FdPair (*make)();
};
std::ostream& operator<<(std::ostream& out, const SocketKind& kind) { return out << kind.name; }
const SocketKind socket_kinds[] = {
    {"stream", [] { return make_sockets(SOCK_STREAM); }},
    {"datagrams", [] { return make_sockets(SOCK_DGRAM); }},
    {"packets", [] { return make_sockets(SOCK_SEQPACKET); }},
    {"tcp", make_tcp_sockets},
    {"udp", make_udp_sockets},
};

}  // namespace

BOOST_DATA_TEST_CASE(a_read_of_a_socket_that_is_shut_down_for_it_is_at_its_end,
                     data::make(socket_kinds) * data::make({false, true}), kind, before) {
  const FdPair ends = kind.make();
  const int fd = ends.first.get();
  if (before) checked(::shutdown(fd, SHUT_RD), "shutdown");
  const Request read = Request::to_read(fd, 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  if (!before) {
    BOOST_TEST(stays([&] { return in_progress(read); }, 50ms));
    checked(::shutdown(fd, SHUT_RD), "shutdown");
  }
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 0);
}

BOOST_DATA_TEST_CASE(a_fifo_that_no_writer_has_opened_is_at_its_end, data::make({0, O_NONBLOCK}),
                     flags) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/fifo";
  checked(::mkfifo(path.c_str(), 0600), "mkfifo");
  const Fd reader{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  ::unlink(path.c_str());
  checked(::fcntl(reader.get(), F_SETFL, flags), "fcntl");
  const Request read = Request::to_read(reader.get(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 0);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_done_says_so_at_once) {
  const Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  BOOST_TEST(status_of(Direction::read, epoll.get(), 8) == EINVAL);
  BOOST_TEST(status_of(Direction::write, epoll.get(), 8) == EINVAL);
  const Fd process{static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0))};
  if (process.get() >= 0) BOOST_TEST(status_of(Direction::read, process.get(), 8) == EINVAL);
  const Fd events{::inotify_init1(IN_CLOEXEC)};
  BOOST_TEST(status_of(Direction::write, events.get(), 8) == EBADF);
  const Fd timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)};
  BOOST_TEST(status_of(Direction::write, timer.get(), 8) == EINVAL);
  BOOST_TEST(status_of(Direction::read, timer.get(), 4) == EINVAL);
  const Fd event = make_eventfd();
  BOOST_TEST(status_of(Direction::read, event.get(), 4) == EINVAL);
  BOOST_TEST(status_of(Direction::read, event.get(), 0) == EINVAL);
  const auto pipe = make_pipe();
  BOOST_TEST(status_of(Direction::write, pipe.first.get(), 8) == EBADF);
  BOOST_TEST(status_of(Direction::read, pipe.second.get(), 8) == EBADF);
  BOOST_TEST(status_of(Direction::read, pipe.first.get(), 0) == 0);
  const auto pty = make_pty();
  const std::string path = "/proc/self/fd/" + std::to_string(pty.second.get());
  const Fd read_only = open_path(path.c_str(), O_RDONLY | O_NOCTTY);
  const Fd write_only = open_path(path.c_str(), O_WRONLY | O_NOCTTY);
  BOOST_TEST(status_of(Direction::write, read_only.get(), 8) == EBADF);
  BOOST_TEST(status_of(Direction::read, write_only.get(), 8) == EBADF);
  BOOST_TEST(status_of(Direction::read, pty.first.get(), 0) == 0);
  BOOST_TEST(status_of(Direction::read, pty.second.get(), 0) == 0);
  const Fd listening{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  checked(::listen(listening.get(), 1), "listen");
  BOOST_TEST(status_of(Direction::read, listening.get(), 8) == ENOTCONN);
}

// They have S_IFREG, and no position.
BOOST_AUTO_TEST_CASE(files_of_tracefs_without_a_position_are_streams, *as_root()) {
  const TemporaryDirectory directory;
  const std::string instance = directory.path() + "/instances/kaio-test";
  if (::mount("kaio", directory.path().c_str(), "tracefs", 0, "") != 0 ||
      ::mkdir(instance.c_str(), 0700) != 0) {
    ::umount2(directory.path().c_str(), MNT_DETACH);
    std::fprintf(stderr, "SKIPPED: trace_pipe: no tracefs to be had here\n");
    BOOST_TEST(true);
    return;
  }
  {
    const Fd marker = open_path((instance + "/trace_marker").c_str(), O_WRONLY);
    const Fd trace = open_path((instance + "/trace_pipe").c_str(), O_RDONLY);
    const Request read = Request::to_read(trace.get(), 4096);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_TEST(stays([&] { return in_progress(read); }));
    const Request write = Request::to_write(marker.get(), "a line\n");
    BOOST_REQUIRE(aio_write(write) == 0);
    BOOST_TEST(wait_done(write) == 0);
    BOOST_TEST(aio_return(write) == 7);
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) > 0);
  }
  ::rmdir(instance.c_str());
  ::umount2(directory.path().c_str(), MNT_DETACH);
}

BOOST_DATA_TEST_CASE(a_message_stays_one, data::make({SOCK_DGRAM, SOCK_SEQPACKET}), type) {
  const auto ends = make_sockets(type);
  for (const std::size_t size : {1u, 512u, 513u, 1000u, 60000u}) {
    const Request write = Request::to_write(ends.first.get(), pattern(size));
    BOOST_REQUIRE(aio_write(write) == 0);
    BOOST_TEST(wait_done(write) == 0);
    BOOST_TEST(aio_return(write) == static_cast<ssize_t>(size));
    std::string received(70000, '.');
    BOOST_TEST(::recv(ends.second.get(), received.data(), received.size(), 0) == ssize_t(size));
    BOOST_TEST(is_pattern(received.substr(0, size)));
  }
}

BOOST_AUTO_TEST_CASE(a_packet_of_a_pipe_stays_one) {
  int numbers[2];
  checked(::pipe2(numbers, O_DIRECT | O_CLOEXEC), "pipe2");
  const FdPair ends{Fd{numbers[0]}, Fd{numbers[1]}};
  for (const std::size_t size : {1u, 512u, 1000u, 4096u}) {
    const Request write = Request::to_write(ends.second.get(), pattern(size));
    BOOST_REQUIRE(aio_write(write) == 0);
    BOOST_TEST(wait_done(write) == 0);
    std::string received(5000, '.');
    BOOST_TEST(::read(ends.first.get(), received.data(), received.size()) == ssize_t(size));
  }
}

// poll() sees no room as long as a quarter of the buffer is in use.
BOOST_AUTO_TEST_CASE(a_datagram_that_fits_goes_although_poll_sees_no_room) {
  const auto ends = make_sockets(SOCK_DGRAM);
  const std::string large(100'000, 'x');
  BOOST_REQUIRE(::send(ends.first.get(), large.data(), large.size(), MSG_DONTWAIT) > 0);
  const Request write = Request::to_write(ends.first.get(), large.substr(0, 60'000));
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(write) == 60'000);
}

BOOST_DATA_TEST_CASE(no_record_of_PIPE_BUF_bytes_is_torn_between_two_writers,
                     data::make({"pipe", "fifo"}), kind) {
  constexpr std::size_t record_bytes = 4096;
  constexpr int count = 100;
  const auto ends = kind == std::string{"pipe"} ? make_pipe() : make_fifo();
  const Fd again{checked(::dup(ends.second.get()), "dup")};
  std::vector<Request> writes;
  for (int index = 0; index < count; ++index) {
    const int fd = index % 2 == 0 ? ends.second.get() : again.get();
    writes.push_back(Request::to_write(fd, std::string(record_bytes, index % 2 == 0 ? 'A' : 'B')));
    BOOST_REQUIRE(aio_write(writes.back()) == 0);
  }
  int torn = 0;
  std::string record(record_bytes, '.');
  for (int index = 0; index < count; ++index) {
    std::size_t size = 0;
    while (size < record_bytes)
      size += static_cast<std::size_t>(
          checked(::read(ends.first.get(), record.data() + size, record_bytes - size), "read"));
    if (record != std::string(record_bytes, record[0])) ++torn;
  }
  BOOST_TEST(torn == 0);
  wait_all_done(writes);
}

BOOST_DATA_TEST_CASE(eight_mebibytes_go_through_in_little_processor_time,
                     data::make({"socket", "pipe", "fifo"}), kind) {
  constexpr std::size_t size_bytes = 8 << 20;
  const std::string name = kind;
  FdPair ends = name == "pipe" ? make_pipe() : make_fifo();
  if (name == "socket") ends = make_sockets(SOCK_STREAM);
  std::swap(ends.first, ends.second);
  std::vector<Duration> times;
  for (int round = 0; round < 3; ++round) {
    const Request write = Request::to_write(ends.first.get(), pattern(size_bytes));
    const Duration before = processor_time();
    BOOST_REQUIRE(aio_write(write) == 0);
    std::string part(65536, '.');
    for (std::size_t size = 0; size < size_bytes;)
      size += static_cast<std::size_t>(
          checked(::read(ends.second.get(), part.data(), part.size()), "read"));
    BOOST_TEST(wait_done(write) == 0);
    BOOST_TEST(aio_return(write) == ssize_t{size_bytes});
    times.push_back(processor_time() - before);
  }
  // A machine in a machine counts time that the outer one has given to others.
  if (!sanitized) BOOST_TEST((std::ranges::min(times) < 500ms * slowness()));
}

BOOST_AUTO_TEST_CASE(the_time_limit_of_a_socket_ends_a_read_and_a_write) {
  const Channel channel{ChannelKind::stream_socket};
  limit_waits(channel.writer(), SO_RCVTIMEO, 100ms);
  limit_waits(channel.writer(), SO_SNDTIMEO, 100ms);
  const Request read = Request::to_read(channel.writer(), 10);
  const Duration took = time_of([&] {
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_TEST(wait_done(read) == EAGAIN);
  });
  BOOST_TEST((took >= 95ms));
  // Data in time are read.
  limit_waits(channel.writer(), SO_RCVTIMEO, 900ms);
  const Request in_time = Request::to_read(channel.writer(), 10);
  BOOST_REQUIRE(aio_read(in_time) == 0);
  checked(::send(channel.reader(), "text", 4, 0), "send");
  BOOST_TEST(wait_done(in_time) == 0);
  BOOST_TEST(aio_return(in_time) == 4);
  const std::size_t size = channel.fill();
  const Request full = Request::to_write(channel.writer(), "text");
  BOOST_REQUIRE(aio_write(full) == 0);
  BOOST_TEST(wait_done(full) == EAGAIN);
  std::string drained(size, '.');
  BOOST_TEST(::recv(channel.reader(), drained.data(), size, MSG_WAITALL) == ssize_t(size));
  // What went before the limit is the result.
  const Request part = Request::to_write(channel.writer(), pattern(16 << 20));
  BOOST_REQUIRE(aio_write(part) == 0);
  BOOST_TEST(wait_done(part) == 0);
  BOOST_TEST(aio_return(part) > 0);
  BOOST_TEST(aio_return(part) < 16 << 20);
}

// VMIN 0: what there is within the time, and else nothing.
BOOST_DATA_TEST_CASE(the_time_limit_of_a_terminal_ends_a_read, data::make({0, 1}), tenths) {
  const auto pty = make_pty();
  termios settings{};
  checked(::tcgetattr(pty.second.get(), &settings), "tcgetattr");
  settings.c_cc[VMIN] = 0;
  settings.c_cc[VTIME] = static_cast<cc_t>(tenths);
  checked(::tcsetattr(pty.second.get(), TCSANOW, &settings), "tcsetattr");
  const Request read = Request::to_read(pty.second.get(), 10);
  const Duration took = time_of([&] {
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_TEST(wait_done(read) == 0);
  });
  BOOST_TEST(aio_return(read) == 0);
  BOOST_TEST((took >= tenths * 95ms));
}

BOOST_AUTO_TEST_CASE(what_waits_when_its_socket_is_closed_ends_with_ECANCELED) {
  auto ends = make_sockets(SOCK_STREAM);
  const Request read = Request::to_read(ends.first.get(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(stays([&] { return in_progress(read); }));
  ends.first.close();
  // The kernel may hold the file until something happens to it.
  [[maybe_unused]] const ssize_t sent = ::send(ends.second.get(), "x", 1, MSG_NOSIGNAL);
  BOOST_TEST(wait_done(read) == ECANCELED);
}

BOOST_AUTO_TEST_SUITE_END()
