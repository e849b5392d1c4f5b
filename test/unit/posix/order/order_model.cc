// SPDX-License-Identifier: MIT
// Random sequences on one record, against the rules said simply.
#include "support/seed.h"
#include "unit/posix/order/descriptor_bench.h"

#include <boost/test/unit_test.hpp>

#include <linux/fs.h>
#include <random>
#include <string>

using namespace unit;

BOOST_AUTO_TEST_SUITE(order_model)

namespace {

struct Mix {
  bool rwf_append = false;
  bool retries = false;
};

class Model {
 public:
  Model(kaio::DescriptorTraits traits, Mix mix, unsigned seed)
      : traits_(traits), mix_(mix), random_(seed), desk_(traits) {}

  // What went wrong, or nothing.
  std::string run(int steps) {
    for (int i = 0; i < steps && trouble_.empty(); ++i) step();
    while (trouble_.empty() && !outstanding_.empty()) {
      const std::vector<Request*> running = all_running();
      if (running.empty()) return "held for ever: " + std::to_string(outstanding_.size());
      end(*running[random_() % running.size()]);
    }
    if (trouble_.empty() && desk_.held_count() != 0) return "held_count is wrong";
    return trouble_;
  }

 private:
  bool ordered(const Request& request) const {
    if (request.operation.is_sync()) return false;
    if (traits_.is_stream()) return true;
    return request.operation.is_write() &&
           (traits_.append || (request.operation.rw_flags & RWF_APPEND) != 0);
  }

  std::vector<Request*> all_running() const {
    std::vector<Request*> running;
    for (Request* request : outstanding_)
      if (is_started(*request)) running.push_back(request);
    return running;
  }

  void step() {
    const auto choice = static_cast<unsigned>(random_() % 100);
    const std::vector<Request*> running = all_running();
    if (choice < 45 || running.empty()) {
      submit();
    } else if (choice < 85) {
      end(*running[random_() % running.size()]);
    } else if (choice < 93) {
      cancel_one();
    } else if (choice < 95) {
      desk_.enlist(*running[random_() % running.size()]);
    } else if (mix_.retries) {
      retry(*running[random_() % running.size()]);
    }
  }

  void submit() {
    const auto kind = static_cast<unsigned>(random_() % 10);
    const Opcode opcode = kind < 4 ? Opcode::read : kind < 9 ? Opcode::write : Opcode::fsync;
    const bool append = mix_.rwf_append && opcode == Opcode::write && random_() % 2 == 0;
    Request& request = desk_.make(opcode, append ? RWF_APPEND : 0);
    outstanding_.push_back(&request);
    if (request.operation.is_sync() || append || !desk_.enter_unlisted(request))
      desk_.admit(request);
    if (is_started(request)) check_may_start(request);
    check_started();
  }

  void end(Request& request) {
    std::erase(outstanding_, &request);
    desk_.finish(request);
    check_started();
  }

  void cancel_one() {
    std::vector<Request*> held;
    for (Request* request : outstanding_)
      if (is_held(*request)) held.push_back(request);
    if (held.empty()) return;
    Request& request = *held[random_() % held.size()];
    std::erase(outstanding_, &request);
    desk_.cancel(request);
    check_started();
  }

  void retry(Request& request) {
    if (!request.operation.is_sync() && !request.retried) {
      request.retried = true;
      desk_.hold_for_retry(request);
    }
  }

  void check_started() {
    for (Request* request : desk_.started()) check_may_start(*request);
  }

  void check_may_start(const Request& request) {
    for (const Request* older : outstanding_) {
      if (older == &request) return;
      if (request.operation.is_sync()) trouble_ = "a fence overtook";
      if (ordered(request) && ordered(*older) &&
          older->operation.opcode == request.operation.opcode)
        trouble_ = "order was not kept";
    }
    trouble_ = "started, though it had ended";
  }

  kaio::DescriptorTraits traits_;
  Mix mix_;
  std::mt19937 random_;
  DescriptorBench desk_;
  std::vector<Request*> outstanding_;  // in call order
  std::string trouble_;
};

void check(kaio::DescriptorTraits traits, Mix mix) {
  std::mt19937 seeds(support::seed());
  for (int i = 0; i < 2000; ++i) {
    const auto seed = static_cast<unsigned>(seeds());
    const std::string trouble = Model(traits, mix, seed).run(5 + static_cast<int>(seed % 60));
    BOOST_REQUIRE_MESSAGE(trouble.empty(), trouble << " (sequence " << i << ")");
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(any_sequence_on_a_stream_keeps_the_rules_and_ends) { check(stream(), {}); }
BOOST_AUTO_TEST_CASE(any_sequence_on_a_file_keeps_the_rules_and_ends) { check(regular(), {}); }
BOOST_AUTO_TEST_CASE(any_sequence_on_an_appending_file_keeps_the_rules_and_ends) {
  check(appending(), {});
}
BOOST_AUTO_TEST_CASE(retries_on_a_file_all_end) { check(regular(), {.retries = true}); }
BOOST_AUTO_TEST_CASE(retries_on_an_appending_file_all_end) {
  check(appending(), {.retries = true});
}
BOOST_AUTO_TEST_CASE(writes_with_rwf_append_among_others_keep_their_order_and_end) {
  check(regular(), {.rwf_append = true});
}
BOOST_AUTO_TEST_CASE(rwf_append_and_retries_together_end) {
  check(regular(), {.rwf_append = true, .retries = true});
}

BOOST_AUTO_TEST_SUITE_END()
