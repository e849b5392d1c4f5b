// SPDX-License-Identifier: MIT
#include "loads/job.h"

#include "base/clock.h"
#include "base/errors.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "engines/engines.h"

#include <algorithm>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <utility>

namespace aio_bench {

namespace {

constexpr std::size_t page_bytes = 4096;

// Ctrl-C interrupts the sleep of one thread, and not one that is just about to begin.
constexpr std::int64_t longest_sleep_ns = 100'000'000;

std::int64_t nanoseconds(double seconds) { return static_cast<std::int64_t>(seconds * 1e9); }

std::size_t rounded_to_pages(std::size_t bytes) {
  return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

// Jobs that must not meet get parts of their own.
Area area_of(const LoadPlan& plan, unsigned number) {
  if (plan.job_count == 1 || (plan.load.is_random && !plan.once)) return {0, plan.area_bytes};
  const std::uint64_t step_bytes = rounded_to_pages(plan.block.least_bytes);
  const std::uint64_t part_bytes = plan.area_bytes / plan.job_count / step_bytes * step_bytes;
  return {number * part_bytes, part_bytes};
}

Pace share_of(Pace pace, unsigned job_count) {
  pace.io_per_second /= job_count;
  return pace;
}

}  // namespace

Job::Job(const LoadPlan& plan, unsigned number, const std::atomic<bool>& stop, Sampler& sampler)
    : plan_(plan), number_(number), stop_(stop), counters_(sampler.counters[number]),
      sampler_(number == 0 ? &sampler : nullptr),
      stride_bytes_(rounded_to_pages(plan.block.greatest_bytes)),
      amount_bytes_(plan.amount_bytes / plan.job_count),
      sequence_(plan.load, plan.block, plan.once, area_of(plan, number), plan.seed * 1000 + number),
      buffer_(stride_bytes_ * plan.depth, plan.seed + number), transfers_(plan.depth),
      pieces_(plan.vector_count > 1 ? plan.depth * plan.vector_count : 0), intended_ns_(plan.depth),
      was_refused_(plan.depth) {
  for (unsigned slot = plan.depth; slot-- > 0;) {
    transfers_[slot].buffer = buffer_.data() + slot * stride_bytes_;
    free_.push_back(slot);
  }
  prepared_.reserve(plan.depth);
  completions_.reserve(plan.depth);
  engine_ =
      make_engine(plan.engine_name,
                  {.fd = plan.fd, .notify = plan.notify, .transfers = transfers_, .job = number});
}

void Job::run(std::int64_t begin_ns) {
  // Waiting for a time to come is to end at that time, not 50 us later.
  if (plan_.pace.kind != Pace::Kind::full) ::prctl(PR_SET_TIMERSLACK, 1UL);
  arrivals_ = std::make_unique<Arrivals>(share_of(plan_.pace, plan_.job_count), begin_ns,
                                         plan_.seed * 1000 + number_ + 1);
  counting_begins_ns_ = begin_ns + nanoseconds(plan_.ramp_up_seconds);
  for (std::int64_t now = now_ns(); !stop_.load(std::memory_order_relaxed) && !interrupted();) {
    if (!is_counting_ && now >= counting_begins_ns_) begin_counting(now);
    if (is_counting_ && now >= ends_ns_) break;
    if (sampler_ != nullptr && now >= sampler_->next_ns()) sampler_->take(now);
    fill_queue(now);
    submit_prepared();
    if (in_flight_ > 0) {
      now = take_completions(next_event_ns());
    } else if (is_exhausted_) {
      break;
    } else {
      sleep_until(std::min(next_event_ns(), now + longest_sleep_ns));
      now = now_ns();
    }
  }
  if (is_counting_) end_counting(now_ns());
  while (in_flight_ > 0) take_completions(IoEngine::no_deadline);
}

void Job::begin_counting(std::int64_t now) {
  is_counting_ = true;
  begun_bytes_ = 0;
  if (sampler_ != nullptr) sampler_->counting_begins();
  system_calls_before_ = engine_->system_call_count().value_or(0);
  figures_ = {};
  // From when it really started: a stall may have made the ramp-up longer.
  counting_begins_ns_ = now;
  if (plan_.seconds > 0) ends_ns_ = now + nanoseconds(plan_.seconds);
}

void Job::end_counting(std::int64_t now) {
  is_counting_ = false;
  const double seconds = static_cast<double>(now - counting_begins_ns_) / 1e9;
  figures_.elapsed_seconds = seconds;
  if (seconds > 0) {
    figures_.io_per_second = static_cast<double>(figures_.io_count) / seconds;
    figures_.bytes_per_second = static_cast<double>(figures_.byte_count) / seconds;
  }
  if (const auto count = engine_->system_call_count())
    figures_.system_call_count = *count - system_calls_before_;
  if (sampler_ != nullptr) sampler_->counting_ends(now);
}

std::int64_t Job::next_event_ns() const noexcept {
  std::int64_t event_ns = is_counting_ ? ends_ns_ : counting_begins_ns_;
  if (sampler_ != nullptr) event_ns = std::min(event_ns, sampler_->next_ns());
  const bool waits_for_arrival = plan_.pace.kind != Pace::Kind::full && !free_.empty();
  return waits_for_arrival ? std::min(event_ns, arrivals_->next_due_ns()) : event_ns;
}

void Job::fill_queue(std::int64_t now) {
  while (!free_.empty() && !is_exhausted_ && arrivals_->next_due_ns() <= now) {
    if (!prepare(free_.back(), now)) break;
    prepared_.push_back(free_.back());
    free_.pop_back();
  }
}

// False when there is nothing left to do.
bool Job::prepare(unsigned slot, std::int64_t now) {
  Transfer& transfer = transfers_[slot];
  if (plan_.fsync_every != 0 && writes_since_sync_ >= plan_.fsync_every) {
    writes_since_sync_ = 0;
    transfer.operation = Operation::sync;
    transfer.offset_bytes = 0;
    transfer.size_bytes = 0;
    transfer.pieces = {};
    intended_ns_[slot] = 0;
    return true;
  }
  const bool is_amount_done = amount_bytes_ != 0 && is_counting_ && begun_bytes_ >= amount_bytes_;
  const auto io = is_amount_done ? std::nullopt : sequence_.next();
  if (!io) {
    is_exhausted_ = true;
    return false;
  }
  transfer.operation = io->operation;
  transfer.offset_bytes = io->offset_bytes;
  transfer.size_bytes = io->size_bytes;
  if (plan_.vector_count > 1) cut_into_pieces(slot);
  intended_ns_[slot] = plan_.pace.kind == Pace::Kind::poisson ? arrivals_->next_due_ns() : 0;
  arrivals_->take(now);
  begun_bytes_ += io->size_bytes;
  if (io->operation == Operation::write) ++writes_since_sync_;
  return true;
}

void Job::cut_into_pieces(unsigned slot) noexcept {
  Transfer& transfer = transfers_[slot];
  const std::span<iovec> pieces =
      std::span(pieces_).subspan(std::size_t{slot} * plan_.vector_count, plan_.vector_count);
  const std::size_t piece_bytes = transfer.size_bytes / plan_.vector_count;
  for (std::size_t i = 0; i < pieces.size(); ++i)
    pieces[i] = {.iov_base = transfer.buffer + i * piece_bytes, .iov_len = piece_bytes};
  transfer.pieces = pieces;
}

void Job::submit_prepared() {
  // A list is as long as the queue is deep: what is behind it waits for all of it.
  const std::size_t batch = plan_.notify == Notify::list ? plan_.depth : plan_.batch;
  std::size_t done = 0;
  while (done < prepared_.size()) {
    const auto part = std::span(prepared_).subspan(done, std::min(batch, prepared_.size() - done));
    const std::size_t accepted = engine_->submit(part);
    for (const unsigned slot : part.first(accepted))
      figures_.retry_count += std::exchange(was_refused_[slot], 0);
    done += accepted;
    in_flight_ += static_cast<unsigned>(accepted);
    if (accepted == part.size()) continue;
    // A list ends before an fsync, which goes by itself.
    if (plan_.notify == Notify::list && accepted > 0) break;
    ++figures_.eagain_count;
    for (const unsigned slot : part.subspan(accepted)) was_refused_[slot] = 1;
    break;
  }
  prepared_.erase(prepared_.begin(), prepared_.begin() + static_cast<std::ptrdiff_t>(done));
  if (in_flight_ == 0 && !prepared_.empty())
    throw RunError("{}: EAGAIN although nothing is in flight{}", plan_.engine_name,
                   exhaustion_advice(plan_.depth));
}

std::int64_t Job::take_completions(std::int64_t deadline_ns) {
  completions_.clear();
  engine_->wait(completions_, deadline_ns);
  const std::int64_t now = now_ns();
  in_flight_ -= static_cast<unsigned>(completions_.size());
  for (const Completion& completion : completions_) {
    if (completion.result == -EAGAIN) {
      ++figures_.eagain_count;
      was_refused_[completion.slot] = 1;
      prepared_.push_back(completion.slot);
      continue;
    }
    check(completion);
    account(completion, now);
    free_.push_back(completion.slot);
  }
  return now;
}

void Job::account(const Completion& completion, std::int64_t now) {
  const Transfer& transfer = transfers_[completion.slot];
  const std::int64_t intended_ns = intended_ns_[completion.slot];
  const std::int64_t total_ns = now - (intended_ns != 0 ? intended_ns : transfer.started_ns);
  if (transfer.operation == Operation::sync) {
    if (!is_counting_) return;
    figures_.latencies.sync.record(total_ns);
    ++figures_.sync_count;
    return;
  }
  counters_.add(transfer.size_bytes, total_ns);
  // An amount is one of I/Os that began after the ramp-up.
  if (!is_counting_ || (amount_bytes_ != 0 && transfer.started_ns < counting_begins_ns_)) return;
  ++figures_.io_count;
  figures_.byte_count += transfer.size_bytes;
  figures_.latencies.submission.record(transfer.accepted_ns - transfer.started_ns);
  figures_.latencies.completion.record(now - transfer.accepted_ns);
  figures_.latencies.total.record(total_ns);
}

void Job::check(const Completion& completion) const {
  const Transfer& transfer = transfers_[completion.slot];
  if (completion.result == static_cast<std::int64_t>(transfer.size_bytes)) return;
  const char* const what = transfer.operation == Operation::read    ? "read"
                           : transfer.operation == Operation::write ? "write"
                                                                    : "fsync";
  const std::string outcome =
      completion.result < 0
          ? error_text(static_cast<int>(-completion.result))
          : fmt::format("only {} of {} bytes", completion.result, transfer.size_bytes);
  throw RunError(
      "{}: {} at offset {} failed: {}{}", plan_.engine_name, what, transfer.offset_bytes, outcome,
      completion.result == -ENOSPC   ? ": free some space, or give a smaller --size"
      : completion.result == -EFBIG  ? file_size_advice()
      : completion.result == -EDQUOT ? ": the disk quota is used up: give a smaller --size"
                                     : "");
}

}  // namespace aio_bench
