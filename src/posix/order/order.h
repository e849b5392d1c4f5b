// SPDX-License-Identifier: MIT
// The rules of order on one descriptor record: who may start, who has to be held
// back, and who is next when a request ends. Nothing here makes a system call;
// traits and identity are found out by the caller when asked for.
#pragma once

#include "posix/order/descriptor_record.h"

namespace kaio {

enum class Admission : std::uint8_t {
  start,           // carry it out now
  held,            // a predecessor's end will start it
  held_for_room,   // any other one's end will: the device is full
  needs_traits,    // read them (DescriptorRecord::traits, device, inode), ask again
  needs_identity,  // see whether the number is still the same file, ask again
};

// Holds a record's mutex. After unlocking it takes care of the requests which
// completers left in `finished` meanwhile: they are detached and put aside, for
// this thread's next drain() to notify. When it has locked, it forgets traits that
// are known no more.
class SCOPED_CAPABILITY RecordLock {
 public:
  explicit RecordLock(DescriptorRecord& record) noexcept ACQUIRE(record.mutex);
  ~RecordLock() RELEASE() { release(record_); }
  RecordLock(const RecordLock&) = delete;
  RecordLock& operator=(const RecordLock&) = delete;

  // The other half, for whoever got the mutex by try_lock().
  static void release(DescriptorRecord& record);

 private:
  DescriptorRecord& record_;
};

namespace order {

// Enters a new request in the list; from here on it counts as outstanding. Once per
// request, if it has not entered unlisted (posix/order/occupancy.h). Returns how it was before.
Occupancy::View enter(DescriptorRecord& record, Request& request) REQUIRES(record.mutex);

// Lists one that has: before all others in the list, each of which either came later
// or is of a kind to which the order does not matter.
void enlist(DescriptorRecord& record, Request& request) REQUIRES(record.mutex);

// Decides for a request that has been entered. When it says `held` the request
// is in its queue and in state `held`; when it says `start`, in state `starting`.
// `before`: what enter() said; who was there then may be of another file, even if it has
// left meanwhile. `same_file`: the caller has just compared the number's identity.
Admission admit(DescriptorRecord& record, Request& request, Occupancy::View before, bool same_file)
    REQUIRES(record.mutex);

// The number is another file now. Returns the held requests of the old one, which
// can no longer be carried out, chained by Transfer::next; they are in nobody's
// queue, still in `all`. `first`, if there is one, entered before this was noticed, and is the
// first of the new generation.
Transfer* begin_fd_generation(DescriptorRecord& record, Request* first) REQUIRES(record.mutex);

// `request`, which came to the record before this was noticed by another one, is of the
// new generation as well.
void join_fd_generation(DescriptorRecord& record, Request& request) REQUIRES(record.mutex);

// Holds back a request that was refused because the device is full, until another
// one of the descriptor ends. False when there is no other one that could.
bool hold_for_retry(DescriptorRecord& record, Request& request) REQUIRES(record.mutex);

// Takes a held request out again, to be cancelled.
void unhold(DescriptorRecord& record, Request& request) REQUIRES(record.mutex);

// Takes a finished request, which has left the occupancy, out of the list if it is there.
// Requests that may start now are put aside (posix/request/deferred.h) in state `starting`.
void detach(DescriptorRecord& record, Request& request) REQUIRES(record.mutex);

// For a completer, which must not wait: detaches, or leaves the request to the
// thread that holds the mutex. True: detached, the caller goes on with its
// notification. False: another frame will.
bool detach_or_leave(DescriptorRecord& record, Request& request) EXCLUDES(record.mutex);

}  // namespace order
}  // namespace kaio
