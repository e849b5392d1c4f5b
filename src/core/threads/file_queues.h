// SPDX-License-Identifier: MIT
// Jobs of one file that are done one at a time.
//
// Most file systems hold the lock of the file for as long as they do a buffered write, or
// one that extends the file. Several threads with such writes of one file only contend for
// it: more processor time, fewer writes, and some that wait a hundred times as long as
// others. So each descriptor has a queue of its own for them. The head of that queue is in
// the pool's queue, or waits for its device, or is carried out by a thread. The others wait
// behind it, and cost nobody a wake-up. A more urgent one takes the place of a head that has
// not begun.
//
// A queue belongs to a descriptor number and its generation (posix/order/descriptor_record.h):
// nobody waits behind jobs of the file that had the number before. A job that finds its queue
// in use by another descriptor does without: the queues are for speed only.
//
// Not thread-safe: the pool's mutex guards them.
#pragma once

#include "core/threads/device_bounds.h"
#include "core/threads/job_queue.h"

namespace kaio {

class FileQueues {
 public:
  // Queues the transfer, or lets it wait for those before it. True: there is one more in the
  // queue than before.
  bool enter(Transfer& transfer, JobQueue& queue, DeviceBounds& devices) noexcept {
    assert(transfer.operation.fd >= 0);
    FileQueue& file = queue_of(transfer.operation.fd);
    if (file.fd < 0) {
      file.fd = transfer.operation.fd;
      file.fd_generation = transfer.fd_generation;
      make_head(file, transfer, queue);
      return true;
    }
    if (file.fd != transfer.operation.fd || file.fd_generation != transfer.fd_generation) {
      transfer.set_file_queue_part(FileQueuePart::none);
      queue.push(transfer);
      return true;
    }
    if (file.head != nullptr && transfer.operation.priority < file.head->operation.priority) {
      Transfer& outranked = *file.head;
      const bool was_queued = !outranked.waits_for_device();
      devices.dequeue(outranked, queue);
      outranked.set_file_queue_part(FileQueuePart::waits);
      file.waiting.push_front(outranked);
      make_head(file, transfer, queue);
      return !was_queued;
    }
    transfer.set_file_queue_part(FileQueuePart::waits);
    file.waiting.push(transfer);
    return false;
  }

  // A thread carries out the transfer, which is the head of its queue.
  void begin(const Transfer& transfer) noexcept { queue_of(transfer.operation.fd).head = nullptr; }

  // The head is done, or gone. The next one takes its place.
  void leave(int fd, JobQueue& queue) noexcept {
    FileQueue& file = queue_of(fd);
    file.head = nullptr;
    if (Transfer* next = file.waiting.pop()) {
      make_head(file, *next, queue);
    } else {
      file.fd = -1;
    }
  }

  // One that waits does so no longer.
  void erase(Transfer& transfer) noexcept {
    queue_of(transfer.operation.fd).waiting.erase(transfer);
  }

 private:
  struct FileQueue {
    int fd = -1;  // whose it is; -1: nobody's
    std::uint8_t fd_generation = 0;
    Transfer* head = nullptr;  // null while a thread carries it out
    JobQueue waiting;
  };
  static constexpr unsigned queue_count = 64;

  FileQueue& queue_of(int fd) noexcept { return queues_[static_cast<unsigned>(fd) % queue_count]; }

  static void make_head(FileQueue& file, Transfer& transfer, JobQueue& queue) noexcept {
    transfer.set_file_queue_part(FileQueuePart::head);
    file.head = &transfer;
    queue.push(transfer);
  }

  std::array<FileQueue, queue_count> queues_;
};

}  // namespace kaio
