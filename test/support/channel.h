// SPDX-License-Identifier: MIT
// Everything that data flows through, for cases that hold for all of it alike.
#pragma once

#include "fd.h"

#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace support {

using FdPair = std::pair<Fd, Fd>;
FdPair make_pipe();  // first reads, second writes
FdPair make_sockets(int type);
FdPair make_tcp_sockets();
FdPair make_pty();  // first is the master; raw mode
Fd make_eventfd(unsigned value = 0, int flags = 0);

enum class ChannelKind {
  pipe,
  stream_socket,
  datagram_socket,
  tcp_socket,
  pty_master,
  pty_slave,
};
std::ostream& operator<<(std::ostream& out, ChannelKind kind);
std::vector<ChannelKind> channel_kinds();
std::vector<ChannelKind> two_way_channel_kinds();

// Two ends; a pty is named by the end that the tests read from. What is written
// to the one comes out of the other.
class Channel {
 public:
  explicit Channel(ChannelKind kind);
  int reader() const { return ends_.first.get(); }
  int writer() const { return ends_.second.get(); }
  void send(std::string_view text) const;
  // One read(); "" at the end. Throws when nothing comes.
  std::string receive(std::size_t size_bytes) const;
  // Writes until the other end takes no more, and says how much that was. The
  // writer is blocking again afterwards.
  std::size_t fill() const;
  void set_nonblocking() const;
  void close_reader() { ends_.first.close(); }
  void close_writer() { ends_.second.close(); }

 private:
  FdPair ends_;
};

}  // namespace support
