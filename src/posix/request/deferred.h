// SPDX-License-Identifier: MIT
// Requests that this thread has to route later: it may not while it reaps, while it holds one
// of our mutexes, or in a signal handler that interrupted either. Each thread has a stack of
// its own for them. drain() routes what is in it when the outermost frame of kaio leaves, or
// before a function of the program is called.
//
// A handler and the frame it interrupted are the same thread, so the stack is
// lock-free although no other thread ever sees it.
#pragma once

#include "core/transfer_queue.h"
#include "posix/request/request.h"
#include "sys/mutex.h"

namespace kaio::deferred {

// Request::state says what is to be done: `free` to be admitted (a submission in
// a handler), else to be dispatched.
extern KAIO_THREAD_LOCAL TransferStack requests;

inline void put_aside(Request& request) noexcept { requests.push(request); }

// True while this thread holds a mutex of ours: only a signal handler sees it.
inline bool must_put_aside() noexcept { return sys::mutexes_held != 0; }

// Takes the request back, if this thread has put it aside and not routed it yet.
bool take_back(const Request& request) noexcept;

// Calls route(Request&) for each one put aside, until there are none.
template <class Route>
void drain(Route&& route) {
  if (must_put_aside()) return;
  while (!requests.empty()) {
    Transfer* item = requests.take_in_order();
    while (item != nullptr) {
      Transfer* following = item->next;
      item->next = nullptr;
      route(request_of(*item));
      item = following;
    }
  }
}

}  // namespace kaio::deferred
