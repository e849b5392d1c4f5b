// SPDX-License-Identifier: MIT
#include "faults.h"

#include "sys/calls.h"
#include "sys/thread_sanitizer.h"

#include <algorithm>
#include <cerrno>

namespace fault {

Faults faults;

namespace {

bool takes_one(std::atomic<int>& left) {
  int now = left;
  while (now > 0)
    if (left.compare_exchange_weak(now, now - 1)) return true;
  return false;
}

bool is_turn(int number, int every) { return every > 0 && number % every == 0; }

int setup(unsigned event_count, io_context_t* context) {
  ++faults.setup_calls;
  if (event_count > faults.setup_granted) return -faults.setup_error;
  return kaio::sys::real_calls.io_setup(event_count, context);
}

bool is_transfer(const iocb& control) {
  return control.aio_lio_opcode == IO_CMD_PREAD || control.aio_lio_opcode == IO_CMD_PWRITE;
}

int submit_halved(io_context_t context, iocb* control) {
  iocb copy = *control;
  if (is_transfer(copy) && copy.u.c.nbytes > 512) copy.u.c.nbytes = copy.u.c.nbytes / 2 / 512 * 512;
  iocb* one = &copy;
  kaio::sys::handed_to_kernel(copy.data);  // only now have we looked at it
  return kaio::sys::real_calls.io_submit(context, 1, &one);
}

int submit(io_context_t context, long count, iocb** iocbs) {
  const int number = faults.submit_calls.fetch_add(1);
  if (number >= faults.submit_refused_from) return -faults.submit_error;
  if (takes_one(faults.submit_busy) || is_turn(number + 1, faults.submit_busy_every))
    return -EAGAIN;
  count = std::min(count, faults.submit_at_most.load());
  if (faults.halve_transfers && count > 0) {
    // A poll has to keep its address, for io_cancel.
    if (is_transfer(*iocbs[0])) return submit_halved(context, iocbs[0]);
    count = 1;
    kaio::sys::handed_to_kernel(iocbs[0]->data);
  }
  return kaio::sys::real_calls.io_submit(context, count, iocbs);
}

int getevents(io_context_t context, long min_count, long max_count, io_event* events,
              const timespec* timeout) {
  const int number = ++faults.getevents_calls;
  if (faults.getevents_error != 0) return -faults.getevents_error;
  if (min_count > 0 && is_turn(number, faults.getevents_interrupted_every)) return -EINTR;
  const int outcome =
      kaio::sys::real_calls.io_getevents(context, min_count, max_count, events, timeout);
  if (const auto look = faults.on_event.load())
    for (int i = 0; i < outcome; ++i) {
      kaio::sys::taken_from_kernel(events[i].data);
      look(events[i]);
      kaio::sys::handed_to_kernel(events[i].data);
    }
  return outcome;
}

int create_thread(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                  void* argument) {
  if (faults.threads_made >= faults.threads_refused_from) return -EAGAIN;
  ++faults.threads_made;
  return kaio::sys::real_calls.create_thread(thread, attributes, run, argument);
}

int queue_signal(pid_t tid, int number, siginfo_t* info) {
  if (takes_one(faults.signals_refused)) return -EAGAIN;
  return kaio::sys::real_calls.queue_signal(tid, number, info);
}

}  // namespace

void install_faults() {
  kaio::sys::calls.io_setup = setup;
  kaio::sys::calls.io_submit = submit;
  kaio::sys::calls.io_getevents = getevents;
  kaio::sys::calls.create_thread = create_thread;
  kaio::sys::calls.queue_signal = queue_signal;
}

}  // namespace fault
