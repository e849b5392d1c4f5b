// SPDX-License-Identifier: MIT
// Jobs of one file that are done one at a time.
//
// Most file systems hold the lock of the file for as long as they do a buffered write, or
// one that extends the file. Several threads with such writes of one file only contend for
// it: more processor time, fewer writes, and some that wait a hundred times as long as
// others. So one of them at a time has the lane of its descriptor: it is in the pool's
// queue, or waits for its device, or a thread carries it out. The others wait in the lane,
// and cost nobody a wake-up. A more urgent one takes the lane from one that has not begun.
//
// A lane is of a number and its era (posix/order/descriptor_record.h): nobody waits behind
// those of the file that had the number before. Who finds the lane taken by others than
// his own does without: lanes are for speed only.
//
// Not thread-safe: the pool's mutex guards them.
#pragma once

#include "core/threads/device_bounds.h"
#include "core/threads/job_queue.h"

namespace kaio {

class Lanes {
 public:
  // Queues the transfer, or lets it wait for those before it. True: there is one more in the
  // queue than before.
  bool enter(Transfer& transfer, JobQueue& queue, DeviceBounds& devices) noexcept {
    assert(transfer.operation.fd >= 0);
    Lane& lane = lane_of(transfer.operation.fd);
    if (lane.fd < 0) {
      lane.fd = transfer.operation.fd;
      lane.era = transfer.era;
      give(lane, transfer, queue);
      return true;
    }
    if (lane.fd != transfer.operation.fd || lane.era != transfer.era) {
      transfer.set_lane_part(LanePart::none);
      queue.push(transfer);
      return true;
    }
    if (lane.queued != nullptr && transfer.operation.priority < lane.queued->operation.priority) {
      Transfer& outranked = *lane.queued;
      const bool was_queued = !outranked.waits_for_device();
      devices.dequeue(outranked, queue);
      outranked.set_lane_part(LanePart::waits);
      lane.waiting.push_front(outranked);
      give(lane, transfer, queue);
      return !was_queued;
    }
    transfer.set_lane_part(LanePart::waits);
    lane.waiting.push(transfer);
    return false;
  }

  // A thread carries out the transfer, which has the lane.
  void taken(const Transfer& transfer) noexcept { lane_of(transfer.operation.fd).queued = nullptr; }

  // Who had it is done, or gone. The next one is queued.
  void leave(int fd, JobQueue& queue) noexcept {
    Lane& lane = lane_of(fd);
    lane.queued = nullptr;
    if (Transfer* next = lane.waiting.pop()) {
      give(lane, *next, queue);
    } else {
      lane.fd = -1;
    }
  }

  // One that waits does so no longer.
  void erase(Transfer& transfer) noexcept {
    lane_of(transfer.operation.fd).waiting.erase(transfer);
  }

 private:
  struct Lane {
    int fd = -1;  // whose it is; -1: nobody's
    std::uint8_t era = 0;
    Transfer* queued = nullptr;  // the one that has it, while no thread carries that out
    JobQueue waiting;
  };
  static constexpr unsigned lane_count = 64;

  Lane& lane_of(int fd) noexcept { return lanes_[static_cast<unsigned>(fd) % lane_count]; }

  static void give(Lane& lane, Transfer& transfer, JobQueue& queue) noexcept {
    transfer.set_lane_part(LanePart::has);
    lane.queued = &transfer;
    queue.push(transfer);
  }

  std::array<Lane, lane_count> lanes_;
};

}  // namespace kaio
