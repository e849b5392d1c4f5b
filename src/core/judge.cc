// SPDX-License-Identifier: MIT
#include "core/judge.h"

#include <cerrno>

namespace kaio {
namespace {

constexpr Verdict finish(int error_number = 0) { return {.error_number = error_number}; }

// The way that may block: the transfer by the pool, unless every transfer is to
// end in the ring.
constexpr Step blocking_step(Route route, bool direct) {
  return direct || route == Route::kernel ? Step::pool_submit : Step::pool_io;
}

Verdict judge_would_block(const Answer& answer, const DescriptorTraits& traits) {
  if (traits.is_stream()) {
    if (traits.non_blocking) return finish(EAGAIN);
    return {.step = Step::wait_ready, .reason = Count::reason_not_ready};
  }
  if (answer.pages == PagesInTheWay::cleared && !answer.retried)
    return {.step = Step::again_soon, .reason = Count::reason_would_block};
  // Block devices, and reads, say EAGAIN for want of a free tag too; a file's
  // write says it because it extends, and will say so again. Where the kernel does not tell
  // whether a device's write has met pages in the cache, it may be for that.
  const bool device_may_be_full =
      traits.direct && answer.pages != PagesInTheWay::some &&
      (answer.opcode == Opcode::read ||
       (traits.kind == DescriptorKind::block && answer.pages != PagesInTheWay::unknown));
  if (device_may_be_full && !answer.retried && answer.route != Route::kernel)
    return {.step = Step::hold, .reason = Count::reason_device_full};
  const bool extends = traits.kind == DescriptorKind::regular && answer.opcode == Opcode::write;
  return {.step = blocking_step(answer.route, traits.direct),
          .reason = Count::reason_would_block,
          .expect_block = !traits.direct || (extends && answer.pages != PagesInTheWay::some)};
}

Verdict judge_not_supported(const Answer& answer, const DescriptorTraits& traits) {
  if (answer.extra_flags) {
    // Perhaps it is the caller's flag: a plain call tells.
    return {.step = Step::pool_io, .reason = Count::reason_no_nowait};
  }
  Verdict verdict{.reason = Count::reason_no_nowait, .mark_no_nowait = true};
  verdict.expect_block = answer.opcode == Opcode::write && !traits.direct;
  if (traits.is_stream()) {
    verdict.step = Step::pool_io;  // not to wait yet: it may end at once
  } else if (traits.direct && answer.plain_is_quick) {
    verdict.step = Step::submit_plain;
  } else {
    verdict.step = blocking_step(answer.route, traits.direct);
  }
  return verdict;
}

// The kernel says EINVAL where POSIX wants to know which.
bool reaches_past_the_maximum(const Answer& answer) {
  return answer.offset_bytes >= 0 && answer.remaining_bytes <= INT64_MAX &&
         answer.offset_bytes > INT64_MAX - static_cast<std::int64_t>(answer.remaining_bytes);
}

Verdict judge_error(const Answer& answer, const DescriptorTraits& traits) {
  const int error_number = -answer.answer;
  const bool by_kernel = answer.attempt == Attempt::nowait || answer.attempt == Attempt::plain;
  switch (error_number) {
    case EAGAIN:
      if (answer.attempt == Attempt::nowait) return judge_would_block(answer, traits);
      if (traits.is_stream() && !traits.non_blocking)
        return {.step = Step::wait_ready, .reason = Count::reason_not_ready};
      return finish(EAGAIN);
    case EOPNOTSUPP:
      if (answer.attempt == Attempt::nowait) return judge_not_supported(answer, traits);
      return finish(error_number);
    case ESPIPE:  // a socket, with an offset
      if (by_kernel && traits.is_stream() && !answer.is_stream)
        return {.step = Step::again, .mark_stream = true};
      return finish(error_number);
    case EINVAL:
      if (traits.is_stream() && !answer.is_stream)
        return {.step = Step::again, .mark_stream = true};
      if (!traits.is_stream() && reaches_past_the_maximum(answer))
        return finish(answer.opcode == Opcode::read ? EOVERFLOW : EFBIG);
      // What io_submit refuses although the call would do it, or name its error
      // better: a directory, a file without asynchronous methods.
      if (answer.refused && answer.attempt != Attempt::pool_io && answer.offset_bytes >= 0)
        return {.step = Step::pool_io, .reason = Count::reason_refused};
      return finish(EINVAL);
    case EPERM:
    case EACCES:
    case ENOSYS:
      if (answer.refused && by_kernel)
        return {.step = Step::give_up_kernel, .error_number = error_number};
      return finish(error_number);
    default:
      return finish(error_number);
  }
}

}  // namespace

bool asks_for_pages(const Answer& answer, const DescriptorTraits& traits) noexcept {
  return answer.answer == -EAGAIN && answer.attempt == Attempt::nowait && traits.direct &&
         !traits.is_stream();
}

bool is_final(const Answer& answer) noexcept {
  if (answer.answer >= 0) return answer.remaining_bytes == 0 || answer.answer == 0;
  switch (-answer.answer) {
    case EAGAIN:
    case EOPNOTSUPP:
    case ESPIPE:
    case EINVAL:
    case EPERM:
    case EACCES:
    case ENOSYS:
      return false;
    default:
      return true;
  }
}

Verdict judge(const Answer& answer, const DescriptorTraits& traits, bool reached_end) noexcept {
  if (answer.answer < 0)
    return is_final(answer) ? finish(-answer.answer) : judge_error(answer, traits);
  if (is_final(answer)) return finish();
  // Short.
  switch (traits.kind) {
    case DescriptorKind::stream:
    case DescriptorKind::pipe:
    case DescriptorKind::socket:
    case DescriptorKind::terminal:
      if (answer.opcode == Opcode::read || traits.non_blocking) return finish();
      return {.step = Step::again};
    case DescriptorKind::regular:
    case DescriptorKind::block:
      if (reached_end && answer.opcode == Opcode::read) return finish();
      return {.step = Step::again, .reason = Count::reason_short};
    case DescriptorKind::character:
      // /dev/zero stops after a page when it may not wait and others want the processor.
      if (answer.attempt == Attempt::nowait)
        return {.step = blocking_step(answer.route, false), .reason = Count::reason_short};
      break;
    case DescriptorKind::unknown:
      break;
  }
  return finish();
}

}  // namespace kaio
