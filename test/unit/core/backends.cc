// SPDX-License-Identifier: MIT
// Each backend keeps what core/backend.h promises; the faulty kernel in test/unit/engine.
#include "core/kernel/context.h"
#include "core/readiness/watcher.h"
#include "core/threads/pool.h"
#include "unit/backend_contract.h"
#include "unit/faked_calls.h"
#include "unit/scripted_backend.h"

#include <type_traits>

BOOST_AUTO_TEST_SUITE(backends_without_threads)

namespace {

using kaio::TransferState;
using unit::PipeRig;
using unit::Rig;
using unit::RingRig;
using unit::Tracked;

struct WatcherRig final : PipeRig, kaio::ResultSink {
  bool start(Tracked& transfer) override { return watcher.start(transfer); }
  bool remove(Tracked& transfer) override { return watcher.remove(transfer); }
  void on_result(kaio::Transfer& transfer, std::int32_t answer) override {
    static_cast<Tracked&>(transfer).answered(answer);
  }
  void drain() override {}

  kaio::Statistics statistics;
  kaio::Watcher watcher{*this, statistics};
};

// Two threads, which wait until they are let go.
struct PoolRig final : Rig, kaio::Performer {
  PoolRig() { pool.configure(2, 50'000'000); }

  void prepare(Tracked& transfer) override {
    transfer.operation.fd = 0;
    transfer.attempt = kaio::Attempt::pool_io;
    transfer.state = TransferState::starting;
    transfer.set_file(0, kaio::FileAccess::shared);
  }
  bool start(Tracked& transfer) override { return pool.start(transfer); }
  bool remove(Tracked& transfer) override { return pool.remove(transfer); }
  void let_go() override {
    is_open = true;
    is_open.notify_all();
  }
  std::optional<std::int32_t> carry_out(kaio::Transfer&) override {
    is_open.wait(false);
    return 1;
  }
  bool carried_out(kaio::Transfer* transfer, std::int32_t answer) override {
    transfer->move_to(TransferState::starting);
    static_cast<Tracked*>(transfer)->answered(answer);
    return false;
  }
  void refuse(kaio::Transfer& transfer) override { carried_out(&transfer, -EAGAIN); }
  void see_to_others() override {}

  std::atomic<bool> is_open{false};
  kaio::Statistics statistics;
  kaio::Pool pool{*this, statistics};
};

template <bool by_ring>
class ContextRig final : public RingRig {
 public:
  ContextRig() { BOOST_REQUIRE(context_.available()); }

 private:
  kaio::AioContext& context() override { return context_; }
  bool reserve() override { return context_.reserve(); }
  void release(std::size_t count) override { context_.release(static_cast<std::uint32_t>(count)); }

  kaio::Statistics statistics_;
  const kaio::KernelOptions options_{.queue_depth = 128, .read_ring = by_ring};
  kaio::Context context_{options_, statistics_};
};

struct ScriptedRig final : Rig {
  void prepare(Tracked& transfer) override { transfer.state = TransferState::starting; }
  bool start(Tracked& transfer) override { return backend.start(transfer); }
  bool remove(Tracked& transfer) override { return backend.remove(transfer); }
  void let_go() override { is_open = true; }
  void take() override {
    if (!is_open) return;
    if (kaio::Transfer* const transfer = backend.take())
      static_cast<Tracked*>(transfer)->answered(1);
  }

  std::atomic<bool> is_open{false};
  unit::ScriptedBackend backend{TransferState::watched};
};

bool kernel_aio_is_there() {
  kaio::Statistics statistics;
  const kaio::KernelOptions options{.queue_depth = 32};
  return kaio::Context(options, statistics).available();
}

const bool added =
    unit::add_contract<WatcherRig>("watcher") && unit::add_contract<PoolRig>("pool") &&
    unit::add_contract<ScriptedRig>("scripted_backend") &&
    (!kernel_aio_is_there() || (unit::add_contract<ContextRig<true>>("ring") &&
                                unit::add_contract<ContextRig<false>>("ring_by_io_getevents")));

int no_thread(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) { return -EAGAIN; }

}  // namespace

using BackendsOfThreads = std::tuple<WatcherRig, PoolRig>;

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_refused_is_as_it_was, Made, BackendsOfThreads) {
  unit::FakedCalls calls;
  Made rig;
  calls->create_thread = no_thread;
  Tracked transfer;
  rig.prepare(transfer);
  kaio::Backend* backend = nullptr;
  if constexpr (std::is_same_v<Made, PoolRig>) {
    backend = &rig.pool;
  } else {
    backend = &rig.watcher;
  }
  BOOST_TEST(!backend->can_start());
  BOOST_TEST(!rig.start(transfer));
  BOOST_TEST(int(transfer.state.load()) == int(TransferState::starting));
  calls->create_thread = kaio::sys::real_calls.create_thread;
  BOOST_TEST(backend->can_start());
  BOOST_REQUIRE(rig.start(transfer));
  rig.let_go();
  BOOST_TEST(support::eventually([&] { return transfer.answer_count == 1; }));
}

BOOST_AUTO_TEST_SUITE_END()
