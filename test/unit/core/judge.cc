// SPDX-License-Identifier: MIT
// Every answer there can be, under every circumstance, against what must hold
// for all of them.
#include "core/judge.h"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <sstream>
#include <string>

using kaio::Answer;
using kaio::Attempt;
using kaio::Count;
using kaio::DescriptorKind;
using kaio::DescriptorTraits;
using kaio::Opcode;
using kaio::Route;
using kaio::Step;
using kaio::Verdict;

BOOST_AUTO_TEST_SUITE(judging)

namespace {

constexpr int answers[] = {0,       1,       512,     -EAGAIN, -EOPNOTSUPP, -ESPIPE,
                           -EINVAL, -EPERM,  -ENOSYS, -EIO,    -EBADF,      -EFAULT,
                           -EPIPE,  -ENOSPC, -EFBIG,  -EINTR,  -EOVERFLOW};

std::string describe(const Answer& a, const DescriptorTraits& t, bool end) {
  std::ostringstream text;
  text << "attempt " << int(a.attempt) << " answer " << a.answer << " refused " << a.refused
       << " plain_is_quick " << a.plain_is_quick << " route " << int(a.route) << " opcode "
       << int(a.opcode) << " remaining " << a.remaining_bytes << " offset " << a.offset_bytes
       << " done " << a.done_bytes << " extra_flags " << a.extra_flags << " is_stream "
       << a.is_stream << " retried " << a.retried << " kind " << int(t.kind) << " direct "
       << int(t.direct) << " non_blocking " << int(t.non_blocking) << " end " << end;
  return text.str();
}

// Calls visit(answer, traits, reached_end) for each combination that can occur.
template <class Visit>
void for_each_case(Visit visit) {
  for (const Attempt attempt : {Attempt::nowait, Attempt::plain, Attempt::pool_io})
    for (const int value : answers)
      for (const DescriptorKind kind :
           {DescriptorKind::unknown, DescriptorKind::regular, DescriptorKind::block,
            DescriptorKind::character, DescriptorKind::stream, DescriptorKind::pipe,
            DescriptorKind::socket, DescriptorKind::terminal})
        for (unsigned bits = 0; bits < 1u << 10; ++bits)
          for (const Route route : {Route::automatic, Route::kernel, Route::poll, Route::pool}) {
            const auto bit = [&](unsigned n) { return (bits >> n & 1) != 0; };
            const bool refused = bit(0);
            if (refused && (value >= 0 || attempt == Attempt::pool_io)) continue;
            if (route == Route::pool && attempt != Attempt::pool_io) continue;
            const Answer answer{.attempt = attempt,
                                .answer = value,
                                .refused = refused,
                                .plain_is_quick = bit(1),
                                .route = route,
                                .opcode = bit(2) ? Opcode::write : Opcode::read,
                                .remaining_bytes = bit(3) ? 4096u : 0u,
                                .offset_bytes = 8192,
                                .done_bytes = (bit(4) ? 4096 : 0) + (value > 0 ? value : 0),
                                .extra_flags = bit(5),
                                .is_stream = bit(6),
                                .retried = bit(7)};
            DescriptorTraits traits{.kind = kind};
            traits.direct = bit(8) && !kaio::is_stream(kind);
            traits.non_blocking = bit(8) && kaio::is_stream(kind);
            visit(answer, traits, bit(9));
          }
}

// A property of every case; names the first that lacks it.
template <class Holds>
void check_all(Holds holds) {
  std::string trouble;
  long cases = 0;
  for_each_case([&](const Answer& answer, const DescriptorTraits& traits, bool end) {
    ++cases;
    if (trouble.empty() && !holds(answer, traits, end, kaio::judge(answer, traits, end)))
      trouble = describe(answer, traits, end);
  });
  BOOST_TEST(cases > 100'000);
  BOOST_TEST(trouble == "");
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_final_answer_ends_the_request_whatever_the_descriptor_is) {
  check_all([](const Answer& a, const DescriptorTraits&, bool, const Verdict& v) {
    return !kaio::is_final(a) || v.step == Step::finish;
  });
}

BOOST_AUTO_TEST_CASE(success_is_finished_with_success) {
  check_all([](const Answer& a, const DescriptorTraits&, bool, const Verdict& v) {
    return a.answer < 0 || v.step != Step::finish || v.error_number == 0;
  });
}

BOOST_AUTO_TEST_CASE(a_whole_transfer_and_the_end_of_file_end_it) {
  check_all([](const Answer& a, const DescriptorTraits&, bool, const Verdict& v) {
    return a.answer < 0 || (a.remaining_bytes != 0 && a.answer != 0) ||
           (v.step == Step::finish && v.error_number == 0);
  });
}

BOOST_AUTO_TEST_CASE(an_error_is_never_success) {
  check_all([](const Answer& a, const DescriptorTraits&, bool, const Verdict& v) {
    return a.answer >= 0 || v.step != Step::finish || v.error_number == -a.answer ||
           (v.error_number != 0 && a.answer == -EINVAL);  // a better name for it
  });
}

BOOST_AUTO_TEST_CASE(a_non_blocking_stream_without_data_or_room_finishes_with_eagain) {
  check_all([](const Answer& a, const DescriptorTraits& t, bool, const Verdict& v) {
    if (a.answer != -EAGAIN || !t.is_stream() || !t.non_blocking || a.done_bytes != 0) return true;
    return v.step == Step::finish && v.error_number == EAGAIN;
  });
}

BOOST_AUTO_TEST_CASE(a_blocking_stream_without_data_or_room_waits_for_readiness) {
  check_all([](const Answer& a, const DescriptorTraits& t, bool, const Verdict& v) {
    if (a.answer != -EAGAIN || !t.is_stream() || t.non_blocking) return true;
    return v.step == Step::wait_ready && v.reason == Count::reason_not_ready;
  });
}

BOOST_AUTO_TEST_CASE(only_streams_wait_for_readiness) {
  check_all([](const Answer&, const DescriptorTraits& t, bool, const Verdict& v) {
    return v.step != Step::wait_ready || (t.is_stream() && !t.non_blocking);
  });
}

BOOST_AUTO_TEST_CASE(short_reads_of_streams_finish) {
  check_all([](const Answer& a, const DescriptorTraits& t, bool, const Verdict& v) {
    if (a.answer <= 0 || !t.is_stream() || a.opcode != Opcode::read) return true;
    return v.step == Step::finish && v.error_number == 0;
  });
}

BOOST_AUTO_TEST_CASE(short_writes_of_blocking_streams_go_on_and_of_others_finish) {
  check_all([](const Answer& a, const DescriptorTraits& t, bool, const Verdict& v) {
    if (a.answer <= 0 || a.remaining_bytes == 0 || !t.is_stream() || a.opcode != Opcode::write)
      return true;
    return v.step == (t.non_blocking ? Step::finish : Step::again);
  });
}

BOOST_AUTO_TEST_CASE(short_transfers_of_files_go_on_unless_a_read_is_at_the_end) {
  check_all([](const Answer& a, const DescriptorTraits& t, bool end, const Verdict& v) {
    const bool has_places = t.kind == DescriptorKind::regular || t.kind == DescriptorKind::block;
    if (a.answer <= 0 || a.remaining_bytes == 0 || !has_places) return true;
    if (end && a.opcode == Opcode::read) return v.step == Step::finish;
    return v.step == Step::again && v.reason == Count::reason_short;
  });
}

BOOST_AUTO_TEST_CASE(on_the_kernel_route_a_would_block_never_becomes_a_transfer_by_the_pool) {
  check_all([](const Answer& a, const DescriptorTraits&, bool, const Verdict& v) {
    return a.route != Route::kernel || a.answer != -EAGAIN || v.step != Step::pool_io;
  });
}

BOOST_AUTO_TEST_CASE(on_the_pool_route_nothing_goes_to_the_kernel) {
  check_all([](const Answer& a, const DescriptorTraits&, bool, const Verdict& v) {
    return a.route != Route::pool ||
           (v.step != Step::submit_plain && v.step != Step::pool_submit && v.step != Step::hold);
  });
}

BOOST_AUTO_TEST_CASE(only_the_submitter_submits_plainly_and_only_direct_io) {
  check_all([](const Answer& a, const DescriptorTraits& t, bool, const Verdict& v) {
    return v.step != Step::submit_plain || (a.plain_is_quick && t.direct && v.mark_no_nowait);
  });
}

BOOST_AUTO_TEST_CASE(a_request_is_held_for_a_full_device_once_and_only_with_direct_io) {
  check_all([](const Answer& a, const DescriptorTraits& t, bool, const Verdict& v) {
    if (v.step != Step::hold) return true;
    const bool extends = t.kind == DescriptorKind::regular && a.opcode == Opcode::write;
    return !a.retried && t.direct && !t.is_stream() && !extends && a.attempt == Attempt::nowait &&
           a.answer == -EAGAIN;
  });
}

BOOST_AUTO_TEST_CASE(pages_in_the_way_of_a_direct_transfer_are_no_full_device) {
  for (const Opcode opcode : {Opcode::read, Opcode::write})
    for (const bool retried : {false, true}) {
      Answer answer{.attempt = Attempt::nowait,
                    .answer = -EAGAIN,
                    .refused = false,
                    .plain_is_quick = false,
                    .route = Route::automatic,
                    .opcode = opcode,
                    .remaining_bytes = 4096,
                    .offset_bytes = 0,
                    .done_bytes = 0,
                    .extra_flags = false,
                    .is_stream = false,
                    .retried = retried,
                    .pages = kaio::PagesInTheWay::some};
      const DescriptorTraits device{.kind = DescriptorKind::block, .direct = true};
      BOOST_TEST(int(kaio::judge(answer, device, false).step) == int(Step::pool_submit));
      answer.pages = kaio::PagesInTheWay::cleared;
      BOOST_TEST(int(kaio::judge(answer, device, false).step) ==
                 int(retried ? Step::pool_submit : Step::again_soon));
      answer.pages = kaio::PagesInTheWay::none;
      BOOST_TEST(int(kaio::judge(answer, device, false).step) ==
                 int(retried ? Step::pool_submit : Step::hold));
    }
}

BOOST_AUTO_TEST_CASE(kernel_aio_is_given_up_only_when_io_submit_itself_was_refused) {
  check_all([](const Answer& a, const DescriptorTraits&, bool, const Verdict& v) {
    const bool filtered = a.refused && (a.answer == -EPERM || a.answer == -ENOSYS);
    return (v.step == Step::give_up_kernel) == filtered;
  });
}

BOOST_AUTO_TEST_CASE(the_callers_own_flags_are_never_taken_for_missing_nowait) {
  check_all([](const Answer& a, const DescriptorTraits&, bool, const Verdict& v) {
    return !a.extra_flags || !v.mark_no_nowait;
  });
}

// Else a request could go round for ever.
BOOST_AUTO_TEST_CASE(the_same_way_is_tried_again_only_after_progress_or_with_a_new_fact) {
  check_all([](const Answer& a, const DescriptorTraits&, bool, const Verdict& v) {
    return v.step != Step::again || a.answer > 0 || (v.mark_stream && !a.is_stream);
  });
}

BOOST_AUTO_TEST_CASE(what_the_pool_did_and_failed_at_is_not_given_to_it_again) {
  check_all([](const Answer& a, const DescriptorTraits&, bool, const Verdict& v) {
    return a.attempt != Attempt::pool_io ||
           (v.step != Step::pool_io && v.step != Step::pool_submit);
  });
}

BOOST_AUTO_TEST_CASE(a_step_away_from_the_first_way_has_a_reason) {
  check_all([](const Answer&, const DescriptorTraits&, bool, const Verdict& v) {
    const bool away = v.step == Step::wait_ready || v.step == Step::hold ||
                      v.step == Step::submit_plain || v.step == Step::pool_submit ||
                      v.step == Step::pool_io;
    return !away || v.reason != Count::size;
  });
}

BOOST_AUTO_TEST_CASE(a_negative_offset_is_refused_and_not_tried_by_another_way) {
  const Answer answer{.attempt = Attempt::nowait,
                      .answer = -EINVAL,
                      .refused = true,
                      .plain_is_quick = true,
                      .route = Route::automatic,
                      .opcode = Opcode::read,
                      .remaining_bytes = 10,
                      .offset_bytes = -1,
                      .done_bytes = 0,
                      .extra_flags = false,
                      .is_stream = false,
                      .retried = false};
  const Verdict verdict = kaio::judge(answer, {.kind = DescriptorKind::regular}, false);
  BOOST_TEST(int(verdict.step) == int(Step::finish));
  BOOST_TEST(verdict.error_number == EINVAL);
  // A stream ignores it.
  const Verdict of_stream = kaio::judge(answer, {.kind = DescriptorKind::stream}, false);
  BOOST_TEST(int(of_stream.step) == int(Step::again));
  BOOST_TEST(of_stream.mark_stream);
}

BOOST_AUTO_TEST_SUITE_END()
