// SPDX-License-Identifier: MIT
// How many threads of the pool one device may have at a time, so that a slow one, or a
// server that does not answer, never has them all.
//
// Jobs that find their device with as many as it may have wait here, by priority, until one
// of its others is done. Devices share a place when there are more than places: then they
// share its threads too.
//
// Not thread-safe: the pool's mutex guards them.
#pragma once

#include <array>
#include <cassert>

#include "core/threads/job_queue.h"

namespace kaio {

namespace limits {
inline constexpr unsigned pool_devices_max = 16;
}  // namespace limits

class DeviceBounds {
 public:
  // A job has come to the pool.
  void enter(Transfer& transfer) noexcept {
    const std::uint32_t device = transfer.device();
    const unsigned number = place_for(device);
    Place& place = places_[number];
    place.device = device;
    if (place.jobs++ == 0) ++busy_;
    transfer.set_pool_place(number);
  }

  // True: a thread may carry it out. False: it waits here.
  bool admit(Transfer& transfer, unsigned threads_max) noexcept {
    Place& place = place_of(transfer);
    if (place.running < threads_max) return true;
    transfer.set_waits_for_device(true);
    place.waiting.push(transfer);
    return false;
  }

  void begin(const Transfer& transfer) noexcept { ++place_of(transfer).running; }

  // A job is done that had that place. Those that may begin now are queued.
  void end(unsigned number, unsigned threads_max, JobQueue& queue) noexcept {
    Place& place = places_[number];
    --place.running;
    forget(place);
    release(place, threads_max, queue);
  }

  // Takes one that has not begun out of where it is: here, if it waits, or in the queue.
  void dequeue(Transfer& transfer, JobQueue& queue) noexcept {
    if (transfer.waits_for_device()) {
      place_of(transfer).waiting.erase(transfer);
      transfer.set_waits_for_device(false);
    } else {
      queue.erase(transfer);
    }
  }

  // One that has not begun is gone.
  void forget(const Transfer& transfer) noexcept { forget(place_of(transfer)); }

  // The bound has changed.
  void release_all(unsigned threads_max, JobQueue& queue) noexcept {
    for (Place& place : places_) release(place, threads_max, queue);
  }

  // Devices with jobs.
  unsigned busy() const noexcept { return busy_; }

 private:
  struct Place {
    std::uint32_t device = 0;
    unsigned jobs = 0;  // queued, waiting here or in a file queue, or running
    unsigned running = 0;
    JobQueue waiting;
  };

  unsigned place_for(std::uint32_t device) const noexcept {
    unsigned found = device % limits::pool_devices_max;
    bool have_free = places_[found].jobs == 0;
    for (unsigned number = 0; number < limits::pool_devices_max; ++number) {
      const Place& place = places_[number];
      if (place.jobs != 0 && place.device == device) return number;
      if (place.jobs == 0 && !have_free) {
        found = number;
        have_free = true;
      }
    }
    return found;
  }

  Place& place_of(const Transfer& transfer) noexcept { return places_[transfer.pool_place()]; }

  void forget(Place& place) noexcept {
    assert(place.jobs != 0);
    if (--place.jobs == 0) --busy_;
  }

  static void release(Place& place, unsigned threads_max, JobQueue& queue) noexcept {
    for (unsigned number = place.running; number < threads_max; ++number) {
      Transfer* transfer = place.waiting.pop();
      if (transfer == nullptr) return;
      transfer->set_waits_for_device(false);
      queue.push_front(*transfer);
    }
  }

  std::array<Place, limits::pool_devices_max> places_;
  unsigned busy_ = 0;
};

}  // namespace kaio
