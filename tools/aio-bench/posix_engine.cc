// SPDX-License-Identifier: MIT
#include "posix_engine.h"

#include "clock.h"
#include "errors.h"

#include <cerrno>
#include <fmt/format.h>

namespace aio_bench {

PosixEngine::PosixEngine(const PosixAio& functions, const EngineSetup& setup)
    : functions_(functions),
      setup_(setup),
      requests_(setup.transfers.size()),
      in_flight_(setup.transfers.size()) {
  for (std::size_t slot = 0; slot < requests_.size(); ++slot) {
    aiocb& request = requests_[slot];
    request.aio_fildes = setup.fd;
    request.aio_buf = setup.transfers[slot].buffer;
    request.aio_nbytes = setup.block_bytes;
    request.aio_sigevent.sigev_notify = SIGEV_NONE;
  }
}

std::size_t PosixEngine::submit(std::span<const unsigned> slots) {
  const auto call = setup_.is_write ? functions_.write : functions_.read;
  std::int64_t before_ns = now_ns();
  for (std::size_t done = 0; done < slots.size(); ++done) {
    const unsigned slot = slots[done];
    requests_[slot].aio_offset = setup_.transfers[slot].offset_bytes;
    setup_.transfers[slot].started_ns = before_ns;
    // Marked first: its callback may run before the call has returned.
    in_flight_[slot] = 1;
    if (call(&requests_[slot]) != 0) {
      in_flight_[slot] = 0;
      if (errno == EAGAIN) return done;
      throw RunError(fmt::format("{}: a request of {} bytes at offset {} was refused: {}",
                                 functions_.name, setup_.block_bytes,
                                 setup_.transfers[slot].offset_bytes, error_text(errno)));
    }
    const std::int64_t after_ns = now_ns();
    setup_.submit_ns.record(after_ns - before_ns);
    before_ns = after_ns;
  }
  return slots.size();
}

Completion PosixEngine::take_result(unsigned slot) {
  const int error = functions_.error(&requests_[slot]);
  if (in_flight_[slot] == 0)
    throw RunError(fmt::format("{}: a request was notified twice", functions_.name));
  if (error == EINPROGRESS)
    throw RunError(fmt::format("{}: a request was notified before its status was final",
                               functions_.name));
  in_flight_[slot] = 0;
  const ssize_t result = functions_.result(&requests_[slot]);
  return {.slot = slot, .result = error != 0 ? -error : result};
}

void PosixEngine::look_for_lost_notifications(bool is_first_look) {
  if (is_first_look) {
    silent_since_ns_ = now_ns();
    unannounced_.clear();
  }
  std::vector<unsigned> finished;
  for (unsigned slot = 0; slot < requests_.size(); ++slot)
    if (in_flight_[slot] != 0 && functions_.error(&requests_[slot]) != EINPROGRESS)
      finished.push_back(slot);
  if (!finished.empty() && finished == unannounced_)
    throw RunError(fmt::format("{}: {} requests finished without their notification",
                               functions_.name, finished.size()));
  unannounced_ = std::move(finished);
  if (now_ns() - silent_since_ns_ > patience_ns)
    throw RunError(fmt::format("{}: no request completed for {} s", functions_.name,
                               patience_ns / 1'000'000'000));
}

}  // namespace aio_bench
