// SPDX-License-Identifier: MIT
#include "engine/faulty_kernel.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/fs.h>
#include <mutex>
#include <optional>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>

#include "engine/alignment.h"
#include "engine/unsynced_writes.h"
#include "sys/doorbell.h"

namespace kaio::testing {
namespace {

std::uint32_t rw_flags_of(const iocb& control) noexcept {
  std::uint32_t flags = 0;
  std::memcpy(&flags, reinterpret_cast<const char*>(&control) + offsetof(iocb, key) + 4,
              sizeof flags);
  return flags;
}

bool is_sync(const iocb& control) noexcept {
  return control.aio_lio_opcode == IO_CMD_FSYNC || control.aio_lio_opcode == IO_CMD_FDSYNC;
}
bool is_write(const iocb& control) noexcept {
  return control.aio_lio_opcode == IO_CMD_PWRITE || control.aio_lio_opcode == IO_CMD_PWRITEV;
}
bool is_poll(const iocb& control) noexcept { return control.aio_lio_opcode == IO_CMD_POLL; }

std::vector<iovec> parts_of(const iocb& control) {
  if (control.aio_lio_opcode == IO_CMD_PREAD || control.aio_lio_opcode == IO_CMD_PWRITE)
    return {{.iov_base = control.u.c.buf, .iov_len = control.u.c.nbytes}};
  const auto* const parts = static_cast<const iovec*>(control.u.c.buf);
  return {parts, parts + control.u.c.nbytes};
}

std::size_t bytes_of(const std::vector<iovec>& parts) noexcept {
  std::size_t size_bytes = 0;
  for (const iovec& part : parts) size_bytes += part.iov_len;
  return size_bytes;
}

void shorten(std::vector<iovec>& parts, std::size_t size_bytes) noexcept {
  for (iovec& part : parts) {
    part.iov_len = std::min(part.iov_len, size_bytes);
    size_bytes -= part.iov_len;
  }
}

// Whole ones of these are what a device transfers.
std::size_t unit_of(int fd) noexcept {
  constexpr std::size_t sector_bytes = 512;
  const FileFacts facts = read_traits(fd);
  if (!facts.traits.direct) return sector_bytes;
  const Alignment alignment = engine::direct_alignment(fd, facts);
  return std::max(alignment.read_bytes, alignment.overwrite_bytes);
}

// Where a write goes: to the end of the file, if it appends.
std::uint64_t place_of(const iocb& control) noexcept {
  const IoOperation write{.rw_flags = static_cast<std::uint16_t>(rw_flags_of(control)),
                          .opcode = Opcode::write};
  struct stat status {};
  if (appends(write, read_traits(control.aio_fildes).traits) &&
      ::fstat(control.aio_fildes, &status) == 0)
    return static_cast<std::uint64_t>(status.st_size);
  return static_cast<std::uint64_t>(control.u.c.offset);
}

std::vector<char> joined(const std::vector<iovec>& parts) {
  std::vector<char> data;
  for (const iovec& part : parts) {
    const auto* const bytes = static_cast<const char*>(part.iov_base);
    data.insert(data.end(), bytes, bytes + part.iov_len);
  }
  return data;
}

}  // namespace

// Any thread may use it: helper threads submit too.
class FaultyContext final : public AioContext {
 public:
  explicit FaultyContext(const FaultOptions& options) : options_(options), chance_(options.seed) {
    if (!submitted_.ensure())
      throw std::system_error(errno, std::system_category(), "kaio::testing::FaultyKernel");
  }

  bool available() noexcept override { return true; }
  int refusal() const noexcept override { return 0; }
  void give_up(int) noexcept override {}
  std::uint32_t capacity() const noexcept override { return options_.depth + 1; }
  bool has_nosignal() const noexcept override { return false; }

  int submit(std::span<iocb*> iocbs) noexcept override {
    const std::lock_guard lock(mutex_);
    int taken = 0;
    for (iocb* control : iocbs) {
      if (const int error_number = refusal_of(*control)) {
        if (taken != 0) break;  // the kernel says why when that one is the first
        ++counts_.refused;
        if (refuse_ && refuse_->left == 0) refuse_.reset();
        return -error_number;
      }
      if (refuse_ && !is_poll(*control)) --refuse_->left;
      pending_.push_back({.control = control, .due_turn = turn_ + 1 + delay()});
      counts_.submitted += !is_poll(*control);
      ++taken;
    }
    if (taken != 0) submitted_.signal();
    return taken;
  }

