// SPDX-License-Identifier: MIT
#include "scenarios.h"

#include "notices.h"
#include "promises.h"
#include "trouble.h"

#include "support/channel.h"
#include "support/pattern.h"
#include "support/request.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <thread>

namespace random_test::scenarios {
namespace {

using support::Channel;
using support::ChannelKind;
using support::Request;

void pause_up_to(Chance& chance, unsigned microseconds) {
  std::this_thread::sleep_for(std::chrono::microseconds(chance.below(microseconds)));
}

bool ends_with(const Request& read, std::string_view text, const char* story) {
  const bool ended = support::eventually([&] { return !support::in_progress(read); });
  if (ended && aio_error(read) == 0 && aio_return(read) == static_cast<ssize_t>(text.size()) &&
      read.text(text.size()) == text)
    return true;
  report("%s: a read of '%.*s' ended with %s, %zd, '%.8s'", story, static_cast<int>(text.size()),
         text.data(), std::strerror(aio_error(read)), aio_return(read), read.data());
  return false;
}

// A waiter that is cancelled says PTHREAD_CANCELED, holds nothing, and leaves its
// requests as they were.
void cancelled_waiter(Chance& chance, bool) {
  const Channel pipe(chance.one_of(2) ? ChannelKind::pipe : ChannelKind::stream_socket);
  const Request first = Request::to_read(pipe.reader(), 4);
  const Request second = Request::to_read(pipe.reader(), 4);
  if (aio_read(first) != 0 || aio_read(second) != 0) return report("a pipe's read is refused");
  struct Wait {
    const aiocb* list[2];
    bool blocks_signals;
  } wait{{first, second}, !expected(Promise::look_while_cancelled)};
  pthread_t waiter;
  ::pthread_create(
      &waiter, nullptr,
      [](void* given) -> void* {
        const Wait& what = *static_cast<Wait*>(given);
        sigset_t all;
        sigfillset(&all);
        if (what.blocks_signals) ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        while (aio_suspend(what.list, 2, nullptr) != 0 && errno == EINTR) {
        }
        return nullptr;
      },
      &wait);
  if (chance.one_of(3)) pause_up_to(chance, 300);
  const bool in_time = chance.one_of(4);
  if (in_time) pipe.send("abcd");
  ::pthread_cancel(waiter);
  void* answer = nullptr;
  ::pthread_join(waiter, &answer);
  if (answer != PTHREAD_CANCELED && (answer != nullptr || !in_time))
    report("a cancelled waiter gave %p", answer);
  pipe.send(in_time ? "efgh" : "abcdefgh");
  ends_with(first, "abcd", "cancelled waiter") && ends_with(second, "efgh", "cancelled waiter");
}

// What a thread asked for outlives it.
void ended_thread(Chance& chance, bool) {
  const Channel pipe(ChannelKind::pipe);
  const Request read = Request::to_read(pipe.reader(), 5);
  const Request write = Request::to_write(pipe.writer(), "hello");
  const bool reads_first = chance.one_of(2);
  std::thread([&] {
    if (aio_read(reads_first ? read : write) == 0 || true) ::pthread_exit(nullptr);
  }).join();
  if (reads_first) {
    if (aio_write(write) != 0) return report("a write is refused");
  } else {
    // It was read into the buffer of the write, from the wrong end: nothing was done.
    if (support::wait_done(write) != EBADF && aio_error(write) != EINVAL)
      report("reading descriptor %d: %s", pipe.writer(), std::strerror(aio_error(write)));
    if (aio_read(read) != 0) return report("a read is refused");
    pipe.send("hello");
  }
  ends_with(read, "hello", "ended thread");
}

// A thread that waits without a limit wakes.
void woken_waiter(Chance& chance, bool) {
  const Channel one(ChannelKind::pipe);
  const Channel other(chance.one_of(2) ? ChannelKind::pty_slave : ChannelKind::stream_socket);
  const Request first = Request::to_read(one.reader(), 4);
  const Request second = Request::to_read(other.reader(), 4);
  if (aio_read(first) != 0 || aio_read(second) != 0) return report("a read is refused");
  const unsigned waiter_count = 1 + chance.below(2);
  std::vector<std::thread> waiters;
  for (unsigned i = 0; i < waiter_count; ++i)
    waiters.emplace_back([&] {
      const aiocb* list[] = {first, second};
      while (aio_suspend(list, 2, nullptr) != 0)
        if (errno != EINTR) report("aio_suspend: %s", std::strerror(errno));
      if (support::in_progress(first) && support::in_progress(second))
        report("aio_suspend said 0, and neither is done");
    });
  if (chance.one_of(2)) pause_up_to(chance, 500);
  const bool first_one = chance.one_of(2);
  (first_one ? one : other).send("abcd");
  for (std::thread& waiter : waiters) waiter.join();
  (first_one ? other : one).send("abcd");
  ends_with(first, "abcd", "woken waiter") && ends_with(second, "abcd", "woken waiter");
}

int in_child(const Request& of_parent) {
  for (const int number : {SIGUSR1, SIGRTMIN + 3, SIGRTMIN + 4, SIGRTMIN + 5})
    std::signal(number, SIG_IGN);
  if (aio_error(of_parent) != ECANCELED) return 2;
  const Channel pipe(ChannelKind::pipe);
  const Request read = Request::to_read(pipe.reader(), 3);
  const Request write = Request::to_write(pipe.writer(), "own");
  static std::atomic<int> called{0};
  read->aio_sigevent.sigev_notify = SIGEV_THREAD;
  read->aio_sigevent.sigev_notify_function = [](sigval) { ++called; };
  if (aio_read(read) != 0) return 3;
  if (aio_write(write) != 0) return 4;
  const aiocb* list[] = {read};
  while (aio_suspend(list, 1, nullptr) != 0)
    if (errno != EINTR) return 5;
  if (aio_return(read) != 3 || read.text(3) != "own") return 6;
  if (support::wait_done(write) != 0) return 7;
  if (!support::eventually([] { return called == 1; })) return 8;
  const support::TemporaryFile file(support::tmpfs, 0);
  const support::Fd fd = file.open(O_RDWR);
  const Request to_file = Request::to_write(fd.get(), "text");
  aiocb* all[] = {to_file};
  if (lio_listio(LIO_WAIT, (to_file->aio_lio_opcode = LIO_WRITE, all), 1, nullptr) != 0) return 9;
  return file.content() == "text" ? 0 : 10;
}

// A child finds its parent's requests cancelled, and can do everything itself; the
// parent notices nothing.
void fork_with_requests(Chance& chance, bool) {
  const Channel pipe(ChannelKind::pipe);
  const Request read = Request::to_read(pipe.reader(), 4);
  if (aio_read(read) != 0) return report("a read is refused");
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGALRM, SIG_DFL);
    ::alarm(20);
    int result = 255;
    try {
      result = in_child(read);
    } catch (...) {
    }
    ::_exit(result);
  }
  if (chance.one_of(2)) pipe.send("abcd");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0)
    report("a child ended with %d, signal %d", WEXITSTATUS(status), WTERMSIG(status));
  if (support::in_progress(read)) pipe.send("abcd");
  ends_with(read, "abcd", "fork");
}

