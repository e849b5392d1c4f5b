// SPDX-License-Identifier: MIT
#include "engines/posix_engine.h"

#include "base/clock.h"
#include "base/errors.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <kaio/aio.h>

namespace aio_bench {

namespace {

constexpr std::int64_t notification_patience_ns = 3 * second_ns;

std::uint64_t system_calls_of_kaio() {
  kaio_statistics statistics{};
  kaio_get_statistics(&statistics, sizeof statistics);
  // What is cached takes one preadv2.
  return statistics.io_submit_calls + statistics.io_getevents_calls + statistics.by_caller;
}

}  // namespace

PosixEngine::PosixEngine(const PosixAio& functions, const EngineSetup& setup)
    : functions_(functions), setup_(setup), requests_(setup.transfers.size()),
      in_flight_(setup.transfers.size()) {
  list_.reserve(setup.transfers.size());
  for (aiocb& request : requests_) {
    request.aio_fildes = setup.fd;
    request.aio_sigevent.sigev_notify = SIGEV_NONE;
  }
}

void PosixEngine::prepare(unsigned slot) noexcept {
  const Transfer& transfer = setup_.transfers[slot];
  aiocb& request = requests_[slot];
  request.aio_offset = transfer.offset_bytes;
  request.aio_buf = transfer.buffer;
  request.aio_nbytes = transfer.size_bytes;
  const bool is_read = transfer.operation == Operation::read;
  request.aio_lio_opcode = is_read ? LIO_READ : LIO_WRITE;
  if (transfer.pieces.empty()) return;
  request.aio_buf = const_cast<iovec*>(transfer.pieces.data());
  request.aio_nbytes = transfer.pieces.size();
  request.aio_lio_opcode = is_read ? LIO_READV : LIO_WRITEV;
}

int PosixEngine::call(unsigned slot) {
  const Transfer& transfer = setup_.transfers[slot];
  const bool is_vector = !transfer.pieces.empty();
  switch (transfer.operation) {
    case Operation::sync:
      return functions_.sync(O_SYNC, &requests_[slot]);
    case Operation::write:
      return (is_vector ? functions_.write_vector : functions_.write)(&requests_[slot]);
    default:
      return (is_vector ? functions_.read_vector : functions_.read)(&requests_[slot]);
  }
}

std::size_t PosixEngine::submit(std::span<const unsigned> slots) {
  if (slots.size() > 1) return submit_list(slots, LIO_NOWAIT);
  return submit_each(slots);
}

std::size_t PosixEngine::submit_list(std::span<const unsigned> slots, int mode) {
  // A list has no element for fsync: one goes by itself, between lists.
  if (transfers()[slots[0]].operation == Operation::sync) return submit_each(slots.first(1));
  list_.clear();
  const std::int64_t before_ns = now_ns();
  for (const unsigned slot : slots) {
    if (transfers()[slot].operation == Operation::sync) break;
    prepare(slot);
    transfers()[slot].started_ns = before_ns;
    mark_in_flight(slot, true);
    list_.push_back(&requests()[slot]);
  }
  const int outcome = functions_.list(mode, list_.data(), static_cast<int>(list_.size()), nullptr);
  // Which of the list were queued nevertheless, nobody can tell for sure.
  if (outcome != 0 && errno == EAGAIN)
    throw RunError("{}: a list of {} could not be queued as a whole: lower --depth or --batch",
                   functions_.name, list_.size());
  // EIO: one failed. EINTR: they go on. Which ones, their status tells.
  if (outcome != 0 && errno != EIO && errno != EINTR) refuse(slots[0], errno);
  const std::int64_t after_ns = now_ns();
  for (const unsigned slot : slots.first(list_.size())) transfers()[slot].accepted_ns = after_ns;
  return list_.size();
}

std::size_t PosixEngine::submit_each(std::span<const unsigned> slots) {
  std::int64_t before_ns = now_ns();
  for (std::size_t done = 0; done < slots.size(); ++done) {
    const unsigned slot = slots[done];
    prepare(slot);
    setup_.transfers[slot].started_ns = before_ns;
    // Marked first: its callback may run before the call has returned.
    mark_in_flight(slot, true);
    if (call(slot) != 0) {
      mark_in_flight(slot, false);
      if (errno == EAGAIN) return done;
      refuse(slot, errno);
    }
    setup_.transfers[slot].accepted_ns = before_ns = now_ns();
  }
  return slots.size();
}

void PosixEngine::cancel(unsigned slot) {
  aiocb* const request = &requests_[slot];
  ++cancel_count_;
  const int answer = functions_.cancel(setup_.fd, request);
  const int status = functions_.error(request);
  if (answer < 0) throw RunError("{}: aio_cancel: {}", functions_.name, error_text(errno));
  // POSIX: AIO_CANCELED, the requested operation was cancelled; its status is
  // ECANCELED.
  if (answer == AIO_CANCELED && status != ECANCELED)
    throw RunError("{}: aio_cancel said AIO_CANCELED, but aio_error says: {}", functions_.name,
                   error_text(status));
  if (answer == AIO_ALLDONE && status == EINPROGRESS)
    throw RunError("{}: aio_cancel said AIO_ALLDONE of a request in progress", functions_.name);
}

std::string PosixEngine::load_text() const {
  return fmt::format(
      " with {} requests in flight{}", std::ranges::count(in_flight_, 1),
      cancel_count_ == 0
          ? ""
          : fmt::format(", after {} calls of aio_cancel (leave them out with --cancel 0)",
                        cancel_count_));
}

Completion PosixEngine::take_result(unsigned slot) {
  const int error = functions_.error(&requests_[slot]);
  if (in_flight_[slot] == 0) throw RunError("{}: a request was notified twice", functions_.name);
  if (error == EINPROGRESS)
    throw RunError("{}: a request was notified before its status was final", functions_.name);
  mark_in_flight(slot, false);
  const ssize_t result = functions_.result(&requests_[slot]);
  return {.slot = slot, .result = error != 0 ? -error : result};
}

timespec PosixEngine::step_until(std::int64_t deadline_ns) const noexcept {
  const std::int64_t left_ns = deadline_ns == no_deadline ? second_ns : deadline_ns - now_ns();
  return timespec_of(std::clamp<std::int64_t>(left_ns, 0, second_ns));
}

void PosixEngine::look_for_lost_notifications() {
  const std::int64_t now = now_ns();
  if (silent_since_ns_ == 0) {
    silent_since_ns_ = unannounced_since_ns_ = now;
    unannounced_.clear();
  }
  std::vector<unsigned> finished;
  for (unsigned slot = 0; slot < requests_.size(); ++slot)
    if (in_flight_[slot] != 0 && is_done(slot)) finished.push_back(slot);
  if (finished != unannounced_) {
    unannounced_ = std::move(finished);
    unannounced_since_ns_ = now;
  }
  // What just finished may be told of in a moment; after seconds it will not be.
  if (!unannounced_.empty() && now - unannounced_since_ns_ > notification_patience_ns)
    throw RunError("{}: {} requests finished without their notification", functions_.name,
                   unannounced_.size());
  if (now - silent_since_ns_ > patience_ns && std::ranges::count(in_flight_, 1) != 0)
    throw RunError("{}: no request completed for {} s", functions_.name, patience_ns / second_ns);
}

std::optional<std::uint64_t> PosixEngine::system_call_count() const {
  if (&functions_ != &kaio_posix_aio()) return std::nullopt;
  // Of the whole process, in which all jobs share kaio: the first one tells.
  return setup_.job == 0 ? system_calls_of_kaio() : 0;
}

AskingEngine::AskingEngine(const PosixAio& functions, const EngineSetup& setup)
    : PosixEngine(functions, setup) {
  outstanding_.reserve(setup.transfers.size());
}

std::size_t AskingEngine::submit(std::span<const unsigned> slots) {
  const std::size_t accepted = PosixEngine::submit(slots);
  for (const unsigned slot : slots.first(accepted)) add_outstanding(slot);
  return accepted;
}

int AskingEngine::suspend(timespec timeout) const {
  return functions().suspend(outstanding_.data(), static_cast<int>(outstanding_.size()), &timeout);
}

std::uint64_t AskingEngine::take_finished(std::vector<Completion>& completions,
                                          std::uint64_t most) {
  std::uint64_t taken_count = 0;
  std::erase_if(outstanding_, [&](const aiocb* request) {
    const unsigned slot = slot_of(request);
    if (taken_count == most || !is_done(slot)) return false;
    completions.push_back(take_result(slot));
    ++taken_count;
    return true;
  });
  return taken_count;
}

}  // namespace aio_bench
