// SPDX-License-Identifier: MIT
// Serves blocks of a file over TCP: one thread, one epoll loop, in which the engine is a descriptor
// like the sockets.
//
//   c++ -std=c++20 -O2 -o block_server block_server.cc $(pkg-config --cflags --libs kaio-engine)
//   ./block_server FILE PORT [PATIENCE_SECONDS]
//
// It listens on 127.0.0.1 (port 0: any that is free), says which port it is, and ends with SIGINT
// or SIGTERM. A request is 12 bytes, numbers in network order: the offset (8) and the length (4).
// Its reply is an error (4; as errno, 0 for none), a length (4), and so many bytes: fewer than were
// asked for at the end of the file, and 64 KiB at most. A client may send requests ahead; their
// replies come in the same order.
//
// What such a server has to get right:
// - Each client has a place, with an operation and a buffer that are made at the start. A client
//   that does not read its reply fills its own socket, and its next request is not read: others go
//   on, and nothing grows. One that neither asks nor reads for a while (30 seconds) has to go.
// - A client that goes while its read is under way loses its socket at once. The kernel may still
//   write into the buffer, so the place is free only when the read has ended.
// - Sockets are watched edge-triggered, once for both directions. So each is read or written until
//   the kernel says that it would block, and what is not wanted now wakes nobody.
#include <kaio/engine.h>

#include <arpa/inet.h>
#include <endian.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t clients_max = 256, block_bytes_max = 64 * 1024;
constexpr std::size_t request_bytes = 12;
constexpr int socket_buffer_bytes = 2 * block_bytes_max;

int checked(int number, const char* what) {
  if (number < 0) throw std::system_error(errno, std::system_category(), what);
  return number;
}

