// SPDX-License-Identifier: MIT
#include "notices.h"

#include "clock.h"
#include "promises.h"
#include "trouble.h"

#include "support/checked.h"
#include "support/deadline.h"

#include <kaio/aio.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace random_test {
namespace {

constexpr std::uint32_t ticket_count = 1 << 15;
Ticket* tickets = nullptr;
std::atomic<std::uint32_t> next_ticket{0};
std::atomic<std::uint32_t> phase{1};
int common_event = -1;
std::atomic<std::uint64_t> event_wanted{0};
pthread_attr_t apart;
constexpr std::size_t apart_stack_bytes = 512 * 1024;
std::atomic<void (*)(Chance&, bool)> action{nullptr};

thread_local volatile long runs_here = 0;
thread_local volatile std::int64_t interrupted_ns = 0;

int signal_of(Way way) {
  switch (way) {
    case Way::signal:
      return SIGUSR1;
    case Way::realtime:
      return SIGRTMIN + 3;
    case Way::interrupting:
      return SIGRTMIN + 4;
    default:
      return SIGRTMIN + 5;
  }
}

void check_list(const Ticket& ticket) {
  for (const aiocb* block : ticket.list)
    if (block != nullptr && aio_error(block) == EINPROGRESS)
      report("a list is told of while an element is in progress");
  if (!expected(Promise::list_is_last)) return;
  for (const Ticket* part : ticket.parts)
    if (part != nullptr && part->count == 0)
      report("a list is told of before its element, both by signals to one thread");
  if (ticket.list_event < 0) return;
  std::uint64_t added = 0;
  // Not read(): where a cancel is on its way, a cancellation point in a handler may wait for
  // the handler of the C library that it interrupted.
  while (::syscall(SYS_read, ticket.list_event, &added, sizeof added) < 0 && errno == EINTR) {
  }
  if (added != ticket.list_event_count)
    report("a list is told of when %lu of %u elements were added to their eventfd", added,
           ticket.list_event_count);
}

void receive(sigval value, Way way, bool in_signal_handler) {
  const auto name = reinterpret_cast<std::uintptr_t>(value.sival_ptr);
  const auto index = static_cast<std::uint32_t>(name);
  // An ordinary signal is not waited for, and so may come when its phase is over.
  if (way == Way::signal && name >> 32 < phase) return;
  if (name >> 32 != phase || index >= next_ticket)
    return report("a notification (%s) with value %lx, of no request", name_of(way), name);
  Ticket& ticket = tickets[index];
  if (ticket.way != way)
    report("a notification by %s came by %s", name_of(ticket.way), name_of(way));
  if (way == Way::thread_id && ticket.thread != ::gettid())
    report("a signal for thread %d came to %d", ticket.thread, ::gettid());
  // Before it is counted: once it is, its owner uses the memory again.
  if (ticket.held != nullptr && aio_error(ticket.held) == EINPROGRESS)
    report("a notification by %s before its status is visible", name_of(way));
  check_list(ticket);
  if (fault_now(Fault::lost_notification)) return;
  if (ticket.count.fetch_add(1) != 0) report("a notification by %s came twice", name_of(way));
  Chance chance(name);
  if (const auto act = action.load()) act(chance, in_signal_handler);
}

template <Way way>
void on_signal(int number, siginfo_t* info, void*) {
  const int saved_errno = errno;
  // What it does is not left half done: its thread may be one that is being cancelled. While
  // the type is asynchronous, glibc unwinds the thread even where cancelling is off.
  int type = 0;
  int state = 0;
  ::pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
  ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
  if (info->si_code != SI_ASYNCIO || info->si_pid != ::getpid() || info->si_uid != ::getuid())
    report("signal %d came with code %d, pid %d", number, info->si_code, info->si_pid);
  else
    receive(info->si_value, way, true);
  runs_here = runs_here + 1;
  if (way == Way::interrupting) interrupted_ns = now_ns();
  ::pthread_setcancelstate(state, nullptr);
  errno = saved_errno;
  ::pthread_setcanceltype(type, nullptr);
}

void on_callback(sigval value) { receive(value, Way::callback, false); }

void on_callback_apart(sigval value) {
  pthread_attr_t mine;
  std::size_t stack_bytes = 0;
  if (::pthread_getattr_np(::pthread_self(), &mine) == 0) {
    ::pthread_attr_getstacksize(&mine, &stack_bytes);
    ::pthread_attr_destroy(&mine);
  }
  if (stack_bytes < apart_stack_bytes || stack_bytes > 2 * apart_stack_bytes)
    report("a callback with attributes has a stack of %zu bytes", stack_bytes);
  receive(value, Way::callback_apart, false);
}

template <Way way>
void handle(int flags) {
  struct sigaction how {};
  how.sa_sigaction = on_signal<way>;
  how.sa_flags = SA_SIGINFO | flags;
  support::checked(::sigaction(signal_of(way), &how, nullptr), "sigaction");
}

}  // namespace

