// SPDX-License-Identifier: MIT
#include "kernel_aio.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <sys/syscall.h>
#include <unistd.h>

namespace kernel_aio {

namespace {

int count_or_error(long answer) { return answer < 0 ? -errno : static_cast<int>(answer); }

iocb make(std::uint16_t opcode, int descriptor, const void* buffer, std::size_t size,
          std::int64_t offset) {
  iocb block;
  std::memset(&block, 0, sizeof block);
  block.aio_lio_opcode = opcode;
  block.aio_fildes = static_cast<std::uint32_t>(descriptor);
  block.aio_buf = reinterpret_cast<std::uint64_t>(buffer);
  block.aio_nbytes = size;
  block.aio_offset = offset;
  return block;
}

timespec to_timespec(std::chrono::milliseconds span) {
  return {span.count() / 1000, (span.count() % 1000) * 1'000'000};
}

}  // namespace

int setup(unsigned asked_count, aio_context_t* context) {
  return count_or_error(::syscall(SYS_io_setup, asked_count, context));
}

int destroy(aio_context_t context) { return count_or_error(::syscall(SYS_io_destroy, context)); }

int submit(aio_context_t context, const std::vector<iocb*>& iocbs) {
  return count_or_error(
      ::syscall(SYS_io_submit, context, static_cast<long>(iocbs.size()), iocbs.data()));
}

int cancel(aio_context_t context, iocb& block) {
  io_event event;
  return count_or_error(::syscall(SYS_io_cancel, context, &block, &event));
}

iocb read_block(int descriptor, void* buffer, std::size_t size_bytes, std::int64_t offset) {
  return make(IOCB_CMD_PREAD, descriptor, buffer, size_bytes, offset);
}

iocb write_block(int descriptor, const void* buffer, std::size_t size_bytes, std::int64_t offset) {
  return make(IOCB_CMD_PWRITE, descriptor, buffer, size_bytes, offset);
}

iocb readv_block(int descriptor, const iovec* vector, std::size_t count, std::int64_t offset) {
  return make(IOCB_CMD_PREADV, descriptor, vector, count, offset);
}

iocb fsync_block(int descriptor, bool data_only) {
  return make(data_only ? IOCB_CMD_FDSYNC : IOCB_CMD_FSYNC, descriptor, nullptr, 0, 0);
}

iocb poll_block(int descriptor, short events) {
  iocb block = make(5 /* IOCB_CMD_POLL, Linux 4.18 */, descriptor, nullptr, 0, 0);
  block.aio_buf = static_cast<std::uint16_t>(events);
  return block;
}

iocb with_flags(iocb block, std::uint32_t flags) {
  block.aio_rw_flags = static_cast<__kernel_rwf_t>(flags);
  return block;
}

iocb with_eventfd(iocb block, int eventfd_descriptor) {
  block.aio_flags |= IOCB_FLAG_RESFD;
  block.aio_resfd = static_cast<std::uint32_t>(eventfd_descriptor);
  return block;
}

Context::Context(unsigned asked_count) {
  if (const int error = setup(asked_count, &id_); error < 0)
    throw std::runtime_error{std::string{"io_setup: "} + std::strerror(-error)};
}

Context::~Context() { destroy(id_); }

const io_event* Context::ring_events() const {
  return reinterpret_cast<const io_event*>(id_ + header().header_bytes);
}

int Context::get_events(long min_count, long max_count, std::chrono::milliseconds timeout,
                        io_event* events) {
  const timespec limit = to_timespec(timeout);
  return count_or_error(::syscall(SYS_io_getevents, id_, min_count, max_count, events,
                                  timeout.count() < 0 ? nullptr : &limit));
}

int Context::get_events_masked(long min_count, long max_count, std::chrono::milliseconds timeout,
                               io_event* events, const sigset_t* mask) {
  // The kernel's set is 8 bytes of glibc's 128.
  struct {
    const sigset_t* set;
    std::size_t size_bytes;
  } const signal_mask{mask, 8};
  const timespec limit = to_timespec(timeout);
  return count_or_error(::syscall(SYS_io_pgetevents, id_, min_count, max_count, events,
                                  timeout.count() < 0 ? nullptr : &limit, &signal_mask));
}

std::int64_t Context::reap_one(std::chrono::milliseconds timeout) {
  io_event event;
  const int count = get_events(1, 1, timeout, &event);
  return count == 1 ? event.res : nothing;
}

std::int64_t Context::carry_out(iocb block) {
  if (const int taken = submit(block); taken != 1) return taken;
  return reap_one();
}

}  // namespace kernel_aio