class Descriptor {
 public:
  Descriptor() = default;
  Descriptor(int fd, const char* what) : fd_(checked(fd, what)) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int number() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

Descriptor signals_to_end() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return {::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"};
}

Descriptor once_a_second() {
  Descriptor timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create"};
  const itimerspec times{.it_interval = {1, 0}, .it_value = {1, 0}};
  checked(::timerfd_settime(timer.number(), 0, &times, nullptr), "timerfd_settime");
  return timer;
}

// What is set here is passed on to the sockets of clients.
Descriptor listen_on(std::uint16_t port) {
  Descriptor listener{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"};
  const int yes = 1;
  const auto set = [&](int level, int option, const int& value) {
    checked(::setsockopt(listener.number(), level, option, &value, sizeof value), "setsockopt");
  };
  set(SOL_SOCKET, SO_REUSEADDR, yes);
  set(SOL_SOCKET, SO_SNDBUF, socket_buffer_bytes);  // or the kernel lets them grow to megabytes
  set(SOL_SOCKET, SO_RCVBUF, request_bytes * 1024);
  set(IPPROTO_TCP, TCP_NODELAY, yes);
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = ::htons(port), .sin_addr = {}, .sin_zero = {}};
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  checked(::bind(listener.number(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  checked(::listen(listener.number(), SOMAXCONN), "listen");
  return listener;
}

struct Request {
  std::uint64_t offset_bytes = 0;
  std::uint32_t size_bytes = 0;
};

Request decode(const std::array<std::byte, request_bytes>& bytes) {
  Request request;
  std::memcpy(&request.offset_bytes, bytes.data(), 8);
  std::memcpy(&request.size_bytes, bytes.data() + 8, 4);
  return {.offset_bytes = ::be64toh(request.offset_bytes),
          .size_bytes = std::min<std::uint32_t>(::be32toh(request.size_bytes), block_bytes_max)};
}

class Server;

enum class State {
  free,       // nobody is here
  receiving,  // the client has to send a request
  reading,    // its read is under way
  sending,    // the client has to take the reply
  leaving,    // it has gone, and its read is under way
};

struct Client {
  Server* server = nullptr;
  State state = State::free;
  Descriptor socket;
  Clock::time_point last_moved;  // when something came from it or went to it

  std::array<std::byte, request_bytes> request_text;
  std::size_t received_bytes = 0;
  Request request;

  kaio::BufferPool::Block buffer;
  kaio::Operation read;

  std::array<std::uint32_t, 2> reply_header;
  const std::byte* reply = nullptr;  // in the buffer
  std::size_t reply_bytes = 0;
  std::size_t sent_bytes = 0;  // of both
};

class Server {
 public:
  Server(const char* path, std::uint16_t port, std::chrono::seconds patience)
      : patience_(patience), file_(path, {.flags = O_RDONLY}),
        buffers_(file_, clients_max, block_bytes_max + 2 * file_.alignment().read_bytes),
        clients_(clients_max), listener_(listen_on(port)) {
    for (Client& client : clients_) {
      client.server = this;
      client.buffer = buffers_.take();
      client.read.on_completion(
          [](kaio::Operation& read) {
            Client& whose = *static_cast<Client*>(read.context());
            whose.server->on_read(whose);
          },
          &client);
      free_.push_back(&client);
    }
    watch(engine_.fd(), EPOLLIN, &engine_);  // before anything is submitted
    watch(listener_.number(), EPOLLIN, &listener_);
    watch(signals_.number(), EPOLLIN, &signals_);
    watch(timer_.number(), EPOLLIN, &timer_);
  }

  // The engine's destructor waits for what is under way. No client must have it go on.
  ~Server() {
    for (Client& client : clients_) {
      if (client.state != State::free && client.state != State::leaving) leave(client);
    }
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t size_bytes = sizeof address;
    checked(::getsockname(listener_.number(), reinterpret_cast<sockaddr*>(&address), &size_bytes),
            "getsockname");
    return ::ntohs(address.sin_port);
  }

  void run() {
    std::array<epoll_event, 64> events;
    while (!is_over_) {
      const int count =
          ::epoll_wait(loop_.number(), events.data(), static_cast<int>(events.size()), -1);
      if (count < 0 && errno == EINTR) continue;
      checked(count, "epoll_wait");
      for (int i = 0; i < count; ++i) on_event(events[static_cast<std::size_t>(i)]);
      // Last, so that no event of this turn is taken for one of a client that comes now.
      if (std::exchange(should_accept_, false)) accept_clients();
      engine_.flush();  // before the loop sleeps: all that the turn submitted, together
    }
  }

  void tell(std::FILE* to) const {
    std::fprintf(to,
                 "%llu clients, %llu replies, %llu went while they were read for, %llu had to go\n",
                 counts_.clients, counts_.replies, counts_.left_while_reading, counts_.expelled);
  }

 private:
  void watch(int fd, std::uint32_t events, void* whose) {
    epoll_event event{.events = events, .data = {.ptr = whose}};
    checked(::epoll_ctl(loop_.number(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  }

  void on_event(const epoll_event& event) {
    if (event.data.ptr == &engine_) {
      engine_.poll();  // calls on_read()
    } else if (event.data.ptr == &listener_) {
      should_accept_ = true;
    } else if (event.data.ptr == &signals_) {
      is_over_ = true;
    } else if (event.data.ptr == &timer_) {
      on_timer();
    } else {
      Client& client = *static_cast<Client*>(event.data.ptr);
      const bool has_gone = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
      if (!has_gone) {
        advance(client);
      } else if (client.state != State::free && client.state != State::leaving) {
        leave(client);
      }
    }
  }

  void accept_clients() {
    while (!free_.empty()) {
      const int fd = ::accept4(listener_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        welcome(Descriptor{fd, "accept4"});
      } else if (errno == EAGAIN) {
        return listen(true);
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        break;  // until the next second
      }
      // Any other error belongs to that client, which has gone already.
    }
    listen(false);  // or the loop would be told of those that wait, again and again
  }

  void listen(bool yes) {
    if (std::exchange(is_listening_, yes) == yes) return;
    epoll_event event{.events = yes ? std::uint32_t{EPOLLIN} : 0u, .data = {.ptr = &listener_}};
    checked(::epoll_ctl(loop_.number(), EPOLL_CTL_MOD, listener_.number(), &event), "epoll_ctl");
  }

  void welcome(Descriptor socket) {
    Client& client = *free_.back();
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = &client}};
    if (::epoll_ctl(loop_.number(), EPOLL_CTL_ADD, socket.number(), &event) != 0) return;
    free_.pop_back();
    client.socket = std::move(socket);
    client.state = State::receiving;
    client.received_bytes = 0;
    client.last_moved = Clock::now();
    ++counts_.clients;
  }

  void on_timer() {
    std::uint64_t expirations = 0;
    if (::read(timer_.number(), &expirations, sizeof expirations) < 0) return;
    const Clock::time_point now = Clock::now();
    for (Client& client : clients_) {
      const bool is_its_turn = client.state == State::receiving || client.state == State::sending;
      if (!is_its_turn || now - client.last_moved < patience_) continue;
      ++counts_.expelled;
      leave(client);
    }
    should_accept_ = true;  // there may be descriptors again
  }

  // As far as it goes without waiting.
  void advance(Client& client) {
    bool goes_on = true;
    while (goes_on) {
      switch (client.state) {
        case State::receiving:
          goes_on = receive(client);
          break;
        case State::sending:
          goes_on = send(client);
          break;
        default:
          goes_on = false;
      }
    }
  }

  // False: it has to wait, or has gone.
  bool receive(Client& client) {
    while (client.received_bytes < request_bytes) {
      const ssize_t count =
          ::recv(client.socket.number(), client.request_text.data() + client.received_bytes,
                 request_bytes - client.received_bytes, 0);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return false;
      if (count <= 0) {
        leave(client);
        return false;
      }
      client.received_bytes += static_cast<std::size_t>(count);
      client.last_moved = Clock::now();
    }
    client.received_bytes = 0;
    client.request = decode(client.request_text);
    start_read(client);
    return true;
  }

  // A request need not be aligned. What is read for it begins and ends where the file wants it.
  void start_read(Client& client) {
    const std::uint64_t unit_bytes = file_.alignment().read_bytes;
    const std::uint64_t skipped_bytes = skipped_for(client.request);
    const std::uint64_t size_bytes =
        (skipped_bytes + client.request.size_bytes + unit_bytes - 1) / unit_bytes * unit_bytes;
    client.state = State::reading;
    client.read.read(file_, client.buffer.data(), size_bytes,
                     client.request.offset_bytes - skipped_bytes);
    if (engine_.submit(client.read)) reply(client, EIO, 0, 0);  // an exception is not for callbacks
  }

  std::size_t skipped_for(const Request& request) const {
    return request.offset_bytes % file_.alignment().read_bytes;
  }

  // Called by poll(), and by the engine's destructor.
  void on_read(Client& client) {
    if (client.state == State::leaving) return release(client);
    const kaio::Result result = client.read.result();
    if (result) {
      const std::size_t skipped_bytes = skipped_for(client.request);
      const std::size_t there_bytes = std::max(result.size_bytes(), skipped_bytes) - skipped_bytes;
      const std::size_t size_bytes = std::min<std::size_t>(there_bytes, client.request.size_bytes);
      reply(client, 0, skipped_bytes, size_bytes);
    } else {
      reply(client, result.error().value(), 0, 0);
    }
    advance(client);
  }

  void reply(Client& client, int error_number, std::size_t begin, std::size_t size_bytes) {
    client.reply_header = {::htonl(static_cast<std::uint32_t>(error_number)),
                           ::htonl(static_cast<std::uint32_t>(size_bytes))};
    client.reply = client.buffer.data() + begin;
    client.reply_bytes = size_bytes;
    client.sent_bytes = 0;
    client.state = State::sending;
    client.last_moved = Clock::now();
  }

  // False: it has to wait, or has gone.
  bool send(Client& client) {
    constexpr std::size_t header_bytes = sizeof client.reply_header;
    while (client.sent_bytes < header_bytes + client.reply_bytes) {
      const std::size_t sent_header_bytes = std::min(client.sent_bytes, header_bytes);
      const std::size_t sent_reply_bytes = client.sent_bytes - sent_header_bytes;
      std::array<iovec, 2> parts{{
          {reinterpret_cast<std::byte*>(client.reply_header.data()) + sent_header_bytes,
           header_bytes - sent_header_bytes},
          {const_cast<std::byte*>(client.reply) + sent_reply_bytes,
           client.reply_bytes - sent_reply_bytes},
      }};
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = parts.size();
      const ssize_t count = ::sendmsg(client.socket.number(), &message, MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return false;
      if (count < 0) {
        leave(client);
        return false;
      }
      client.sent_bytes += static_cast<std::size_t>(count);
      client.last_moved = Clock::now();
    }
    ++counts_.replies;
    client.state = State::receiving;
    return true;
  }

  // The socket is closed at once, and epoll forgets it. The place is not free yet if the kernel
  // has the buffer: on_read() says when.
  void leave(Client& client) {
    client.socket.close();
    if (client.state != State::reading) return release(client);
    client.state = State::leaving;
    ++counts_.left_while_reading;
    engine_.cancel(client.read);  // nobody needs it, if it has not begun
  }

  void release(Client& client) {
    client.state = State::free;
    free_.push_back(&client);
    should_accept_ = true;
  }

  const std::chrono::seconds patience_;
  const kaio::File file_;
  kaio::BufferPool buffers_;
  std::vector<Client> clients_;
  std::vector<Client*> free_;
  struct {
    unsigned long long clients = 0, replies = 0, left_while_reading = 0, expelled = 0;
  } counts_;
  bool is_over_ = false, is_listening_ = true, should_accept_ = false;
  Descriptor loop_{::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"};
  Descriptor listener_;
  Descriptor signals_ = signals_to_end(), timer_ = once_a_second();
  kaio::Engine engine_{{.depth = clients_max}};  // last: it is gone before what it may still use
};

template <typename Number>
Number number_from(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    throw std::invalid_argument(std::string(text) + " is no number, or too large");
  return number;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "Usage: %s FILE PORT [PATIENCE_SECONDS]\n", argv[0]);
    return 2;
  }
  const std::chrono::seconds patience(argc > 3 ? number_from<std::uint32_t>(argv[3]) : 30);
  Server server(argv[1], number_from<std::uint16_t>(argv[2]), patience);
  std::printf("port %u\n", server.port());
  std::fflush(stdout);
  server.run();
  server.tell(stderr);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
