// SPDX-License-Identifier: MIT
#include "callbacks.h"

namespace support {

Callbacks::~Callbacks() {
  // The last callback has notified us under this lock and may still hold it.
  std::lock_guard lock{mutex_};
}

void Callbacks::attach(sigevent& event, pthread_attr_t* attributes) {
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = receive;
  event.sigev_notify_attributes = attributes;
  event.sigev_value.sival_ptr = this;
}

int Callbacks::count() {
  std::lock_guard lock{mutex_};
  return count_;
}

bool Callbacks::wait_for(int count, Duration limit) {
  std::unique_lock lock{mutex_};
  return changed_.wait_until(lock, Clock::now() + limit, [&] { return count_ >= count; });
}

void Callbacks::receive(sigval value) {
  auto* self = static_cast<Callbacks*>(value.sival_ptr);
  if (self->action_) self->action_();
  std::lock_guard lock{self->mutex_};
  ++self->count_;
  self->changed_.notify_all();
}

}  // namespace support
