// SPDX-License-Identifier: MIT
#include "world.h"

#include "promises.h"

#include "support/channel.h"
#include "support/deadline.h"
#include "support/pattern.h"
#include "support/precondition.h"

#include <aio.h>

#include <cerrno>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace random_test {
namespace {

constexpr std::size_t file_bytes = 192 * 1024;
constexpr std::size_t capacity_bytes = 256 * 1024;

bool look_at_all(Target& target) {
  std::vector<Item*> items;
  {
    const std::lock_guard lock(target.mutex);
    items = target.outstanding;
  }
  bool any_left = false;
  for (Item* item : items) any_left |= item->look();
  return any_left;
}

bool is_readable(int fd, int patience_ms) {
  pollfd question{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&question, 1, patience_ms) == 1 && (question.revents & POLLIN) != 0;
}

// Whether TCP still has what it took from a writer. It may keep the last bytes for seconds
// behind a window that was closed for long.
bool is_on_its_way(int writer) {
  int bytes = 0;
  return ::ioctl(writer, SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

}  // namespace

World::World(Chance& chance) {
  add_files(chance);
  for (unsigned i = 0; i < 4; ++i) add_stream(chance, chance.below(6));
  Target& counter =
      add(Target::Kind::counter, "eventfd", fds_.emplace_back(support::make_eventfd()).get());
  counter.counter = &counter_;
}

Target& World::add(Target::Kind kind, std::string name, int fd) {
  Target& target = targets_.emplace_back();
  target.kind = kind;
  target.name = std::move(name);
  target.fd = fd;
  return target;
}

void World::add_file(std::string name, support::Fd fd, std::string content, bool grows,
                     bool direct) {
  const std::size_t capacity = grows ? capacity_bytes : content.size();
  Target& target = add(Target::Kind::file, std::move(name), fd.get());
  fds_.push_back(std::move(fd));
  target.direct = direct;
  target.file = &file_models_.emplace_back(std::move(content), capacity);
}

void World::add_files(Chance& chance) {
  const std::string content = support::pattern(file_bytes);
  auto& buffered = temporary_.emplace_back(file_bytes);
  add_file("buffered file", buffered.open(O_RDWR), content, true, false);
  auto& synced = temporary_.emplace_back(file_bytes);
  add_file("O_DSYNC file", synced.open(O_RDWR | O_DSYNC), content, true, false);
  auto& in_memory = temporary_.emplace_back(support::tmpfs, file_bytes);
  add_file("tmpfs file", in_memory.open(O_RDWR), content, true, false);
  auto& direct = temporary_.emplace_back(file_bytes);
  try {
    add_file("O_DIRECT file", direct.open(O_RDWR | O_DIRECT), content, true, true);
  } catch (const std::system_error&) {
  }
  if (support::is_root() && chance.one_of(3)) {
    try {
      loop_ = std::make_unique<support::LoopDevice>(file_bytes);
      add_file("loop device", loop_->open(O_RDWR | O_DIRECT), content, false, true);
    } catch (const std::system_error&) {  // none is left
    }
  }
  auto& appended = temporary_.emplace_back();
  Target& append = add(Target::Kind::append, "O_APPEND file",
                       fds_.emplace_back(appended.open(O_RDWR | O_APPEND)).get());
  append.append = &append_model_;
}

void World::add_direction(const std::string& name, int reader, int writer, bool messages,
                          std::size_t length_max) {
  Stream& stream = streams_.emplace_back(messages);
  stream.reader = &add(Target::Kind::stream_reader, name + ", read", reader);
  stream.writer = &add(Target::Kind::stream_writer, name + ", written", writer);
  for (Target* target : {stream.reader, stream.writer}) {
    target->stream = &stream.model;
    target->length_max = length_max;
    target->nonblocking = (::fcntl(target->fd, F_GETFL) & O_NONBLOCK) != 0;
  }
}

void World::add_stream(Chance& chance, unsigned kind) {
  static constexpr const char* names[] = {
      "pipe", "stream socket", "datagram socket", "seqpacket socket", "TCP socket", "terminal"};
  support::FdPair ends;
  switch (kind) {
    case 0:
      ends = support::make_pipe();
      break;
    case 1:
      ends = support::make_sockets(SOCK_STREAM);
      break;
    case 2:
      ends = support::make_sockets(SOCK_DGRAM);
      break;
    case 3:
      ends = support::make_sockets(SOCK_SEQPACKET);
      break;
    case 4:
      ends = support::make_tcp_sockets();
      break;
    default:
      ends = support::make_pty();
      break;
  }
  const bool messages = kind == 2 || kind == 3;
  const std::size_t length_max = messages ? 9000 : kind == 5 ? 3000 : GuardedMemory::buffer_bytes;
  const int first = fds_.emplace_back(std::move(ends.first)).get();
  const int second = fds_.emplace_back(std::move(ends.second)).get();
  if (chance.one_of(4))
    for (const int fd : {first, second}) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  const std::string name = names[kind];
  add_direction(name, first, second, messages, length_max);
  if (kind == 0) return;
  Stream& there = streams_.back();
  add_direction(name + " back", second, first, messages, length_max);
  Stream& back = streams_.back();
  (there.reader->twin = back.writer)->twin = there.reader;
  (there.writer->twin = back.reader)->twin = there.writer;
}

void World::settle() {
  for (Target& target : targets_)
    if (!target.is_stream() && target.kind != Target::Kind::counter)
      while (look_at_all(target)) std::this_thread::sleep_for(std::chrono::microseconds(100));
  for (Stream& stream : streams_) settle_stream(stream);
  for (Target& target : targets_) {
    const char* name = target.name.c_str();
    if (target.kind == Target::Kind::counter) settle_counter(target);
    if (target.kind == Target::Kind::file) target.file->settle(target.fd, target.direct, name);
    if (target.kind == Target::Kind::append) target.append->settle(target.fd, name);
  }
}

// Takes what nobody has asked for. Whether there was any, or will be.
bool World::take_rest(Stream& stream, int patience_ms) {
  const int fd = stream.reader->fd;
  if (!is_readable(fd, patience_ms)) return patience_ms > 0 && is_on_its_way(stream.writer->fd);
  std::string data(1 << 16, '\0');
  const ssize_t count = ::read(fd, data.data(), data.size());
  if (count < 0) return true;
  data.resize(static_cast<std::size_t>(count));
  stream.model.add_rest(std::move(data));
  return true;
}

void World::settle_stream(Stream& stream) {
  // One that another thread has in its hands just then is not cancelled; the thread may have
  // lost its processor for a while.
  const auto long_enough = std::chrono::seconds(5) * support::slowness();
  auto cancelled_last = support::Clock::now();
  for (;;) {
    const bool writes_left = look_at_all(*stream.writer);
    const bool still = !writes_left && stream.model.has_all();
    const int answer = stream.reader->cancel_all();
    const bool reads_left = look_at_all(*stream.reader);
    if (!still || !reads_left || answer != AIO_NOTCANCELED) cancelled_last = support::Clock::now();
    if (support::Clock::now() - cancelled_last > long_enough &&
        expected(Promise::cancel_of_waiting)) {
      report("%s: a read that waits is not cancelled", stream.reader->name.c_str());
      cancelled_last = support::Clock::now();
    }
    // In between another thread of the library's may have taken what a cancelled read
    // has not: so the rest only when there is no reader.
    // What was written to a terminal or by TCP can be read a while later.
    const int patience_ms = writes_left || stream.model.has_all() ? 0 : 2000 * support::slowness();
    if (!reads_left && !take_rest(stream, patience_ms) && !writes_left) break;
    if (writes_left || reads_left) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  stream.model.settle(stream.reader->name.c_str());
}

void World::settle_counter(Target& target) {
  do {
    target.cancel_all();
  } while (look_at_all(target));
  std::uint64_t rest = 0;
  if (is_readable(target.fd, 0) && ::read(target.fd, &rest, sizeof rest) == sizeof rest)
    counter_.taken += rest;
  if (counter_.added != counter_.taken)
    report("eventfd: %lu were added, %lu taken", counter_.added.load(), counter_.taken.load());
}

void World::describe() {
  for (Target& target : targets_) {
    if (!target.mutex.try_lock()) continue;
    for (Item* item : target.outstanding) item->describe();
    target.mutex.unlock();
  }
}

}  // namespace random_test
