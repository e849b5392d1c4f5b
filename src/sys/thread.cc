// SPDX-License-Identifier: MIT
#include "sys/thread.h"

#include <csignal>
#include <sched.h>
#include <sys/prctl.h>

#include "sys/calls.h"

namespace kaio::sys {
namespace {

// User callbacks run on some of these threads, so the stack is the program's
// default size (ulimit -s); untouched pages of it cost nothing.
class DetachedAttributes {
 public:
  DetachedAttributes() noexcept {
    ::pthread_attr_init(&attributes_);
    ::pthread_attr_setdetachstate(&attributes_, PTHREAD_CREATE_DETACHED);
  }
  ~DetachedAttributes() { ::pthread_attr_destroy(&attributes_); }
  DetachedAttributes(const DetachedAttributes&) = delete;
  DetachedAttributes& operator=(const DetachedAttributes&) = delete;
  const pthread_attr_t* get() const noexcept { return &attributes_; }

 private:
  pthread_attr_t attributes_;
};

}  // namespace

int start_thread(ThreadFunction run, void* argument) noexcept {
  const DetachedAttributes attributes;
  sigset_t every_signal, saved;
  ::sigfillset(&every_signal);
  // The mask is inherited: block here, so that no signal slips in at its start.
  ::pthread_sigmask(SIG_SETMASK, &every_signal, &saved);
  pthread_t thread{};
  const int outcome = calls.create_thread(&thread, attributes.get(), run, argument);
  ::pthread_sigmask(SIG_SETMASK, &saved, nullptr);
  return outcome;
}

void never_preempt_on_wake_up() noexcept {
  const sched_param none{};
  if (::sched_getscheduler(0) == SCHED_OTHER) ::sched_setscheduler(0, SCHED_BATCH, &none);
}

void name_this_thread(const char* name) noexcept { ::prctl(PR_SET_NAME, name); }

}  // namespace kaio::sys