// A number that is closed and used again: what was asked of the old file never reaches
// the new one, and ends.
void reused_number(Chance& chance, bool) {
  const support::TemporaryFile file(support::tmpfs, 4096);
  // A datagram socket's reader would not be told that the other end is gone.
  constexpr ChannelKind kinds[] = {ChannelKind::pipe, ChannelKind::stream_socket,
                                   ChannelKind::pty_slave};
  const ChannelKind kind = kinds[chance.below(3)];
  Channel channel(kind);
  std::vector<Request> requests;
  const bool reads = chance.one_of(2);
  const int number = reads ? channel.reader() : channel.writer();
  for (unsigned i = 0, count = 1 + chance.below(6); i < count; ++i) {
    requests.push_back(reads ? Request::to_read(number, 100, 0)
                             : Request::to_write(number, std::string(30'000, 'w'), 0));
    if ((reads ? aio_read(requests.back()) : aio_write(requests.back())) != 0)
      return report("a request is refused");
  }
  if (chance.one_of(2)) pause_up_to(chance, 300);
  {
    const support::Fd other = file.open(O_RDWR);
    ::dup2(other.get(), number);  // closes it
  }
  const Request look = Request::to_read(number, 4096, 0);
  if (aio_read(look) != 0) report("a read of the new file is refused");
  if (chance.one_of(2)) pause_up_to(chance, 300);
  reads ? channel.close_writer() : channel.close_reader();
  const bool ended = support::eventually([&] {
    for (const Request& request : requests)
      if (support::in_progress(request)) return false;
    return true;
  });
  if (!ended && expected(Promise::own_end_after_close))
    report("a %s of channel %d whose descriptor was closed does not end", reads ? "read" : "write",
           static_cast<int>(kind));
  for (const Request& request : requests) {
    const int status = aio_error(request);
    // A read of the new file would have given its bytes.
    const bool legal = reads && status == 0
                           ? aio_return(request) == 0
                           : status == 0 || status == ECANCELED || status == EINPROGRESS ||
                                 status == ECONNRESET || status == (reads ? EIO : EPIPE);
    if (!legal && expected(Promise::reused_number))
      report("a %s of channel %d whose descriptor was closed: %s, %zd", reads ? "read" : "write",
             static_cast<int>(kind), std::strerror(status), aio_return(request));
  }
  if (support::wait_done(look); !expected(Promise::reused_number)) return;
  if (aio_error(look) != 0 || aio_return(look) != 4096)
    report("a read of the new file, number %d, after %ss of channel %d: %s, %zd", number,
           reads ? "read" : "write", static_cast<int>(kind), std::strerror(aio_error(look)),
           aio_return(look));
  if (!support::is_pattern(file.content()) || file.content().size() != 4096)
    report("data for channel %d went to the file that got its number, now of %zu bytes",
           static_cast<int>(kind), file.content().size());
}

// What has to be refused is, and harms nothing.
void refusals(Chance& chance, bool) {
  const Channel pipe(ChannelKind::pipe);
  const Request read = Request::to_read(pipe.reader(), 4);
  const Request wrong = Request::to_read(pipe.reader(), 4);
  if (aio_read(read) != 0) return report("a read is refused");
  const auto refused = [](int answer, int error, const char* what) {
    if (answer != -1 || errno != error) report("%s: %d, %s", what, answer, std::strerror(errno));
  };
  refused(aio_read(read), EINVAL, "a request in progress");
  aiocb* again[] = {read};
  read->aio_lio_opcode = LIO_READ;
  refused(lio_listio(LIO_NOWAIT, again, 1, nullptr), EIO, "a request in progress, by a list");
  refused(aio_fsync(O_SYNC, read), EINVAL, "a request in progress, synced");
  wrong->aio_reqprio = chance.one_of(2) ? -1 : 21;
  refused(aio_read(wrong), EINVAL, "a wrong priority");
  wrong->aio_reqprio = 0;
  wrong->aio_sigevent.sigev_notify = 77;
  refused(aio_write(wrong), EINVAL, "a wrong notification");
  wrong->aio_sigevent.sigev_notify = SIGEV_SIGNAL;
  wrong->aio_sigevent.sigev_signo = 65;
  refused(aio_read(wrong), EINVAL, "a wrong signal");
  refused(aio_fsync(O_APPEND, wrong), EINVAL, "a wrong sync");
  refused(lio_listio(7, again, 1, nullptr), EINVAL, "a wrong mode");
  refused(lio_listio(LIO_WAIT, again, -1, nullptr), EINVAL, "a negative count");
  refused(aio_cancel(pipe.writer(), read), EINVAL, "another's request");
  refused(aio_cancel(1'000'000, nullptr), EBADF, "no descriptor");
  pipe.send("abcd");
  ends_with(read, "abcd", "refusals");
}

// Records of up to PIPE_BUF by two writers are not torn.
void two_writers(Chance& chance, bool) {
  constexpr std::size_t record_bytes = 4096;
  const Channel pipe(ChannelKind::pipe);
  const support::Fd second(::dup(pipe.writer()));
  std::vector<Request> writes;
  const unsigned count = 8 + chance.below(40);
  for (unsigned i = 0; i < count; ++i) {
    const int fd = i % 2 == 0 ? pipe.writer() : second.get();
    writes.push_back(Request::to_write(fd, std::string(record_bytes, static_cast<char>('A' + i))));
    if (aio_write(writes.back()) != 0) return report("a write is refused");
  }
  std::string all;
  while (all.size() < count * record_bytes) {
    const std::string part = pipe.receive(1 + chance.below(20'000));
    all += part;
  }
  for (std::size_t place = 0; place < all.size() && expected(Promise::whole_messages);
       place += record_bytes)
    if (all.find_first_not_of(all[place], place) < place + record_bytes)
      return report("a record of a pipe is torn at %zu", all.find_first_not_of(all[place], place));
  support::wait_all_done(writes);
}

// A cancelled write that has begun ends, with what went as its result.
void cancelled_write(Chance& chance, bool) {
  const Channel channel(chance.one_of(2) ? ChannelKind::pipe : ChannelKind::stream_socket);
  const std::string text(1'500'000, 'w');
  const Request write = Request::to_write(channel.writer(), text);
  if (aio_write(write) != 0) return report("a write is refused");
  if (chance.one_of(2)) pause_up_to(chance, 500);
  aio_cancel(channel.writer(), write);
  std::size_t taken = 0;
  const bool ends = support::eventually([&] { return !support::in_progress(write); },
                                        std::chrono::seconds(2) * support::slowness());
  if (!ends && expected(Promise::short_when_cancelled))
    report("a cancelled write of a stream goes on");
  while (support::in_progress(write)) taken += channel.receive(100'000).size();
  const ssize_t result = aio_return(write);
  const auto went = result > 0 ? static_cast<std::size_t>(result) : 0;
  while (taken < went) taken += channel.receive(100'000).size();
  if (aio_error(write) != 0 && aio_error(write) != ECANCELED)
    report("a cancelled write: %s", std::strerror(aio_error(write)));
  char more = 0;
  ::fcntl(channel.reader(), F_SETFL, O_NONBLOCK);
  if (taken != went || ::read(channel.reader(), &more, 1) > 0)
    report("a cancelled write says %zd, and %zu went", result, taken);
}

}  // namespace

void do_one(Chance& chance, bool quiet) {
  constexpr void (*stories[])(Chance&, bool) = {
      cancelled_waiter, cancelled_waiter, ended_thread, woken_waiter, fork_with_requests,
      reused_number,    reused_number,    refusals,     two_writers,  cancelled_write};
  constexpr const char* names[] = {
      "cancelled waiter", "cancelled waiter", "ended thread", "woken waiter", "fork",
      "reused number",    "reused number",    "refusals",     "two writers",  "cancelled write"};
  const unsigned story = chance.below(std::size(stories));
  try {
    stories[story](chance, quiet);
  } catch (const std::exception& error) {
    report("%s: %s", names[story], error.what());
  }
}

}  // namespace random_test::scenarios
