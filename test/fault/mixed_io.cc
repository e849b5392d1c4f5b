// SPDX-License-Identifier: MIT
#include "mixed_io.h"

#include "support/pattern.h"

#include <kaio/aio.h>

#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <sys/eventfd.h>

namespace fault {

using support::ChannelKind;
using support::Request;

namespace {

constexpr std::size_t file_bytes = 1 << 20;

int sync_call(aiocb* block) { return aio_fsync(O_SYNC, block); }

}  // namespace

MixedIo::MixedIo()
    : file_(file_bytes), direct_file_(file_bytes), ram_file_(support::tmpfs, file_bytes),
      buffered_(file_.open(O_RDWR)), in_ram_(ram_file_.open(O_RDWR)),
      event_(support::make_eventfd(0, EFD_NONBLOCK)) {
  try {
    direct_ = direct_file_.open(O_RDWR | O_DIRECT);
  } catch (const std::exception&) {
    direct_ = direct_file_.open(O_RDWR);
  }
}

void MixedIo::check(bool condition, const std::string& what) {
  if (condition) return;
  ++failures_;
  std::fprintf(stderr, "FAILED: %s\n", what.c_str());
}

MixedIo::Item* MixedIo::submit(std::string what, Request request, int (*call)(aiocb*),
                               ssize_t expected) {
  aiocb* block = request;
  items_.push_back({std::move(request), std::move(what), expected, {}});
  errno = 0;
  if (call(block) == 0) return &items_.back();
  ++refused_;
  check(errno == EAGAIN, items_.back().what + ": the call failed with " + std::to_string(errno));
  items_.pop_back();
  return nullptr;
}

void MixedIo::notify_by_eventfd(Request& request) {
  request->aio_sigevent.sigev_notify = SIGEV_EVENTFD;
  request->aio_sigevent.sigev_notify_eventfd = event_.get();
}

void MixedIo::begin_on_file(int fd, const std::string& name) {
  for (off_t offset = 0; offset < 8 * 32768; offset += 32768) {
    Request read = Request::to_read(fd, 16384, offset);
    if (offset % 65536 == 0) notify_by_eventfd(read);
    const bool notifies = offset % 65536 == 0;
    Item* item = submit("read of " + name, std::move(read), aio_read, 16384);
    if (item == nullptr) continue;
    notified_wanted_ += notifies;
    item->read_from = offset;
    item->content_is_right = [item, offset] {
      return support::is_pattern(item->request.text(16384), static_cast<std::uint64_t>(offset));
    };
  }
  for (off_t offset = 524288; offset < 524288 + 4 * 32768; offset += 32768)
    submit(
        "write of " + name,
        Request::to_write(fd, support::pattern(16384, static_cast<std::uint64_t>(offset)), offset),
        aio_write, 16384);
  submit("sync of " + name, Request::to_sync(fd), sync_call, 0);
}

void MixedIo::begin_on_streams() {
  for (const ChannelKind kind :
       {ChannelKind::pipe, ChannelKind::stream_socket, ChannelKind::tcp_socket,
        ChannelKind::pty_master, ChannelKind::pty_slave}) {
    const support::Channel& channel = channels_.emplace_back(kind);
    for (int i = 0; i < 3; ++i) {
      Item* item = submit("read of stream " + std::to_string(int(kind)),
                          Request::to_read(channel.reader(), 4), aio_read, 4);
      if (item != nullptr)
        item->content_is_right = [item] { return item->request.text(4) == "abcd"; };
    }
  }
}

void MixedIo::begin(bool may_refuse) {
  may_refuse_ = may_refuse;
  begin_on_streams();
  begin_on_file(buffered_.get(), "a buffered file");
  begin_on_file(direct_.get(), "a direct file");
  begin_on_file(in_ram_.get(), "a file in memory");
  check(may_refuse || refused_ == 0, std::to_string(refused_) + " calls were refused");
}

void MixedIo::wait_and_check(Item& item) {
  int status = EINPROGRESS;
  try {
    status =
        support::wait_done(item.request, failures_ == 0 ? support::patience : support::a_while);
  } catch (const support::NotDoneInTime&) {
    check(false, item.what + " is not done in time");
    return;
  }
  const ssize_t result = aio_return(item.request);
  if (status == EAGAIN && may_refuse_) return;
  check(status == 0, item.what + " has the status " + std::to_string(status));
  if (may_be_short_ && result > 0 && result < item.expected) {
    ++short_count_;
    const auto from = static_cast<std::uint64_t>(item.read_from);
    check(item.read_from < 0 ||
              support::is_pattern(item.request.text(static_cast<std::size_t>(result)), from),
          item.what + " has the wrong content");
    return;
  }
  check(result == item.expected, item.what + " returned " + std::to_string(result));
  if (status == 0 && item.content_is_right)
    check(item.content_is_right(), item.what + " has the wrong content");
}

void MixedIo::write_to(const support::Channel& channel) {
  constexpr std::string_view text = "abcdabcdabcd";
  const Item* write =
      submit("write of a stream", Request::to_write(channel.writer(), std::string(text)), aio_write,
             static_cast<ssize_t>(text.size()));
  const bool is_refused =
      write == nullptr ||
      (may_refuse_ && support::eventually([&] { return !support::in_progress(write->request); }) &&
       aio_error(write->request) == EAGAIN);
  if (is_refused) channel.send(text);  // otherwise the readers would wait for ever
}

void MixedIo::end() {
  for (const support::Channel& channel : channels_) write_to(channel);
  for (Item& item : items_) wait_and_check(item);
  items_.clear();
  channels_.clear();
  eventfd_t notified = 0;
  support::eventually([&] {
    eventfd_t more = 0;
    if (::eventfd_read(event_.get(), &more) == 0) notified += more;
    return notified == static_cast<eventfd_t>(notified_wanted_);
  });
  check(notified == static_cast<eventfd_t>(notified_wanted_),
        std::to_string(notified) + " notifications instead of " + std::to_string(notified_wanted_));
  notified_wanted_ = 0;
}

int mixed_rounds(int rounds, bool may_refuse) {
  MixedIo io;
  for (int i = 0; i < rounds && io.failures() == 0; ++i) {
    io.begin(may_refuse);
    io.end();
  }
  return io.failures() == 0 ? 0 : 1;
}

}  // namespace fault
