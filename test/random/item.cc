// SPDX-License-Identifier: MIT
#include "item.h"

#include "promises.h"

#include <kaio/aio.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>

namespace random_test {

std::atomic<bool> Item::delivered_by_waitcomplete{false};

void Item::plan(Target& target, Chance& chance, Way way) {
  memory_.prepare(target.name.c_str());
  target_ = &target;
  cancel_tried_ = false;
  expected_error_ = flags_ = 0;
  part_count_ = 0;
  write_ = nullptr;
  append_ = nullptr;
  sent_ = nullptr;
  taken_ = nullptr;
  list_ticket_ = nullptr;
  delivered_ = 0;
  plan_place(chance);
  data_ = memory_.buffer(length_, target.direct);
  aiocb& block = memory_.block();
  if (chance.one_of(2)) std::memset(&block, 0, sizeof block);
  block.aio_fildes = target.fd;
  block.aio_buf = data_;
  block.aio_nbytes = length_;
  block.aio_offset = static_cast<off_t>(offset_);
  block.aio_reqprio = chance.one_of(4) ? static_cast<int>(chance.below(21)) : 0;
  // Of an ordinary signal nobody knows whether it still comes.
  const bool held = chance.one_of(2) && way != Way::signal;
  ticket_ = &notices::attach(block.aio_sigevent, way, held ? &block : nullptr);
  if (op_ != Op::sync && length_ >= 2048 && chance.one_of(4)) {
    part_count_ = 1 + chance.below(parts_.size());
    const std::size_t step = length_ / part_count_ / 512 * 512;
    for (unsigned i = 0; i < part_count_; ++i)
      parts_[i] = {.iov_base = data_ + i * step,
                   .iov_len = i + 1 < part_count_ ? step : length_ - i * step};
    block.aio_buf = parts_.data();
    block.aio_nbytes = part_count_;
  }
  block.aio_lio_opcode =
      (op_ == Op::write ? LIO_WRITE : LIO_READ) | (part_count_ > 0 ? LIO_VECTORED : 0);
  if (op_ == Op::write && target.kind == Target::Kind::file && chance.one_of(8))
    flags_ = AIO_OP2_DSYNC;
  if (target.kind == Target::Kind::file && op_ != Op::sync && chance.one_of(24))
    plan_mistake(chance);
}

void Item::plan_place(Chance& chance) {
  Target& target = *target_;
  offset_ = 0;
  switch (target.kind) {
    case Target::Kind::file: {
      const unsigned kind = chance.below(9);
      op_ = kind == 8 ? Op::sync : kind < 4 ? Op::write : Op::read;
      const std::size_t size = target.file->capacity();
      length_ = 1 + chance.below(chance.one_of(4) ? target.length_max : 4096);
      offset_ = chance.below(chance.one_of(2) ? size : 16384);
      if (target.direct || chance.one_of(2)) {
        length_ = (length_ + 511) / 512 * 512;
        offset_ = offset_ / 512 * 512;
      }
      length_ = std::min(length_, size - offset_);
      return;
    }
    case Target::Kind::append:
      op_ = chance.one_of(10) ? Op::sync : Op::write;
      length_ = 1 + chance.below(chance.one_of(4) ? 20000 : 600);
      return;
    case Target::Kind::stream_reader:
    case Target::Kind::stream_writer:
      op_ = target.kind == Target::Kind::stream_writer ? Op::write : Op::read;
      length_ = 1 + chance.below(chance.one_of(4) ? target.length_max : 700);
      offset_ = chance.below(1000);  // without a meaning
      return;
    case Target::Kind::counter:
      op_ = chance.one_of(2) ? Op::write : Op::read;
      length_ = 8;
      return;
  }
}

void Item::plan_mistake(Chance& chance) {
  aiocb& block = memory_.block();
  part_count_ = 0;
  block.aio_buf = data_;
  block.aio_nbytes = length_;
  block.aio_lio_opcode = op_ == Op::write ? LIO_WRITE : LIO_READ;
  flags_ = 0;
  switch (static_cast<Mistake>(1 + chance.below(4))) {
    case Mistake::misaligned:
      if (!target_->direct) return;
      block.aio_offset = block.aio_offset % 65536 + 1;  // past the end nothing is read
      expected_error_ = EINVAL;
      return;
    case Mistake::bad_buffer:  // a write, as a read past the end needs no buffer
      op_ = Op::write;
      block.aio_lio_opcode = LIO_WRITE;
      block.aio_buf = memory_.buffer(GuardedMemory::buffer_bytes, true) +
                      GuardedMemory::buffer_bytes;  // the guard
      block.aio_nbytes = 512;
      // Past the end ext4 makes the file longer by a write that fails.
      block.aio_offset = block.aio_offset % 65536 / 512 * 512;
      expected_error_ = EFAULT;
      return;
    case Mistake::negative_offset:
      block.aio_offset = -1 - static_cast<off_t>(chance.below(3)) * 512;
      expected_error_ = EINVAL;
      return;
    default:
      block.aio_fildes = 1'000'000;
      expected_error_ = EBADF;
      return;
  }
}

// From here on the models know that it may happen.
void Item::begin() {
  if (expected_error_ == 0 && op_ == Op::write) {
    switch (target_->kind) {
      case Target::Kind::file:
        write_ = &target_->file->begin_write(offset_, offset_ + length_);
        fill(data_, length_, write_->version, offset_);
        break;
      case Target::Kind::append:
        append_ = &target_->append->add(tick() + (std::uint64_t{1} << 50), length_);
        fill(data_, length_, append_->version, 0);
        break;
      case Target::Kind::stream_writer:
        sent_ = &target_->stream->add_write(length_);
        fill(data_, length_, sent_->version, 0);
        break;
      case Target::Kind::stream_reader:
        break;
      case Target::Kind::counter: {
        const std::uint64_t one = 1 + length_ % 3;
        std::memcpy(data_, &one, sizeof one);
      }
    }
    if (write_ != nullptr && fault_now(Fault::wrong_byte)) data_[length_ - 1] ^= 1;
  }
  if (target_->kind == Target::Kind::stream_reader) taken_ = &target_->stream->add_read(length_);
  accepted_ = never;
  submitted_ = tick();
  state_ = State::begun;
  const std::lock_guard lock(target_->mutex);
  target_->outstanding.push_back(this);
}

int Item::call(Chance& chance) {
  aiocb& block = memory_.block();
  if (op_ == Op::sync) return aio_fsync(chance.one_of(2) ? O_SYNC : O_DSYNC, &block);
  const bool by_flags = flags_ != 0 || chance.one_of(8);
  if (by_flags) {
    const int flags = flags_ | (part_count_ > 0 ? AIO_OP2_VECTORED : 0);
    return op_ == Op::write ? aio_write2(&block, flags) : aio_read2(&block, flags);
  }
  if (part_count_ > 0) return op_ == Op::write ? aio_writev(&block) : aio_readv(&block);
  return op_ == Op::write ? aio_write(&block) : aio_read(&block);
}

void Item::submit(Chance& chance) {
  begin();
  if (call(chance) != 0) {
    report("%s: a request was refused: %s", target_->name.c_str(), std::strerror(errno));
    notices::withdraw(*ticket_);
    end(ECANCELED, -1);
    return;
  }
  accepted();
  // Both were copied.
  if (part_count_ > 0) parts_.fill({});
}

void Item::deliver(ssize_t result, int error) {
  delivered_result_ = result;
  delivered_error_ = error;
  if (delivered_.fetch_add(1) != 0) report("a request was given to aio_waitcomplete twice");
}

bool Item::look() {
  if (state_ != State::outstanding) return false;
  if (delivered_by_waitcomplete) {
    if (delivered_ == 0) return true;
    end(delivered_error_, delivered_result_);
    return false;
  }
  const int status = aio_error(&block());
  if (status == EINPROGRESS) return true;
  end(status, aio_return(&block()));
  return false;
}

bool Item::may_be_cancelled() const {
  return cancel_tried_ || target_->cancelling > 0 || target_->cancelled_all > submitted_;
}

void Item::end(int status, ssize_t result) {
  const std::uint64_t ended = tick();
  const char* name = target_->name.c_str();
  state_ = State::ended;
  if (op_ == Op::sync && status == 0 && expected(Promise::fence)) {
    if (const std::size_t left = target_->count_left(submitted_); left > 0)
      report("%s: aio_fsync ended before %zu requests that were accepted earlier", name, left);
  }
  leave_target();
  if (fault_now(Fault::wrong_result)) ++result;
  if (write_ != nullptr) target_->file->end_write(*write_, status == 0);
  if (append_ != nullptr) append_->happened = status == 0;
  if (sent_ != nullptr) sent_->result = result;
  if (taken_ != nullptr && result >= 0) {
    taken_->result = result;
    taken_->data.assign(data_, static_cast<std::size_t>(result));
  }
  if (status != 0 && result != -1) report("%s: status %d and result %zd", name, status, result);
  if (status == 0 && expected_error_ == 0) {
    if (op_ == Op::read && target_->kind == Target::Kind::file && result >= 0)
      target_->file->check_read(data_, offset_, length_, result, submitted_, ended, name);
    return check_success(result);
  }
  if (status == ECANCELED && may_be_cancelled()) return;
  if (status == EAGAIN && target_->nonblocking) return;
  if (status != expected_error_)
    report("%s: a %s of %zu at %lu ended with %s, not %s", name, word(), length_, offset_,
           std::strerror(status), std::strerror(expected_error_));
}

void Item::check_success(ssize_t result) {
  const char* name = target_->name.c_str();
  const auto length = static_cast<ssize_t>(length_);
  if (op_ == Op::sync) {
    if (result != 0) report("%s: a sync's result is %zd", name, result);
  } else if (target_->kind == Target::Kind::counter) {
    std::uint64_t value = 0;
    std::memcpy(&value, data_, sizeof value);
    (op_ == Op::write ? target_->counter->added : target_->counter->taken) += value;
    if (result != length) report("%s: a transfer's result is %zd", name, result);
  } else if (op_ == Op::read) {
    const bool right = target_->kind == Target::Kind::file ||
                       (result <= length && (result > 0 || target_->stream->messages()));
    if (!right) report("%s: a read of %zd gave %zd", name, length, result);
  } else if (result != length) {
    const bool right = target_->kind == Target::Kind::stream_writer && result > 0 &&
                       result < length && !target_->stream->messages() &&
                       (target_->nonblocking || may_be_cancelled());
    if (!right) report("%s: a write of %zd gave %zd", name, length, result);
  }
}

void Item::leave_target() {
  const std::lock_guard lock(target_->mutex);
  std::erase(target_->outstanding, this);
}

void Item::cancel() {
  cancel_tried_ = true;
  const int answer = aio_cancel(block().aio_fildes, &block());
  if (delivered_by_waitcomplete) return;
  const int status = aio_error(&block());
  const char* name = target_->name.c_str();
  if (block().aio_fildes != target_->fd) {
    if (answer != -1 || errno != EBADF)
      report("%s: aio_cancel of no descriptor said %d", name, answer);
  } else if (answer == AIO_CANCELED  ? status != ECANCELED
             : answer == AIO_ALLDONE ? status == EINPROGRESS
                                     : answer != AIO_NOTCANCELED) {
    report("%s: aio_cancel said %d, and the status is %s", name, answer, std::strerror(status));
  }
}

bool Item::release(Chance& chance) {
  if (state_ != State::ended) return false;
  if (ticket_->held != nullptr && !notices::arrived(*ticket_)) return false;
  if (list_ticket_ != nullptr && !notices::arrived(*list_ticket_)) return false;
  const unsigned how = chance.below(3);
  memory_.retire(how == 0   ? GuardedMemory::After::nothing
                 : how == 1 ? GuardedMemory::After::pattern
                            : GuardedMemory::After::no_access);
  state_ = State::idle;
  return true;
}

void Item::describe() {
  report("  %s: %s of %zu at %lu, fd %d, submitted %lu, accepted %ld, status %s, %s",
         target_->name.c_str(), word(), length_, offset_, target_->fd, submitted_,
         static_cast<long>(accepted_.load()), std::strerror(aio_error(&block())),
         name_of(ticket_->way));
}

const char* Item::word() const {
  return op_ == Op::write ? "write" : op_ == Op::read ? "read" : "sync";
}

std::size_t Target::count_left(std::uint64_t moment) {
  const std::lock_guard lock(mutex);
  return static_cast<std::size_t>(std::ranges::count_if(outstanding, [&](Item* item) {
    return item->accepted_at() < moment && item->block().aio_fildes == fd &&
           aio_error(&item->block()) == EINPROGRESS;
  }));
}

void Target::note_cancelled(std::uint64_t ended) {
  for (std::uint64_t last = cancelled_all; last < ended;)
    if (cancelled_all.compare_exchange_weak(last, ended)) break;
  --cancelling;
}

int Target::cancel_all() {
  const std::uint64_t moment = tick();
  ++cancelling;
  if (twin != nullptr) ++twin->cancelling;
  const int answer = aio_cancel(fd, nullptr);
  const std::uint64_t ended = tick();
  note_cancelled(ended);
  if (twin != nullptr) twin->note_cancelled(ended);
  if (answer != AIO_CANCELED && answer != AIO_NOTCANCELED && answer != AIO_ALLDONE)
    report("%s: aio_cancel of all said %d", name.c_str(), answer);
  if (answer == AIO_NOTCANCELED || !expected(Promise::cancel_all_is_exact)) return answer;
  if (const std::size_t left = count_left(moment) + (twin ? twin->count_left(moment) : 0); left > 0)
    report("%s: aio_cancel of all said %s, and %zu are in progress", name.c_str(),
           answer == AIO_CANCELED ? "CANCELED" : "ALLDONE", left);
  return answer;
}

}  // namespace random_test
