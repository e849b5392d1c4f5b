// SPDX-License-Identifier: MIT
//
// Kernel AIO as the kernel offers it: raw system calls and iocb fields, nothing
// of the library's and nothing of libaio's. What fails here is the kernel's
// doing. Functions return a count, or the negative of an error number.
#pragma once

#include <linux/aio_abi.h>
#include <poll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <csignal>
#include <sys/uio.h>
#include <vector>

namespace kernel_aio {

// Flags that the headers of this distribution may be too old to know.
inline constexpr std::uint32_t rwf_hipri = 0x01;
inline constexpr std::uint32_t rwf_dsync = 0x02;
inline constexpr std::uint32_t rwf_nowait = 0x08;
inline constexpr std::uint32_t rwf_append = 0x10;
inline constexpr std::uint32_t rwf_nosignal = 0x100;  // Linux 6.18
inline constexpr std::uint32_t rwf_unknown = 0x40000000;

int setup(unsigned asked_count, aio_context_t* context);
int destroy(aio_context_t context);
int submit(aio_context_t context, const std::vector<iocb*>& iocbs);
int cancel(aio_context_t context, iocb& block);

iocb read_block(int descriptor, void* buffer, std::size_t size_bytes, std::int64_t offset = 0);
iocb write_block(int descriptor, const void* buffer, std::size_t size_bytes,
                 std::int64_t offset = 0);
iocb readv_block(int descriptor, const iovec* vector, std::size_t count, std::int64_t offset = 0);
iocb fsync_block(int descriptor, bool data_only = false);
iocb poll_block(int descriptor, short events);
iocb with_flags(iocb block, std::uint32_t flags);
iocb with_eventfd(iocb block, int eventfd_descriptor);

// The ring's header as the kernel lays it out in our memory.
struct RingHeader {
  std::uint32_t id;
  std::uint32_t slot_count;
  std::uint32_t head;  // read by the kernel, moved by whoever reaps
  std::uint32_t tail;  // moved by the kernel
  std::uint32_t magic;
  std::uint32_t compat_features;
  std::uint32_t incompat_features;
  std::uint32_t header_bytes;
};
inline constexpr std::uint32_t ring_magic = 0xa10a10a1;

// A context that is destroyed with the object. Not thread-safe in itself; the
// kernel's calls are.
class Context {
 public:
  explicit Context(unsigned asked_count = 8);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  aio_context_t id() const { return id_; }
  RingHeader& header() const { return *reinterpret_cast<RingHeader*>(id_); }
  const io_event* ring_events() const;

  int submit(iocb& block) { return kernel_aio::submit(id_, {&block}); }
  int submit(const std::vector<iocb*>& blocks) { return kernel_aio::submit(id_, blocks); }
  int cancel(iocb& block) { return kernel_aio::cancel(id_, block); }

  // io_getevents(); a negative timeout waits for ever.
  int get_events(long min_count, long max_count, std::chrono::milliseconds timeout,
                 io_event* events);
  // io_pgetevents() with this signal mask while it waits.
  int get_events_masked(long min_count, long max_count, std::chrono::milliseconds timeout,
                        io_event* events, const sigset_t* mask);

  // The next event's result, waited for at most `timeout`; `nothing` if none.
  static constexpr std::int64_t nothing = INT64_MIN;
  std::int64_t reap_one(std::chrono::milliseconds timeout = std::chrono::seconds{5});

  // Submits and waits: the error of io_submit, else the event's result.
  std::int64_t carry_out(iocb block);

 private:
  aio_context_t id_ = 0;
};

}  // namespace kernel_aio
