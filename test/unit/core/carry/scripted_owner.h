// SPDX-License-Identifier: MIT
// A carrier whose owner, ring and backends do what the test says, without threads and without
// kernel AIO.
#pragma once

#include "core/carry/carrier.h"
#include "unit/scripted_backend.h"

#include <optional>
#include <vector>

namespace unit {

class ScriptedContext final : public kaio::AioContext {
 public:
  bool available() noexcept override { return is_available; }
  int refusal() const noexcept override { return refused_for; }
  void give_up(int error_number) noexcept override {
    refused_for = error_number;
    is_available = false;
  }
  std::uint32_t capacity() const noexcept override { return 64; }
  bool has_nosignal() const noexcept override { return has_flag; }
  // What an empty io_submit says: whether the call is filtered.
  int submit(std::span<iocb*>) noexcept override { return is_filtered ? -EPERM : 0; }
  std::size_t take_events(std::span<io_event>) noexcept override { return 0; }
  int get_events(long, std::span<io_event>, const timespec*) override { return 0; }
  bool cancel(iocb&) noexcept override { return false; }

  bool is_available = true;
  bool is_filtered = false;
  bool has_flag = true;
  int refused_for = 0;
};

struct Ended {
  kaio::Transfer* transfer;
  int error_number;
  bool was_abandoned;
};

class ScriptedOwner final : public kaio::TransferOwner {
 public:
  void complete(kaio::Transfer& transfer, int error_number) override {
    ended.push_back({&transfer, error_number, false});
  }
  void abandon(kaio::Transfer& transfer) override { ended.push_back({&transfer, EBADF, true}); }
  kaio::Started submit_by_kernel(kaio::Transfer& transfer, kaio::Attempt attempt, kaio::By,
                                 kaio::SubmissionBatch*) override {
    if (ring_is_full) return kaio::Started::ring_full;
    transfer.attempt = attempt;
    transfer.move_to(kaio::TransferState::in_kernel);
    in_ring.push_back(&transfer);
    return kaio::Started::yes;
  }
  bool poll_by_kernel(kaio::Transfer& transfer) override {
    if (!has_room_for_polls) return false;
    transfer.attempt = kaio::Attempt::readiness;
    transfer.move_to(kaio::TransferState::polling);
    polled.push_back(&transfer);
    return true;
  }
  bool hold(kaio::Transfer& transfer) override {
    if (!has_others) return false;
    transfer.retried = true;
    transfer.move_to(kaio::TransferState::held);
    held.push_back(&transfer);
    return true;
  }
  kaio::FileFacts facts_of(kaio::Transfer&) override { return facts; }
  std::optional<kaio::FileFacts> facts_if_same_file(kaio::Transfer&) override {
    return is_same_file ? std::optional(facts) : std::nullopt;
  }
  bool knows_file_of(kaio::Transfer&) override { return knows_file; }
  void refuses_nowait(const kaio::Transfer& transfer) override {
    if (transfer.operation.is_read()) {
      facts.traits.refuses_nowait_reads = true;
    } else {
      facts.traits.refuses_nowait_writes = true;
    }
  }
  void expect(const kaio::Transfer&, bool blocks) override { expected_to_block = blocks; }
  void result_is_looked_at(kaio::Transfer&, bool, kaio::By) override {}
  void leaves_ring(kaio::Transfer&) override { ++left_ring_count; }
  Life life_of(const kaio::Transfer& transfer) override { return {transfer.operation.fd, 0}; }
  void wait_has_begun(kaio::Transfer&, Life) override { ++wait_count; }

  kaio::FileFacts facts;
  bool ring_is_full = false;
  bool has_room_for_polls = true;
  bool has_others = false;
  bool is_same_file = true;
  bool knows_file = true;
  std::optional<bool> expected_to_block;
  int left_ring_count = 0, wait_count = 0;
  std::vector<kaio::Transfer*> in_ring, polled, held;
  std::vector<Ended> ended;
};

struct ScriptedCarrier {
  explicit ScriptedCarrier(kaio::Route given_route = kaio::Route::automatic) : route(given_route) {}

  kaio::Route route;
  kaio::Statistics statistics;
  ScriptedOwner owner;
  ScriptedContext context;
  ScriptedBackend readiness{kaio::TransferState::watched};
  ScriptedBackend threads{kaio::TransferState::queued};
  kaio::Carrier carrier{owner, context, readiness, threads, route, statistics};
};

}  // namespace unit
