// SPDX-License-Identifier: MIT
#include "network_block_device.h"

#include "support/channel.h"
#include "support/checked.h"
#include "support/deadline.h"

#include <cstdint>
#include <cstring>
#include <endian.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/nbd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace devices {

using support::checked;

namespace {

constexpr unsigned long sector_bytes = 512;

bool receive_all(int socket, void* data, std::size_t size_bytes) {
  return size_bytes == 0 ||
         ::recv(socket, data, size_bytes, MSG_WAITALL) == static_cast<ssize_t>(size_bytes);
}

bool send_all(int socket, const char* data, std::size_t size_bytes) {
  while (size_bytes > 0) {
    const ssize_t sent = ::send(socket, data, size_bytes, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size_bytes -= static_cast<std::size_t>(sent);
  }
  return true;
}

}  // namespace

NetworkBlockDevice::NetworkBlockDevice(const std::string& path, std::size_t size_bytes)
    : memory_(size_bytes, '\0'), device_{checked(::open(path.c_str(), O_RDWR | O_CLOEXEC),
                                                 path.c_str())} {
  support::FdPair ends = support::make_sockets(SOCK_STREAM);
  servers_end_ = std::move(ends.first);
  kernels_end_ = std::move(ends.second);
  checked(::ioctl(device_.get(), NBD_SET_BLKSIZE, sector_bytes), "NBD_SET_BLKSIZE");
  checked(::ioctl(device_.get(), NBD_SET_SIZE_BLOCKS, size_bytes / sector_bytes), "NBD_SET_SIZE");
  checked(::ioctl(device_.get(), NBD_SET_FLAGS, NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH),
          "NBD_SET_FLAGS");
  checked(::ioctl(device_.get(), NBD_SET_SOCK, kernels_end_.get()), "NBD_SET_SOCK");
  server_ = std::thread{[this] { serve(); }};
  kernel_ = std::thread{[this] { ::ioctl(device_.get(), NBD_DO_IT); }};
  // The driver sets the size when it begins.
  support::eventually([&] {
    std::uint64_t now_bytes = 0;
    return ::ioctl(device_.get(), BLKGETSIZE64, &now_bytes) == 0 && now_bytes == size_bytes;
  });
}

NetworkBlockDevice::~NetworkBlockDevice() {
  ::ioctl(device_.get(), NBD_DISCONNECT);
  ::shutdown(servers_end_.get(), SHUT_RDWR);
  kernel_.join();
  server_.join();
  ::ioctl(device_.get(), NBD_CLEAR_SOCK);
}

void NetworkBlockDevice::serve() {
  const int socket = servers_end_.get();
  nbd_request request;
  while (receive_all(socket, &request, sizeof request)) {
    const unsigned type = be32toh(request.type) & 0xffff;
    const std::size_t offset = be64toh(request.from);
    const std::size_t size_bytes = type == NBD_CMD_FLUSH ? 0 : be32toh(request.len);
    const bool fits = offset <= memory_.size() && size_bytes <= memory_.size() - offset;
    if (type == NBD_CMD_DISC || !fits) return;
    if (type == NBD_CMD_WRITE && !receive_all(socket, &memory_[offset], size_bytes)) return;
    nbd_reply reply{};
    reply.magic = htobe32(NBD_REPLY_MAGIC);
    std::memcpy(&reply.handle, &request.handle, sizeof reply.handle);
    if (!send_all(socket, reinterpret_cast<const char*>(&reply), sizeof reply)) return;
    if (type == NBD_CMD_READ && !send_all(socket, &memory_[offset], size_bytes)) return;
  }
}

}  // namespace devices
