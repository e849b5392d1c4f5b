// SPDX-License-Identifier: MIT
#include "stream_sources.h"

#include "support/channel.h"
#include "support/checked.h"
#include "support/temporary_file.h"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/userfaultfd.h>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <ostream>
#include <string>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <thread>
#include <unistd.h>

namespace conformance {

using support::checked;
using support::Fd;
using support::FdPair;
using support::TemporaryDirectory;

namespace {

void put(int fd, const void* data, std::size_t size_bytes) {
  BOOST_REQUIRE(::write(fd, data, size_bytes) == static_cast<ssize_t>(size_bytes));
}

Source from_pair(FdPair ends) {
  const int writer = ends.second.get();
  Source source{std::move(ends.first), [writer] { put(writer, "12345678", 8); }, {}};
  source.others.push_back(std::move(ends.second));
  return source;
}

FdPair swapped(FdPair ends) { return {std::move(ends.second), std::move(ends.first)}; }

Source named_fifo() {
  const std::string path = "/tmp/kaio-fifo-" + std::to_string(::getpid());
  checked(::mkfifo(path.c_str(), 0600), "mkfifo");
  Fd reader{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  Fd writer{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  ::unlink(path.c_str());
  checked(::fcntl(reader.get(), F_SETFL, 0), "fcntl");
  return from_pair({std::move(reader), std::move(writer)});
}

Source event_counter() {
  Fd event = make_eventfd();
  const int number = event.get();
  return {std::move(event),
          [number] {
            const std::uint64_t one = 1;
            put(number, &one, 8);
          },
          {}};
}

Source timer() {
  Fd timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)};
  const int number = timer.get();
  return {std::move(timer),
          [number] {
            const itimerspec soon{.it_interval = {}, .it_value = {0, 1000}};
            ::timerfd_settime(number, 0, &soon, nullptr);
          },
          {}};
}

void make_and_remove_a_file(const TemporaryDirectory& directory) {
  const std::string path = directory.path() + "/file";
  Fd made{::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
  ::unlink(path.c_str());
}

Source inotify() {
  const auto directory = std::make_shared<TemporaryDirectory>();
  const int fd = ::inotify_init1(IN_CLOEXEC);
  if (fd >= 0 && ::inotify_add_watch(fd, directory->path().c_str(), IN_CREATE) < 0)
    BOOST_FAIL("inotify_add_watch");
  return {Fd{fd}, [directory] { make_and_remove_a_file(*directory); }, {}};
}

Source fanotify() {
  const auto directory = std::make_shared<TemporaryDirectory>();
  Fd fd{::fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC, O_RDONLY)};
  if (fd.get() < 0 ||
      ::fanotify_mark(fd.get(), FAN_MARK_ADD, FAN_CREATE, AT_FDCWD, directory->path().c_str()) != 0)
    return {};
  return {std::move(fd), [directory] { make_and_remove_a_file(*directory); }, {}};
}

Source netlink() {
  Fd socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
  const int number = socket.get();
  return {std::move(socket),
          [number] {
            struct {
              nlmsghdr head;
              rtgenmsg body;
            } question{};
            question.head = {.nlmsg_len = sizeof question,
                             .nlmsg_type = RTM_GETLINK,
                             .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                             .nlmsg_seq = 1,
                             .nlmsg_pid = 0};
            BOOST_REQUIRE(::send(number, &question, sizeof question, 0) > 0);
          },
          {}};
}

Source udp() {
  FdPair ends{Fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)},
              Fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)}};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  checked(::bind(ends.first.get(), any, size), "bind");
  checked(::getsockname(ends.first.get(), any, &size), "getsockname");
  checked(::connect(ends.second.get(), any, size), "connect");
  return from_pair(std::move(ends));
}