const char* name_of(Way way) {
  static constexpr const char* names[] = {
      "none",      "signal",   "real-time signal",         "interrupting signal",
      "thread id", "callback", "callback with attributes", "eventfd"};
  return names[static_cast<unsigned>(way)];
}

void notices::install() {
  tickets = new Ticket[ticket_count];
  common_event = support::checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  ::pthread_attr_init(&apart);
  ::pthread_attr_setstacksize(&apart, apart_stack_bytes);
  ::pthread_attr_setdetachstate(&apart, PTHREAD_CREATE_DETACHED);
  handle<Way::signal>(SA_RESTART);
  handle<Way::realtime>(SA_RESTART);
  handle<Way::interrupting>(0);
  handle<Way::thread_id>(SA_RESTART);
}

Ticket& notices::attach(sigevent& event, Way way, const aiocb* held) {
  const std::uint32_t index = next_ticket.fetch_add(1);
  if (index >= ticket_count) {
    report("the tester has too few tickets");
    ::_exit(3);
  }
  Ticket& ticket = tickets[index];
  ticket.way = way;
  ticket.held = held;
  event = {};
  event.sigev_value.sival_ptr = reinterpret_cast<void*>(std::uintptr_t{phase} << 32 | index);
  switch (way) {
    case Way::none:
    case Way::count:
      event.sigev_notify = SIGEV_NONE;
      break;
    case Way::signal:
    case Way::realtime:
    case Way::interrupting:
      event.sigev_notify = SIGEV_SIGNAL;
      event.sigev_signo = signal_of(way);
      break;
    case Way::thread_id:
      event.sigev_notify = SIGEV_THREAD_ID;
      event.sigev_signo = signal_of(way);
      event.sigev_notify_thread_id = ticket.thread = ::gettid();
      break;
    case Way::callback:
      event.sigev_notify = SIGEV_THREAD;
      event.sigev_notify_function = on_callback;
      break;
    case Way::callback_apart:
      event.sigev_notify = SIGEV_THREAD;
      event.sigev_notify_function = on_callback_apart;
      event.sigev_notify_attributes = &apart;
      break;
    case Way::eventfd:
      event.sigev_notify = SIGEV_EVENTFD;
      event.sigev_notify_eventfd = common_event;
      ++event_wanted;
      break;
  }
  return ticket;
}

void notices::withdraw(Ticket& ticket) {
  if (ticket.way == Way::eventfd) --event_wanted;
  ticket.way = Way::none;
}

bool notices::arrived(const Ticket& ticket) {
  return ticket.way == Way::none || ticket.way == Way::signal || ticket.way == Way::eventfd ||
         ticket.count > 0;
}

void notices::settle() {
  const std::uint32_t used = next_ticket;
  support::eventually([&] {
    for (std::uint32_t i = 0; i < used; ++i)
      if (!arrived(tickets[i])) return false;
    return true;
  });
  std::uint64_t added = 0;
  std::uint64_t part = 0;
  support::eventually([&] {
    if (::read(common_event, &part, sizeof part) == sizeof part) added += part;
    return added >= event_wanted;
  });
  if (added != event_wanted) report("an eventfd got %lu, not %lu", added, event_wanted.load());
  event_wanted = 0;
  for (std::uint32_t i = 0; i < used; ++i)
    if (!arrived(tickets[i])) report("a notification by %s has not come", name_of(tickets[i].way));
  // What comes from now on names a phase that is over.
  ++phase;
  next_ticket = 0;
  for (std::uint32_t i = 0; i < used; ++i) {
    tickets[i].~Ticket();
    new (&tickets[i]) Ticket;
  }
}

void notices::describe() {
  for (std::uint32_t i = 0, used = next_ticket; i < used; ++i)
    if (!arrived(tickets[i])) report("  ticket %u: no %s yet", i, name_of(tickets[i].way));
}

long notices::handler_runs() { return runs_here; }
std::int64_t notices::last_interruption_ns() { return interrupted_ns; }
void notices::set_action(void (*act)(Chance&, bool)) { action = act; }

}  // namespace random_test
