// SPDX-License-Identifier: MIT
// What a descriptor is, and whether its number still is that one's (dispatcher.h, "Which
// file").
#include "posix/dispatch/dispatcher.h"
#include "posix/request/deferred.h"

namespace kaio {
namespace {

FileFacts facts_in(const DescriptorRecord& record) REQUIRES(record.mutex) {
  return {.traits = record.traits, .device = record.device, .inode = record.inode};
}

}  // namespace

// What is known of the request's descriptor, asked of the kernel if it is not. In its call: of the
// file that the number is by then.
FileFacts Dispatcher::facts_of(Transfer& transfer) {
  Request& request = request_of(transfer);
  renew_identity(request);
  DescriptorRecord& record = *requests_.descriptors.at(request.operation.fd);
  const Occupancy::View asked = record.occupancy.now();
  {
    RecordLock lock(record);
    if (record.occupancy.now().fd_generation() == request.fd_generation && record.traits.known())
      return facts_in(record);
  }
  const FileFacts facts = carrier_.ask_facts(request.operation.fd);
  RecordLock lock(record);
  if (record.occupancy.now().fd_generation() == request.fd_generation)
    store_facts(record, facts, asked);
  return facts;
}

void Dispatcher::note_identity(int fd) {
  DescriptorRecord* record = requests_.descriptors.at(fd);
  if (record == nullptr || record->occupancy.now().is_known()) return;
  RecordLock lock(*record);
  know_traits(*record, fd);
}

// Before it leaves the ring. What is noted may be of the file that had the number before,
// if something of that is still outstanding: as long as this thread is in the call that
// submits the request, the number still is what the request is for.
void Dispatcher::renew_identity(Request& request) {
  if (!deferred::is_being_submitted(request)) return;
  deferred::submitted = 0;  // once is enough
  const int fd = request.operation.fd;
  DescriptorRecord& record = *requests_.descriptors.at(fd);
  FileFacts noted;
  std::uint8_t fd_generation = 0;
  {
    RecordLock lock(record);
    fd_generation = record.occupancy.now().fd_generation();
    // Another thread has found out that the number is another file, and not yet which.
    if (fd_generation != request.fd_generation) know_traits(record, fd);
    if (!record.traits.known()) return;
    noted = facts_in(record);
  }
  // Asked without the lock, which the threads that carry out the others need meanwhile.
  const bool same_file = is_same_file(fd, noted.device, noted.inode);
  if (same_file && fd_generation == request.fd_generation) return;
  Transfer* abandoned = nullptr;
  {
    RecordLock lock(record);
    if (record.occupancy.now().fd_generation() != fd_generation) return;
    if (same_file) {
      order::join_fd_generation(record, request);
    } else if (fd_generation == request.fd_generation) {
      abandoned = order::begin_fd_generation(record, request);
      record.occupancy.take_turn(request);
    }
  }
  fail_abandoned(abandoned);
}

// By whoever has a request there, or had one in this call.
void Dispatcher::know_traits(DescriptorRecord& record, int fd) {
  const Occupancy::View asked = record.occupancy.now();
  if (record.traits.known() || asked.empty()) return;
  store_facts(record, carrier_.ask_facts(fd), asked);
}

void Dispatcher::store_facts(DescriptorRecord& record, const FileFacts& facts,
                             Occupancy::View asked) {
  if (!facts.traits.known() || !record.occupancy.know(facts.traits, asked)) return;
  // Not too late, though the occupancy says that they are known: it is the mutex that
  // publishes them, without which nobody reads them.
  record.traits = facts.traits;
  record.device = facts.device;
  record.inode = facts.inode;
}

bool Dispatcher::is_abandoned(Request& request) { return !facts_if_same_file(request).has_value(); }

std::optional<FileFacts> Dispatcher::facts_if_same_file(Transfer& request) {
  const int fd = request.operation.fd;
  const FileFacts facts = facts_of(request);
  if (requests_.descriptors.at(fd)->occupancy.now().fd_generation() != request.fd_generation)
    return std::nullopt;
  if (facts.traits.known() && !is_same_file(fd, facts.device, facts.inode)) return std::nullopt;
  return facts;
}

// The program has closed it, and so given up what is not done.
void Dispatcher::abandon(Transfer& transfer) {
  Request& request = request_of(transfer);
  completer_.complete(request, request.done_bytes > 0 ? request.done_bytes : -ECANCELED);
}

}  // namespace kaio