// Two sockets of IPv6; the one is connected to the other. Without a descriptor where there is no
// such address.
Source ipv6(int type) {
  FdPair ends{Fd{::socket(AF_INET6, type | SOCK_CLOEXEC, 0)},
              Fd{::socket(AF_INET6, type | SOCK_CLOEXEC, 0)}};
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (ends.first.get() < 0 || ::bind(ends.first.get(), any, size) != 0) return {};
  checked(::getsockname(ends.first.get(), any, &size), "getsockname");
  if (type == SOCK_STREAM) checked(::listen(ends.first.get(), 1), "listen");
  checked(::connect(ends.second.get(), any, size), "connect");
  if (type == SOCK_STREAM)
    ends.first = Fd{checked(::accept4(ends.first.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept")};
  return from_pair(std::move(ends));
}

// By a protocol of this process's own, on the loopback device: others run beside it.
Source packets() {
  const std::uint16_t protocol = htons(static_cast<std::uint16_t>(0xc000 | (::getpid() & 0x3fff)));
  FdPair ends{Fd{::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, protocol)},
              Fd{::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0)}};
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = protocol;
  address.sll_ifindex = static_cast<int>(::if_nametoindex("lo"));
  address.sll_halen = 6;
  const auto* any = reinterpret_cast<sockaddr*>(&address);
  if (ends.first.get() < 0 || ::bind(ends.first.get(), any, sizeof address) != 0) return {};
  const int sender = ends.second.get();
  Source source{
      std::move(ends.first),
      [sender, address] {
        BOOST_REQUIRE(::sendto(sender, "12345678", 8, 0,
                               reinterpret_cast<const sockaddr*>(&address), sizeof address) == 8);
      },
      {}};
  source.others.push_back(std::move(ends.second));
  return source;
}

// Threads that wait in a page of theirs until somebody fills it, or nobody looks after it any more.
class Faults {
 public:
  explicit Faults(int fd) : fd_(fd) {}
  ~Faults() {
    uffdio_range range{.start = address(), .len = size_bytes};
    ::ioctl(fd_, UFFDIO_UNREGISTER, &range);
    if (pages_ == MAP_FAILED) return;
    threads_.clear();
    ::munmap(pages_, size_bytes);
  }
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;
  bool look_after() {
    uffdio_api api{.api = UFFD_API, .features = 0, .ioctls = 0};
    uffdio_register all{.range = {.start = address(), .len = size_bytes},
                        .mode = UFFDIO_REGISTER_MODE_MISSING,
                        .ioctls = 0};
    return pages_ != MAP_FAILED && ::ioctl(fd_, UFFDIO_API, &api) == 0 &&
           ::ioctl(fd_, UFFDIO_REGISTER, &all) == 0;
  }
  void touch_another() {
    volatile char* byte = static_cast<char*>(pages_) + threads_.size() * page_bytes;
    threads_.emplace_back([byte] { *byte = 1; });
  }

 private:
  static constexpr std::size_t page_bytes = 4096;
  static constexpr std::size_t size_bytes = 16 * page_bytes;
  std::uint64_t address() const { return reinterpret_cast<std::uintptr_t>(pages_); }

  int fd_;
  void* pages_ =
      ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::vector<std::jthread> threads_;
};

Source page_faults() {
  Fd fd{static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC))};
  const auto faults = std::make_shared<Faults>(fd.get());
  if (!faults->look_after()) return {};
  return {std::move(fd), [faults] { faults->touch_another(); }, {}};
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const SourceKind& kind) { return out << kind.name; }

std::vector<SourceKind> source_kinds() {
  return {
      {"pipe", [] { return from_pair(make_pipe()); }},
      {"fifo", named_fifo},
      {"unix stream", [] { return from_pair(make_sockets(SOCK_STREAM)); }},
      {"unix datagram", [] { return from_pair(make_sockets(SOCK_DGRAM)); }},
      {"unix seqpacket", [] { return from_pair(make_sockets(SOCK_SEQPACKET)); }},
      {"tcp", [] { return from_pair(make_tcp_sockets()); }},
      {"udp", udp},
      {"tcp over IPv6", [] { return ipv6(SOCK_STREAM); }},
      {"udp over IPv6", [] { return ipv6(SOCK_DGRAM); }},
      {"packets", packets},
      {"netlink", netlink},
      {"pty master", [] { return from_pair(make_pty()); }},
      {"pty slave", [] { return from_pair(swapped(make_pty())); }},
      {"eventfd", event_counter},
      {"timerfd", timer},
      {"inotify", inotify},
      {"fanotify", fanotify},
      {"userfaultfd", page_faults},
  };
}

}  // namespace conformance
