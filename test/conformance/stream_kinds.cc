// SPDX-License-Identifier: MIT
// Which descriptor waits how: src/core/descriptor_kind.h. Each kind of stream sees its
// data when it comes, and costs nothing until then.
#include "cases.h"
#include "stream_sources.h"
#include "support/child.h"
#include "support/processor_time.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <thread>

using conformance::Source;

BOOST_AUTO_TEST_SUITE(kinds_of_streams)

namespace {

// A UDP socket with a message in its error queue, and the address that it has.
struct Refused {
  Fd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  Fd peer{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_in own{}, other{};

  static sockaddr* any(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }
  static void name(const Fd& fd, sockaddr_in& address) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    checked(::bind(fd.get(), any(address), size), "bind");
    checked(::getsockname(fd.get(), any(address), &size), "getsockname");
  }
  Refused() {
    const int yes = 1;
    name(socket, own);
    name(peer, other);
    peer.close();
    checked(::setsockopt(socket.get(), SOL_IP, IP_RECVERR, &yes, sizeof yes), "IP_RECVERR");
    checked(::connect(socket.get(), any(other), sizeof other), "connect");
    checked(::send(socket.get(), "x", 1, 0), "send");
    char byte;
    // Takes the error, not the message.
    BOOST_REQUIRE(eventually(
        [&] { return ::recv(socket.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED; }));
  }
  void answer() {
    peer = Fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    checked(::bind(peer.get(), any(other), sizeof other), "bind");
    checked(::sendto(peer.get(), "answer", 6, 0, any(own), sizeof own), "sendto");
  }
};

}  // namespace

BOOST_DATA_TEST_CASE(a_read_waits_without_processor_time_and_sees_its_data,
                     data::make(conformance::source_kinds()), kind) {
  Source source = kind.make();
  if (source.fd.get() < 0) {
    std::fprintf(stderr, "SKIPPED: %s: not to be had here\n", kind.name);
    BOOST_TEST(true);
    return;
  }
  const Duration span = 100ms * slowness();
  Duration least = span;
  for (int round = 0; round < 3; ++round) {
    const Request read = Request::to_read(source.fd.get(), 65536);
    BOOST_REQUIRE(aio_read(read) == 0);
    least = std::min(least, processor_time_while_waiting(span));
    BOOST_TEST(in_progress(read));
    source.act();
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) > 0);
    if (std::strcmp(kind.name, "netlink") == 0) break;  // more than one answer
  }
  // A machine in a machine counts time that the outer one has given to others.
  BOOST_TEST((least < span / 2));
}

// Files of the kernel's that do not wait.
BOOST_DATA_TEST_CASE(files_of_the_kernels_are_read_as_by_pread,
                     data::make({"/proc/version", "/proc/filesystems", "/proc/self/limits",
                                 "/proc/sys/kernel/ostype",
                                 "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/fs/cgroup",
                                 "/dev/zero", "/dev/null", "/dev/full"}),
                     path) {
  const Fd fd{::open(path, O_RDONLY | O_CLOEXEC)};
  if (fd.get() < 0) {
    std::fprintf(stderr, "SKIPPED: %s: %s\n", path, std::strerror(errno));
    BOOST_TEST(true);
    return;
  }
  for (const off_t offset : {0, 3}) {
    char wanted[4096];
    errno = 0;
    const ssize_t size = ::pread(fd.get(), wanted, sizeof wanted, offset);
    const int error_number = size < 0 ? errno : 0;
    const Request read = Request::to_read(fd.get(), sizeof wanted, offset);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_TEST(wait_done(read) == error_number);
    BOOST_TEST(aio_return(read) == size);
    if (size > 0)
      BOOST_TEST((read.text(static_cast<std::size_t>(size)) ==
                  std::string_view(wanted, static_cast<std::size_t>(size))));
  }
}

BOOST_DATA_TEST_CASE(a_source_of_chance_gives_what_is_asked_for,
                     data::make({"/dev/random", "/dev/urandom"}), path) {
  const Fd fd{::open(path, O_RDONLY | O_CLOEXEC)};
  BOOST_REQUIRE(fd.get() >= 0);
  const Request read = Request::to_read(fd.get(), 300, 17);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 300);
}

BOOST_AUTO_TEST_CASE(what_devices_say_of_writes_is_the_status) {
  const Fd full{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
  const Fd null{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  const Request refused = Request::to_write(full.get(), "text");
  const Request taken = Request::to_write(null.get(), "text");
  BOOST_REQUIRE(aio_write(refused) == 0);
  BOOST_REQUIRE(aio_write(taken) == 0);
  BOOST_TEST(wait_done(refused) == ENOSPC);
  BOOST_TEST(aio_return(refused) == -1);
  BOOST_TEST(wait_done(taken) == 0);
  BOOST_TEST(aio_return(taken) == 4);
}

BOOST_AUTO_TEST_CASE(read_of_a_signalfd_completes_when_the_signal_comes, *without_sanitizer()) {
  // In a child with all its threads made while the signal is blocked.
  BOOST_TEST(run_in_child([] {
               sigset_t set;
               sigemptyset(&set);
               sigaddset(&set, SIGUSR1);
               ::sigprocmask(SIG_BLOCK, &set, nullptr);
               const Fd signals{::signalfd(-1, &set, SFD_CLOEXEC)};
               for (int round = 0; round < 3; ++round) {
                 const Request read = Request::to_read(signals.get(), sizeof(signalfd_siginfo));
                 if (aio_read(read) != 0) return 1;
                 if (!stays([&] { return in_progress(read); })) return 2;
                 ::kill(::getpid(), SIGUSR1);
                 if (wait_done(read) != 0) return 3;
                 signalfd_siginfo info{};
                 if (aio_return(read) != sizeof info) return 4;
                 std::memcpy(&info, read.data(), sizeof info);
                 if (info.ssi_signo != SIGUSR1) return 5;
               }
               return 0;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(a_socket_with_a_message_in_its_error_queue_costs_no_processor_time) {
  Refused refused;
  const Request read = Request::to_read(refused.socket.get(), 64);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST((processor_time_while_waiting(1s) < 50ms * slowness()));
  BOOST_TEST(in_progress(read));
  // Sooner than the next look at all that waits.
  refused.answer();
  BOOST_TEST(wait_done(read, 400ms) == 0);
  BOOST_TEST(aio_return(read) == 6);
  BOOST_TEST(read.text(6) == "answer");
}

BOOST_AUTO_TEST_CASE(one_that_was_ready_for_nothing_is_cancelled_and_read_again) {
  Refused refused;
  for (int round = 0; round < 20; ++round) {
    const Request read = Request::to_read(refused.socket.get(), 64);
    BOOST_REQUIRE(aio_read(read) == 0);
    if (round % 2 == 0) std::this_thread::sleep_for(2ms);
    BOOST_TEST(aio_cancel(refused.socket.get(), read) == AIO_CANCELED);
  }
  const Request read = Request::to_read(refused.socket.get(), 64);
  BOOST_REQUIRE(aio_read(read) == 0);
  const Request write = Request::to_write(refused.socket.get(), "text");
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  refused.answer();
  const int status = wait_done(read);
  BOOST_TEST((status == 0 || status == ECONNREFUSED));  // of the write
}

BOOST_AUTO_TEST_SUITE_END()
