// SPDX-License-Identifier: MIT
// Jobs of one descriptor that are done one at a time.
//
// The kernel holds the lock of the file for as long as it does a buffered write, or one
// that extends the file. Several threads with such writes of one file only contend for
// it: more processor time, fewer writes, and some that wait a hundred times as long as
// others. So one of them at a time has the lane of its descriptor, which is a place in the
// pool's queue or a thread; the others wait in the lane, and cost nobody a wake-up.
//
// A descriptor that finds its lane taken by another one does without: lanes are for speed
// only. Not thread-safe: the pool's mutex guards them.
#pragma once

#include "pool/job_queue.h"

namespace kaio {

class Lanes {
 public:
  // True: the request waits until another one leaves the lane. Else it goes on, and
  // whether it has the lane is noted in it.
  bool enter(Request& request) noexcept {
    const int fd = request.operation.fd;
    assert(fd >= 0);
    Lane& lane = lane_of(fd);
    if (lane.fd == fd) {
      request.set_lane_part(LanePart::waits);
      lane.waiting.push(request);
      return true;
    }
    request.set_lane_part(lane.fd < 0 ? LanePart::has : LanePart::none);
    if (lane.fd < 0) lane.fd = fd;
    return false;
  }

  // Who had it leaves. Returns who has it now, to be queued, or null.
  Request* leave(int fd) noexcept {
    Lane& lane = lane_of(fd);
    Request* next = lane.waiting.pop();
    if (next == nullptr) {
      lane.fd = -1;
    } else {
      next->set_lane_part(LanePart::has);
    }
    return next;
  }

  // One that waits does so no longer.
  void erase(Request& request) noexcept { lane_of(request.operation.fd).waiting.erase(request); }

 private:
  struct Lane {
    int fd = -1;  // whose it is; -1: nobody's
    JobQueue waiting;
  };
  static constexpr unsigned lane_count = 64;

  Lane& lane_of(int fd) noexcept { return lanes_[static_cast<unsigned>(fd) % lane_count]; }

  std::array<Lane, lane_count> lanes_;
};

}  // namespace kaio
