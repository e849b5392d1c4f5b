// SPDX-License-Identifier: MIT
#include "kaio/aio.h"
#include "posix/api/copy_sigevent.h"
#include "posix/api/export.h"
#include "posix/api/api_scope.h"
#include "posix/api/submit.h"
#include "posix/api/waits.h"
#include "sys/pages.h"

namespace kaio {
namespace {

// Room for the iocbs of one list: on the stack for a short one, never more of the
// stack for a long one.
class IocbSpace {
 public:
  explicit IocbSpace(std::size_t count) noexcept : count_(count) {
    if (count_ > short_list) mapped_ = static_cast<iocb**>(sys::map_pages(count_ * sizeof(iocb*)));
  }
  ~IocbSpace() {
    if (mapped_ != nullptr) sys::unmap_pages(mapped_, count_ * sizeof(iocb*));
  }
  IocbSpace(const IocbSpace&) = delete;
  IocbSpace& operator=(const IocbSpace&) = delete;
  bool valid() const noexcept { return count_ <= short_list || mapped_ != nullptr; }
  std::span<iocb*> get() noexcept { return {mapped_ != nullptr ? mapped_ : short_, count_}; }

 private:
  static constexpr std::size_t short_list = 128;
  std::size_t count_;
  iocb** mapped_ = nullptr;
  iocb* short_[short_list];
};

Submission submission_of(const aiocb& control_block) {
  switch (control_block.aio_lio_opcode) {
    case LIO_READ:
      return {.opcode = Opcode::read};
    case LIO_WRITE:
      return {.opcode = Opcode::write};
    case LIO_READV:
      return {.opcode = Opcode::read, .vectored = true};
    case LIO_WRITEV:
      return {.opcode = Opcode::write, .vectored = true};
    default:
      return {.error_number = EINVAL};
  }
}

bool is_skipped(const aiocb* control_block) {
  return control_block == nullptr || control_block->aio_lio_opcode == LIO_NOP;
}

struct Refused {
  bool any = false;
  bool for_resources = false;  // EAGAIN
  bool in_progress = false;    // the status is that of its first use, and cannot tell
};

Refused submit_all(Runtime& runtime, std::span<aiocb* const> list, RequestGroup* group,
                   SubmissionBatch& batch) {
  Refused refused;
  for (aiocb* control_block : list) {
    if (is_skipped(control_block)) continue;
    Submission submission = submission_of(*control_block);
    submission.group = group;
    submission.batch = &batch;
    if (group != nullptr) group->remaining.fetch_add(1, std::memory_order_relaxed);
    const Submitted outcome = submit(runtime, *control_block, submission);
    if (outcome == Submitted::accepted) continue;
    if (group != nullptr) group->remaining.fetch_sub(1, std::memory_order_relaxed);
    refused.any = true;
    refused.for_resources |= outcome == Submitted::no_resources;
    refused.in_progress |= outcome == Submitted::in_progress;
  }
  runtime.dispatcher.submit(batch);
  for (Transfer* next = batch.refused(); next != nullptr;) {
    Request& request = request_of(*next);
    next = next->next;
    take_back(runtime, request, *aiocb_of(*request.cell));
    if (group != nullptr) group->remaining.fetch_sub(1, std::memory_order_relaxed);
    refused.any = refused.for_resources = true;
  }
  return refused;
}

// Nothing of it could be queued, and each element's status says so. (One that is in progress
// is looked at once only: if it ends now, its result is not overwritten.)
int refuse_all(Runtime& runtime, std::span<aiocb* const> list) {
  for (aiocb* control_block : list)
    if (!is_skipped(control_block) &&
        !status::is_in_progress(cell_of(*control_block).word.load(std::memory_order_acquire)))
      runtime.completer.publish_refusal(cell_of(*control_block), EAGAIN);
  return EAGAIN;
}

int wait_for(Runtime& runtime, RequestGroup& group) {
  GroupDone group_done(runtime.context, group);
  const Waited waited = runtime.waiter.wait(group_done, sys::forever);
  const bool failed = group.failed.load(std::memory_order_relaxed);
  runtime.completer.drop(group);
  if (waited == Waited::interrupted) return EINTR;
  return failed ? EIO : 0;
}

RequestGroup* make_group(Runtime& runtime, const Notification& notification, bool wait) {
  RequestGroup* group = runtime.requests.groups.allocate();
  if (group == nullptr) return nullptr;
  group->notification = notification;
  group->notification.of_list = true;
  group->remaining.store(1, std::memory_order_relaxed);  // until all are submitted
  group->references.store(wait ? 2 : 1, std::memory_order_relaxed);
  group->all_done.store(0, std::memory_order_relaxed);
  group->failed.store(false, std::memory_order_relaxed);
  return group;
}

// An error number, or 0.
int list_io(Runtime& runtime, bool wait, std::span<aiocb* const> list, const sigevent* event) {
  Notification notification;
  if (!wait && event != nullptr)
    if (const int error_number = copy_sigevent(*event, runtime.completer.notifier(), notification))
      return error_number == EAGAIN ? refuse_all(runtime, list) : error_number;
  IocbSpace space(list.size());
  RequestGroup* group = nullptr;
  if (notification.kind != Notification::Kind::none && !runtime.reaper_thread.ensure_running()) {
    release(notification, runtime.completer.notifier());
    return refuse_all(runtime, list);
  }
  const bool needs_group = wait || notification.kind != Notification::Kind::none;
  if (!space.valid() ||
      (needs_group && (group = make_group(runtime, notification, wait)) == nullptr)) {
    release(notification, runtime.completer.notifier());
    return refuse_all(runtime, list);
  }
  Refused refused;
  {
    const ApiScope scope(runtime);
    SubmissionBatch batch(space.get());
    refused = submit_all(runtime, list, group, batch);
    if (group != nullptr) runtime.completer.count_down(*group);
  }
  int error_number = wait ? wait_for(runtime, *group) : 0;
  if (error_number == EINTR) return error_number;
  if (refused.for_resources) return EAGAIN;
  if (!wait) return refused.in_progress ? EIO : 0;  // all others show in their status
  return refused.any ? EIO : error_number;
}

}  // namespace
}  // namespace kaio

KAIO_EXPORT int lio_listio(int mode, aiocb* const list[], int count, sigevent* event) noexcept {
  if ((mode != LIO_WAIT && mode != LIO_NOWAIT) || count < 0) return kaio::fail(EINVAL);
  kaio::Runtime* engine = kaio::runtime();
  if (engine == nullptr) return kaio::fail(EAGAIN);
  const int error_number =
      kaio::list_io(*engine, mode == LIO_WAIT, {list, static_cast<std::size_t>(count)}, event);
  return error_number == 0 ? 0 : kaio::fail(error_number);
}
KAIO_ALIAS_64(lio_listio);
