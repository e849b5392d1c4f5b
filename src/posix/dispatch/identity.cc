// SPDX-License-Identifier: MIT
// What a descriptor is, and whether its number still is that one's (dispatcher.h, "Which
// file").
#include "posix/dispatch/dispatcher.h"

namespace kaio {
namespace {

// A tenth of a second, or more.
constexpr std::int64_t settle_sleep_ns = 50'000;
constexpr unsigned settle_sleeps_max = 1000;

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
  if (record.occupancy.now().fd_generation() != request.fd_generation) return facts;
  // Somebody else was quicker. The number may have become another file since.
  if (record.traits.known()) return facts_in(record);
  store_facts(record, facts, asked);
  return facts;
}

void Dispatcher::note_identity(int fd) {
  DescriptorRecord* record = requests_.descriptors.at(fd);
  if (record == nullptr || record->occupancy.now().is_known()) return;
  RecordLock lock(*record);
  know_traits(*record, fd);
}

// At the end of the call that has submitted the request, while another thread has its answer, or
// is about to take it, and so owns the request. If the number is another file than is noted, that
// thread has to find it out before the call returns: afterwards it would take the request for one
// of a file that has been closed.
void Dispatcher::settle_identity(DescriptorRecord& record, const Request& request,
                                 const Given& given) {
  const std::uint64_t identity = std::uint64_t{given.generation} << 32 | request.slot;
  const auto is_settled = [&] {
    return SubmittingCall::of_this_thread() != identity || is_over(request, given.generation);
  };
  if (is_settled()) return;
  FileFacts noted;
  bool same_generation = false;
  {
    RecordLock lock(record);
    noted = facts_in(record);
    same_generation = record.occupancy.now().fd_generation() == given.fd_generation;
  }
  if (!noted.traits.known()) return;  // it cannot be told
  if (same_generation && is_same_file(given.fd, noted.device, noted.inode)) return;
  drain();  // others' answers, that this thread has
  // Sleeps are counted, and not the time: that passes also while the process stands still.
  for (unsigned sleep = 0; sleep < settle_sleeps_max; ++sleep) {
    if (is_settled()) return;
    sys::sleep_for(settle_sleep_ns);
  }
  // That thread does not run. What it has is given up when it does: it must not touch a file that
  // has the number later.
  const FileFacts facts = carrier_.ask_facts(given.fd);
  Transfer* abandoned = nullptr;
  {
    RecordLock lock(record);
    if (record.occupancy.now().fd_generation() != given.fd_generation) return;
    abandoned = order::begin_fd_generation(record, nullptr);
    store_facts(record, facts, record.occupancy.now());
  }
  fail_abandoned(abandoned);
}

// Before it leaves the ring. What is noted may be of the file that had the number before,
// if something of that is still outstanding: as long as the call is under way that submits the
// request, the number still is what the request is for.
void Dispatcher::renew_identity(Request& request) {
  if (!SubmittingCall::is_of(request)) return;
  SubmittingCall::end();  // once is enough
  renew_if_another_file(request, true);
}

void Dispatcher::leaves_ring(Transfer& transfer) {
  Request& request = request_of(transfer);
  if (SubmittingCall::is_of(request)) return renew_identity(request);
  if (!SubmittingCall::is_elsewhere(request)) return;
  renew_if_another_file(request, false);
  SubmittingCall::settle(request);
}

// The caller owns the request. A generation begins with what its file is: to ask for that later
// might be to ask for yet another file.
void Dispatcher::renew_if_another_file(Request& request, bool submitted_here) {
  const int fd = request.operation.fd;
  DescriptorRecord& record = *requests_.descriptors.at(fd);
  const auto call_is_under_way = [&] {
    return submitted_here || SubmittingCall::is_elsewhere(request);
  };
  for (;;) {
    FileFacts noted;
    Occupancy::View seen = Occupancy::View::none();
    {
      RecordLock lock(record);
      noted = facts_in(record);
      seen = record.occupancy.now();
    }
    const bool same_generation = seen.fd_generation() == request.fd_generation;
    // Asked without the lock, which the threads that carry out the others need meanwhile.
    const bool same_file =
        noted.traits.known() ? is_same_file(fd, noted.device, noted.inode) : same_generation;
    if (same_file && same_generation) return;
    const FileFacts facts = same_file ? noted : carrier_.ask_facts(fd);
    if (!call_is_under_way()) return;
    Transfer* abandoned = nullptr;
    {
      RecordLock lock(record);
      // Another thread has begun one meanwhile.
      if (record.occupancy.now().fd_generation() != seen.fd_generation()) continue;
      if (same_file || !noted.traits.known()) {
        order::join_fd_generation(record, request);
      } else {
        abandoned = order::begin_fd_generation(record, &request);
      }
      if (!record.occupancy.now().has_turn(request.operation.is_read()))
        record.occupancy.take_turn(request);
      if (!same_file) store_facts(record, facts, record.occupancy.now());
    }
    fail_abandoned(abandoned);
    return;
  }
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

// Nothing need have been noted of a file whose requests all went straight into the ring.
bool Dispatcher::knows_file_of(Transfer& transfer) {
  Request& request = request_of(transfer);
  if (SubmittingCall::is_of(request) || SubmittingCall::is_elsewhere(request)) return true;
  DescriptorRecord& record = *requests_.descriptors.at(request.operation.fd);
  RecordLock lock(record);
  return record.traits.known();
}

// The program has closed it, and so given up what is not done.
void Dispatcher::abandon(Transfer& transfer) {
  Request& request = request_of(transfer);
  completer_.complete(request, request.done_bytes > 0 ? request.done_bytes : -ECANCELED);
}

}  // namespace kaio