  std::size_t take_events(std::span<io_event> events) noexcept override {
    const std::lock_guard lock(mutex_);
    ++turn_;
    return take_due(events);
  }

  // Time is the number of looks: it passes as fast as it has to.
  int get_events(long min_count, std::span<io_event> events, const timespec* timeout) override {
    for (;;) {
      std::vector<pollfd> polls;
      {
        const std::lock_guard lock(mutex_);
        ++turn_;
        const std::size_t count = take_due(events);
        if (count != 0 || min_count == 0) return static_cast<int>(count);
        if (has_transfers()) continue;
        submitted_.clear();
        polls.push_back({.fd = submitted_.number(), .events = POLLIN, .revents = 0});
        for (const Pending& pending : pending_) polls.push_back(poll_of(*pending.control));
      }
      const int ready = ::ppoll(polls.data(), polls.size(), timeout, nullptr);
      if (ready <= 0) return ready == 0 ? 0 : -errno;
    }
  }

  bool cancel(iocb& control) noexcept override {
    const std::lock_guard lock(mutex_);
    for (Pending& pending : pending_)
      if (pending.control == &control && is_poll(control)) return pending.is_cancelled = true;
    return false;
  }

  void refuse(std::uint64_t number, int error_number) {
    const std::lock_guard lock(mutex_);
    refuse_ = {number, error_number};
  }
  void fail(std::uint64_t number, int error_number) {
    const std::lock_guard lock(mutex_);
    fail_ = {number, error_number};
  }
  void fail_sync(int error_number) {
    const std::lock_guard lock(mutex_);
    sync_error_ = error_number;
  }
  void cut_power() {
    const std::lock_guard lock(mutex_);
    has_power_ = false;
  }
  void lose_unsynced() {
    const std::lock_guard lock(mutex_);
    has_power_ = true;
    unsynced_.lose(chance_, options_.torn, counts_);
  }
  FaultyKernel::Counts counts() const {
    const std::lock_guard lock(mutex_);
    FaultyKernel::Counts now = counts_;
    now.unsynced_writes = unsynced_.count();
    return now;
  }

 private:
  struct Pending {
    iocb* control;
    std::uint64_t due_turn;
    bool is_cancelled = false;
  };
  // What is to happen to one of those that come.
  struct Planned {
    std::uint64_t left;
    int error_number;
  };

  static pollfd poll_of(const iocb& control) noexcept {
    return {.fd = control.aio_fildes,
            .events = static_cast<short>(reinterpret_cast<std::uintptr_t>(control.u.c.buf)),
            .revents = 0};
  }

  bool happens(double probability) { return std::bernoulli_distribution(probability)(chance_); }
  std::uint64_t below(std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(chance_);
  }
  std::uint64_t delay() { return below(std::uint64_t{options_.delay_turns_max} + 1); }

  // The error number, if its time has come.
  static int take_planned(std::optional<Planned>& planned) noexcept {
    if (!planned || planned->left-- != 0) return 0;
    const int error_number = planned->error_number;
    planned.reset();
    return error_number;
  }

  int refusal_of(const iocb& control) {
    if (pending_.size() >= capacity()) return EAGAIN;
    if (is_poll(control)) return 0;
    if (refuse_ && refuse_->left == 0) return refuse_->error_number;
    // With nothing under way the kernel has room.
    return has_transfers() && happens(options_.refusals) ? EAGAIN : 0;
  }

  bool has_transfers() const noexcept {
    return std::ranges::any_of(pending_, [](const Pending& one) { return !is_poll(*one.control); });
  }

  std::size_t take_due(std::span<io_event> events) {
    std::vector<Pending> due;
    for (auto place = pending_.begin(); place != pending_.end();) {
      if (due.size() < events.size() && is_due(*place)) {
        due.push_back(*place);
        place = pending_.erase(place);
      } else {
        ++place;
      }
    }
    if (options_.reorder) std::ranges::shuffle(due, chance_);
    for (std::size_t i = 0; i < due.size(); ++i) {
      const long outcome = carry_out(due[i]);
      events[i] = {};
      events[i].data = due[i].control->data;
      events[i].obj = due[i].control;
      events[i].res = static_cast<unsigned long>(outcome);
    }
    return due.size();
  }

