// SPDX-License-Identifier: MIT
#include "posix/notify/attributed_callback.h"

namespace kaio {

void ThreadAttributes::note(const pthread_attr_t& source) noexcept {
  *this = ThreadAttributes();
  ::pthread_attr_getguardsize(&source, &guard_bytes_);
  ::pthread_attr_getschedpolicy(&source, &policy_);
  ::pthread_attr_getschedparam(&source, &parameters_);
  ::pthread_attr_getinheritsched(&source, &inherits_);
  ::pthread_attr_getscope(&source, &scope_);
  // glibc reports an address that was never set as one whose end is 0.
  if (::pthread_attr_getstack(&source, &stack_, &stack_bytes_) == 0)
    has_own_stack_ = reinterpret_cast<std::uintptr_t>(stack_) + stack_bytes_ != 0;
  has_processors_ = ::pthread_attr_getaffinity_np(&source, sizeof processors_, &processors_) == 0 &&
                    CPU_COUNT(&processors_) != CPU_SETSIZE;
#ifdef PTHREAD_ATTR_NO_SIGMASK_NP
  has_mask_ = ::pthread_attr_getsigmask_np(&source, &mask_) == 0;
#endif
}

bool ThreadAttributes::make(pthread_attr_t& target) const noexcept {
  if (::pthread_attr_init(&target) != 0) return false;
  ::pthread_attr_setguardsize(&target, guard_bytes_);
  ::pthread_attr_setschedpolicy(&target, policy_);
  ::pthread_attr_setschedparam(&target, &parameters_);
  ::pthread_attr_setinheritsched(&target, inherits_);
  ::pthread_attr_setscope(&target, scope_);
  if (has_own_stack_) {
    ::pthread_attr_setstack(&target, stack_, stack_bytes_);
  } else if (stack_bytes_ != 0) {
    ::pthread_attr_setstacksize(&target, stack_bytes_);
  }
  bool made = true;
  if (has_processors_)
    made = ::pthread_attr_setaffinity_np(&target, sizeof processors_, &processors_) == 0;
#ifdef PTHREAD_ATTR_NO_SIGMASK_NP
  if (has_mask_ && made) made = ::pthread_attr_setsigmask_np(&target, &mask_) == 0;
#endif
  ::pthread_attr_setdetachstate(&target, PTHREAD_CREATE_DETACHED);
  if (!made) ::pthread_attr_destroy(&target);
  return made;
}

}  // namespace kaio
