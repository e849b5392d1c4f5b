// SPDX-License-Identifier: MIT
// lio_listio() with an element that ends while it is being refused.
#include "cases.h"

#include <csignal>
#include <ucontext.h>

BOOST_AUTO_TEST_SUITE(listing_races)

namespace {

#if defined(__x86_64__)

constexpr greg_t trap_flag = 0x100;

// While it goes on, this thread is stopped behind each instruction. `action` runs behind one
// of them, and nothing is stopped any more.
struct SingleStep {
  int left = 0;
  void (*action)() = nullptr;
} step;

void stop(int, siginfo_t*, void* context) {
  if (step.left-- > 0) return;
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~trap_flag;
  if (step.action != nullptr) step.action();
  step.action = nullptr;
}

// Below what the compiler may keep under the stack pointer.
void set_trap_flag() {
  __asm__ volatile(
      "leaq -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
      "leaq 128(%%rsp), %%rsp" ::
          : "memory", "cc");
}
void clear_trap_flag() {
  __asm__ volatile(
      "leaq -128(%%rsp), %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\t"
      "leaq 128(%%rsp), %%rsp" ::
          : "memory", "cc");
}

const Channel* channel;
aiocb* element;

void end_the_request() {
  const int kept_errno = errno;
  channel->send("text");
  // In the hands of the frame that is interrupted it stays in progress.
  const auto deadline = Clock::now() + 5ms;
  while (aio_error(element) == EINPROGRESS && Clock::now() < deadline) {
  }
  errno = kept_errno;
}

#endif

}  // namespace

#if defined(__x86_64__)

// After each instruction of the call, one after the other.
BOOST_TEST_DECORATOR(*without_sanitizer())
BOOST_AUTO_TEST_CASE(an_element_that_ends_while_it_is_refused_keeps_its_result) {
  watchdog().allow(200s);  // thousands of instructions, and a wait after most
  const SignalHandler handler{SIGTRAP, stop, SA_NODEFER};
  int wrong_count = 0;
  int refused_count = 0;
  bool stopped_inside = true;
  int instruction = 0;
  for (; stopped_inside && instruction < 3000; ++instruction) {
    const Channel pipe{ChannelKind::pipe};
    const Request read = Request::to_read(pipe.reader(), 4);
    BOOST_REQUIRE(aio_read(read) == 0);
    read->aio_lio_opcode = LIO_READ;
    aiocb* const list[] = {read};
    channel = &pipe;
    element = read;
    step = {.left = instruction, .action = end_the_request};
    set_trap_flag();
    const int outcome = lio_listio(LIO_NOWAIT, list, 1, nullptr);
    clear_trap_flag();
    stopped_inside = step.action == nullptr;
    step.action = nullptr;
    if (outcome == 0) {  // it was over, and has been submitted again
      aio_cancel(pipe.reader(), read);
      wrong_count += wait_done(read) != ECANCELED;
      continue;
    }
    ++refused_count;
    if (!stopped_inside) pipe.send("text");
    wrong_count += wait_done(read) != 0 || aio_return(read) != 4;
  }
  BOOST_TEST(wrong_count == 0);
  BOOST_TEST(!stopped_inside);
  BOOST_TEST(refused_count > 10);
}

#endif

BOOST_AUTO_TEST_SUITE_END()