  bool is_due(const Pending& pending) const noexcept {
    if (!is_poll(*pending.control)) return pending.due_turn <= turn_;
    pollfd look = poll_of(*pending.control);
    return pending.is_cancelled || ::poll(&look, 1, 0) > 0;
  }

  long carry_out(const Pending& pending) {
    const iocb& control = *pending.control;
    if (is_poll(control)) {
      pollfd look = poll_of(control);
      ::poll(&look, 1, 0);
      return look.revents;
    }
    ++counts_.completed;
    if (!has_power_) return -EIO;
    int error_number = take_planned(fail_);
    const double errors = is_sync(control) ? options_.sync_errors : options_.errors;
    if (error_number == 0 && happens(errors)) error_number = options_.error_number;
    if (is_sync(control)) return sync(control, error_number);
    if (error_number != 0) {
      ++counts_.failed;
      return -error_number;
    }
    if ((rw_flags_of(control) & RWF_NOWAIT) != 0 && happens(options_.would_block)) {
      ++counts_.would_block;
      return -EAGAIN;
    }
    return transfer(control);
  }

  long sync(const iocb& control, int error_number) {
    if (sync_error_ != 0) error_number = std::exchange(sync_error_, 0);
    if (error_number != 0) {
      ++counts_.failed;
      return -error_number;
    }
    if (::fdatasync(control.aio_fildes) != 0) return -errno;
    unsynced_.synced(control.aio_fildes);
    return 0;
  }

  long transfer(const iocb& control) {
    std::vector<iovec> parts = parts_of(control);
    const int fd = control.aio_fildes;
    const std::size_t unit_bytes = options_.short_transfers > 0 ? unit_of(fd) : bytes_of(parts);
    const std::size_t unit_count = bytes_of(parts) / unit_bytes;
    if (unit_count > 1 && happens(options_.short_transfers)) {
      ++counts_.shortened;
      shorten(parts, (1 + below(unit_count - 1)) * unit_bytes);
    }
    const auto count = static_cast<int>(parts.size());
    const std::uint32_t flags = rw_flags_of(control) & ~std::uint32_t{RWF_NOWAIT};
    const auto offset_bytes = static_cast<off_t>(control.u.c.offset);
    if (!is_write(control)) {
      const ssize_t done =
          ::preadv2(fd, parts.data(), count, offset_bytes, static_cast<int>(flags));
      return done < 0 ? -errno : done;
    }
    unsynced_.about_to_write(fd, place_of(control), bytes_of(parts));
    const ssize_t done = ::pwritev2(fd, parts.data(), count, offset_bytes, static_cast<int>(flags));
    const int error_number = errno;
    unsynced_.written(joined(parts).data(), done > 0 ? static_cast<std::size_t>(done) : 0,
                      (flags & (RWF_DSYNC | RWF_SYNC)) != 0);
    return done < 0 ? -error_number : done;
  }

  const FaultOptions options_;
  mutable std::mutex mutex_;
  std::mt19937_64 chance_;
  std::vector<Pending> pending_;
  std::uint64_t turn_ = 0;
  std::optional<Planned> refuse_, fail_;
  int sync_error_ = 0;
  sys::Doorbell submitted_;  // to whoever waits for events: there will be some
  bool has_power_ = true;
  UnsyncedWrites unsynced_;
  FaultyKernel::Counts counts_;
};

AioContext& context_of(FaultyKernel& kernel) noexcept { return kernel.context(); }

FaultyKernel::FaultyKernel(const FaultOptions& options)
    : context_(std::make_unique<FaultyContext>(options)) {}
FaultyKernel::~FaultyKernel() = default;

void FaultyKernel::refuse(std::uint64_t number, int error_number) {
  context_->refuse(number, error_number);
}
void FaultyKernel::fail(std::uint64_t number, int error_number) {
  context_->fail(number, error_number);
}
void FaultyKernel::fail_sync(int error_number) { context_->fail_sync(error_number); }
void FaultyKernel::cut_power() { context_->cut_power(); }
void FaultyKernel::lose_unsynced() { context_->lose_unsynced(); }
FaultyKernel::Counts FaultyKernel::counts() const { return context_->counts(); }

}  // namespace kaio::testing
