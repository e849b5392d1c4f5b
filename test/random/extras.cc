// SPDX-License-Identifier: MIT
#include "extras.h"

#include "actor.h"
#include "guarded_memory.h"
#include "notices.h"
#include "trouble.h"

#include "support/deadline.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>

namespace random_test::extras {
namespace {

enum State { idle, in_hands, outstanding };

struct Extra {
  std::atomic<State> state{idle};
  GuardedMemory memory;
  std::size_t length = 0;
  bool cancelled = false;
};

constexpr std::size_t extra_count = 12;
constexpr std::size_t file_bytes = 65536;
Extra* extras = nullptr;
int fd = -1;
std::string* content = nullptr;

void submit(Extra& extra, Chance& chance) {
  aiocb& block = extra.memory.block();
  extra.length = 1 + chance.below(8000);
  std::memset(&block, 0, sizeof block);
  block.aio_fildes = fd;
  block.aio_offset = chance.below(file_bytes - extra.length);
  block.aio_buf = extra.memory.buffer(extra.length, false);
  block.aio_nbytes = extra.length;
  block.aio_sigevent.sigev_notify = SIGEV_NONE;
  extra.cancelled = false;
  if (aio_read(&block) == 0) {
    extra.state = outstanding;
    return;
  }
  // A handler may be told that there is no memory or thread just now.
  if (errno != EAGAIN) report("a handler's aio_read: %s", std::strerror(errno));
  extra.state = idle;
}

// Whether it is still in progress.
bool look(Extra& extra) {
  aiocb& block = extra.memory.block();
  const int status = aio_error(&block);
  if (status == EINPROGRESS) return true;
  const ssize_t result = aio_return(&block);
  if (status == ECANCELED && extra.cancelled) return false;
  if (status != 0 || result != static_cast<ssize_t>(extra.length) ||
      std::memcmp(const_cast<void*>(block.aio_buf), content->data() + block.aio_offset,
                  extra.length) != 0)
    report("a read by a handler: %s, %zd of %zu", std::strerror(status), result, extra.length);
  return false;
}

void wait(Extra& extra, Chance& chance, bool in_signal_handler) {
  const aiocb* list[] = {&extra.memory.block()};
  const timespec limit{.tv_sec = 0, .tv_nsec = chance.one_of(2) ? 0 : 1'000'000};
  // What interrupted a submission is made only when that goes on.
  if (in_signal_handler) {
    aio_suspend(list, 1, &limit);
  } else {
    while (aio_suspend(list, 1, nullptr) != 0 && errno == EINTR) {
    }
    if (aio_error(list[0]) == EINPROGRESS) report("aio_suspend in a callback ended early");
  }
}

void act(Chance& chance, bool in_signal_handler) {
  if (Actor* actor = Actor::mine(); in_signal_handler && actor != nullptr && chance.one_of(4))
    actor->look_from_handler();
  Extra& extra = extras[chance.below(extra_count)];
  State state = extra.state;
  if (state == in_hands || !extra.state.compare_exchange_strong(state, in_hands)) return;
  if (state == idle) return submit(extra, chance);
  if (chance.one_of(3)) wait(extra, chance, in_signal_handler);
  if (chance.one_of(6)) {
    extra.cancelled = true;
    aio_cancel(fd, &extra.memory.block());
  }
  extra.state = look(extra) ? outstanding : idle;
}

}  // namespace

void begin() {
  const support::TemporaryFile file(file_bytes);  // open, but without a name when this is left
  static support::Fd opened = file.open(O_RDONLY);
  content = new std::string(support::pattern(file_bytes));
  fd = opened.get();
  extras = new Extra[extra_count];
  notices::set_action(act);
}

void settle() {
  if (extras == nullptr) return;
  support::eventually([] {
    bool any_left = false;
    for (std::size_t i = 0; i < extra_count; ++i) {
      State state = outstanding;
      if (extras[i].state == idle) continue;
      any_left = true;
      if (extras[i].state.compare_exchange_strong(state, in_hands))
        extras[i].state = look(extras[i]) ? outstanding : idle;
    }
    return !any_left;
  });
  for (std::size_t i = 0; i < extra_count; ++i)
    if (const State state = extras[i].state; state != idle)
      report("a handler's request, whose status is %s, is %s still",
             std::strerror(aio_error(&extras[i].memory.block())),
             state == in_hands ? "in somebody's hands" : "in progress");
}

}  // namespace random_test::extras
