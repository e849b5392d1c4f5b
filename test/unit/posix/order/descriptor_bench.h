// SPDX-License-Identifier: MIT
// One descriptor record and the requests on it, moved by hand.
#pragma once

#include "posix/request/deferred.h"
#include "posix/order/order.h"

#include <algorithm>
#include <deque>
#include <vector>

namespace unit {

using kaio::Admission;
using kaio::Opcode;
using kaio::Request;
using kaio::TransferState;

class DescriptorBench {
 public:
  explicit DescriptorBench(kaio::DescriptorTraits traits) : traits_(traits) {}
  ~DescriptorBench() { started(); }
  DescriptorBench(const DescriptorBench&) = delete;
  DescriptorBench& operator=(const DescriptorBench&) = delete;

  Request& make(Opcode opcode, std::uint16_t rw_flags = 0) {
    Request& request = requests_.emplace_back();
    request.operation.opcode = opcode;
    request.operation.rw_flags = rw_flags;
    request.operation.fd = 7;
    return request;
  }

  // As the dispatcher does it: held or start in the end.
  Admission admit(Request& request) {
    kaio::RecordLock lock(record);
    const kaio::Occupancy::View before = kaio::order::enter(record, request);
    Admission admission = kaio::order::admit(record, request, before, false);
    if (admission == Admission::needs_traits) {
      store_traits();
      admission = kaio::order::admit(record, request, before, false);
    }
    if (admission == Admission::needs_identity)
      admission = kaio::order::admit(record, request, before, true);
    return admission;
  }

  // In the list.
  Request& submit(Opcode opcode, std::uint16_t rw_flags = 0) {
    Request& request = make(opcode, rw_flags);
    admit(request);
    return request;
  }

  // Without the list, if it may be.
  bool enter_unlisted(Request& request, bool known_only = false) {
    if (!record.occupancy.enter_unlisted(request, known_only)) return false;
    request.move_to(TransferState::starting);
    return true;
  }

  void enlist(Request& request) {
    if (request.listed) return;
    kaio::RecordLock lock(record);
    kaio::order::enlist(record, request);
  }

  void know_traits() {
    kaio::RecordLock lock(record);
    store_traits();
  }

  // As the completer does it.
  void finish(Request& request) {
    const bool to_detach = record.occupancy.leave(request) || request.listed;
    request.state.store(TransferState::finished);
    if (!to_detach) return;
    kaio::RecordLock lock(record);
    kaio::order::detach(record, request);
  }

  void cancel(Request& request) {
    {
      kaio::RecordLock lock(record);
      kaio::order::unhold(record, request);
    }
    finish(request);
  }

  bool hold_for_retry(Request& request) {
    enlist(request);
    kaio::RecordLock lock(record);
    return kaio::order::hold_for_retry(record, request);
  }

  // Those that were let go since the last call, in that order.
  std::vector<Request*> started() {
    std::vector<Request*> list;
    kaio::deferred::drain([&](Request& request) { list.push_back(&request); });
    return list;
  }

  std::uint32_t held_count() {
    kaio::RecordLock lock(record);
    return record.held_count;
  }
  bool is_empty() {
    kaio::RecordLock lock(record);
    return record.all.empty();
  }

  kaio::DescriptorRecord record;

 private:
  void store_traits() REQUIRES(record.mutex) {
    if (record.occupancy.know(traits_, record.occupancy.now())) record.traits = traits_;
  }

  kaio::DescriptorTraits traits_;
  std::deque<Request> requests_;
};

inline bool is_held(const Request& request) { return request.state.load() == TransferState::held; }
inline bool is_started(const Request& request) {
  return request.state.load() == TransferState::starting;
}

inline kaio::DescriptorTraits stream() { return {.kind = kaio::DescriptorKind::stream}; }
inline kaio::DescriptorTraits regular() { return {.kind = kaio::DescriptorKind::regular}; }
inline kaio::DescriptorTraits appending() {
  return {.kind = kaio::DescriptorKind::regular, .append = true};
}

}  // namespace unit
