// SPDX-License-Identifier: MIT
#include "posix/notify/thread_state.h"

#include <cerrno>
#include <cfenv>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "sys/clock.h"
#include "sys/direct_call.h"

namespace kaio {
namespace {

constexpr std::int64_t slept_ns = 10'000'000;  // then changes are somebody else's

constexpr int ioprio_who_process = 1;
constexpr int ioprio_class_shift = 13;

std::size_t slot_of(NotifyFunction function, std::size_t slot_count) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(function);
  return (address >> 4 ^ address >> 12) % slot_count;
}

using Path = std::array<char, 4096>;

// FNV-1a.
std::uint64_t hash_of(const Path& path, long length) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : std::string_view(path.data(), static_cast<std::size_t>(length)))
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

// Whether the line of that name has these three numbers first.
bool has_line(std::string_view status, std::string_view name,
              const std::array<std::uint32_t, 3>& numbers) noexcept {
  std::size_t at = status.find(name);
  if (at == status.npos) return true;
  at += name.size();
  for (const std::uint32_t number : numbers) {
    std::uint32_t read = 0;
    const char* const end = status.data() + status.size();
    const auto [after, error] = std::from_chars(status.data() + at, end, read);
    if (error != std::errc() || read != number) return false;
    at = static_cast<std::size_t>(after - status.data()) + 1;
  }
  return true;
}

}  // namespace

void ThreadState::note() noexcept {
  locale_ = ::uselocale(locale_t{});
  floating_point_ = read_floating_point();
  note_attributes();
}

void ThreadState::note_attributes() noexcept {
  scheduling_noted_ = read(scheduling_);
  read(processors_);
  sys::direct_call(SYS_prctl, PR_GET_NAME, name_.data());
  note_seldom();
  const std::int64_t now_ns = sys::monotonic_ns();
  often_.start(now_ns);
  seldom_.start(now_ns);
  often_unseen_ = seldom_unseen_ = false;
}

void ThreadState::note_seldom() noexcept {
  io_priority_ = sys::direct_call(SYS_ioprio_get, ioprio_who_process, 0);
  timer_slack_ns_ = sys::direct_call(SYS_prctl, PR_GET_TIMERSLACK);
  signal_stack_noted_ = sys::direct_call(SYS_sigaltstack, nullptr, &signal_stack_) == 0;
  memory_policy_noted_ = read(memory_policy_);
  identity_ = read_identity();
  directory_ = read_directory();
}

void ThreadState::begin() noexcept {
  often_unseen_ = seldom_unseen_ = true;  // it may end the thread, and not return
  ::pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, nullptr);
  if (::uselocale(locale_t{}) != locale_) ::uselocale(locale_);
  errno = 0;
}

void ThreadState::bring_back_floating_point() noexcept {
  // The exceptions that a calculation has raised stay until they are cleared.
#ifdef __x86_64__
  const FloatingPoint now = read_floating_point();
  std::uint16_t status = 0;
  __asm__ volatile("fnstsw %0" : "=m"(status));
  if (now.vector_control != floating_point_.vector_control)
    __asm__ volatile("ldmxcsr %0" : : "m"(floating_point_.vector_control));
  if (now.control != floating_point_.control || (status & 0x3f) != 0)
    __asm__ volatile("fnclex; fldcw %0" : : "m"(floating_point_.control));
#else
  std::fesetenv(FE_DFL_ENV);
#endif
}

bool ThreadState::end(NotifyFunction function) noexcept {
  bring_back_floating_point();
  Known& known = known_[slot_of(function, known_.size())];
  if (known.function != function) known = {.function = function};
  const std::int64_t now_ns = sys::monotonic_ns();
  const bool is_known = known.clean_look_count >= looks_until_known_;
  if (is_known && !often_.due(now_ns)) return true;
  bool changed = false;
  const bool as_it_was = look(now_ns, !is_known, changed);
  if (!changed) {
    known.clean_look_count = std::min(known.clean_look_count + 1, looks_until_known_);
  } else {
    known_.fill({});
    looks_until_known_ = limits::looks_until_known_after_a_change;
  }
  return as_it_was;
}

bool ThreadState::resume() noexcept {
  const std::int64_t now_ns = sys::monotonic_ns();
  bool changed = false;
  if ((often_unseen_ && often_.due(now_ns)) || (seldom_unseen_ && seldom_.due(now_ns)))
    return look(now_ns, false, changed);
  if (!often_unseen_ && !seldom_unseen_ && now_ns - often_.last_ns() >= slept_ns) note_attributes();
  return true;
}

bool ThreadState::bring_back() noexcept {
  bring_back_floating_point();
  bool changed = false;
  return !(often_unseen_ || seldom_unseen_) || look(sys::monotonic_ns(), true, changed);
}

bool ThreadState::look(std::int64_t now_ns, bool at_all, bool& changed) noexcept {
  if (!bring_back_often(changed)) return false;
  const std::int64_t then_ns = sys::monotonic_ns();
  often_.spend(now_ns, then_ns);
  often_unseen_ = false;
  // A callback that has changed one thing may have changed others.
  if (!seldom_unseen_ || !(at_all || changed || seldom_.due(then_ns))) return true;
  if (!bring_back_seldom(changed)) return false;
  seldom_.spend(then_ns, sys::monotonic_ns());
  seldom_unseen_ = false;
  return true;
}

bool ThreadState::bring_back_often(bool& changed) noexcept {
  if (!bring_back_scheduling(changed) || !bring_back_processors(changed)) return false;
  bring_back_name(changed);
  return true;
}

bool ThreadState::bring_back_scheduling(bool& changed) noexcept {
  Scheduling now{};
  if (!scheduling_noted_ || !read(now) || now == scheduling_) return true;
  changed = true;
  // By the C library first, which remembers what it was told and tells it again.
  const sched_param parameters{.sched_priority = static_cast<int>(scheduling_.priority)};
  ::pthread_setschedparam(::pthread_self(), static_cast<int>(scheduling_.policy), &parameters);
  sys::direct_call(SYS_sched_setattr, 0, &scheduling_, 0);
  return read(now) && now == scheduling_;
}

bool ThreadState::bring_back_processors(bool& changed) noexcept {
  Processors now;
  read(now);
  const auto same = [&] {
    return now.size_bytes == processors_.size_bytes &&
           std::memcmp(now.words.data(), processors_.words.data(),
                       static_cast<std::size_t>(now.size_bytes)) == 0;
  };
  if (now.size_bytes < 0 || processors_.size_bytes < 0 || same()) return true;
  changed = true;
  const long outcome =
      sys::direct_call(SYS_sched_setaffinity, 0, processors_.size_bytes, processors_.words.data());
  if (outcome != 0 && outcome != -EINVAL) return false;
  read(now);
  // Processors that the process has lost meanwhile (cpuset, hotplug) are nobody's to bring back.
  if (now.size_bytes >= 0 && !same()) processors_ = now;
  return true;
}

void ThreadState::bring_back_name(bool& changed) noexcept {
  std::array<char, 16> now{};
  if (sys::direct_call(SYS_prctl, PR_GET_NAME, now.data()) != 0) return;
  if (std::strncmp(now.data(), name_.data(), name_.size()) == 0) return;
  changed = true;
  sys::direct_call(SYS_prctl, PR_SET_NAME, name_.data());
}

bool ThreadState::bring_back_seldom(bool& changed) noexcept {
  const long io_priority = sys::direct_call(SYS_ioprio_get, ioprio_who_process, 0);
  if (io_priority >= 0 && io_priority_ >= 0 && io_priority != io_priority_) {
    changed = true;
    // Of no class, as a thread is that never asked for one, there is no level to set.
    const bool of_a_class = io_priority_ >> ioprio_class_shift != 0;
    if (sys::direct_call(SYS_ioprio_set, ioprio_who_process, 0, of_a_class ? io_priority_ : 0) != 0)
      return false;
  }
  const long timer_slack_ns = sys::direct_call(SYS_prctl, PR_GET_TIMERSLACK);
  if (timer_slack_ns > 0 && timer_slack_ns_ > 0 && timer_slack_ns != timer_slack_ns_) {
    changed = true;
    sys::direct_call(SYS_prctl, PR_SET_TIMERSLACK, timer_slack_ns_);
  }
  stack_t signal_stack{};
  if (signal_stack_noted_ && sys::direct_call(SYS_sigaltstack, nullptr, &signal_stack) == 0 &&
      (signal_stack.ss_sp != signal_stack_.ss_sp || signal_stack.ss_size != signal_stack_.ss_size ||
       signal_stack.ss_flags != signal_stack_.ss_flags)) {
    changed = true;
    if (sys::direct_call(SYS_sigaltstack, &signal_stack_, nullptr) != 0) return false;
  }
  MemoryPolicy memory_policy{};
  if (memory_policy_noted_ && read(memory_policy) && memory_policy != memory_policy_) {
    changed = true;
    if (sys::direct_call(SYS_set_mempolicy, memory_policy_.mode, memory_policy_.nodes.data(),
                         8 * sizeof memory_policy_.nodes + 1) != 0)
      return false;
  }
  return same_identity() && same_directory();
}

// One that the whole process has taken is as good as the one before.
bool ThreadState::same_identity() noexcept {
  const Identity identity = read_identity();
  if (identity == identity_) return true;
  if (identity.securebits != identity_.securebits || !is_of_the_process(identity)) return false;
  identity_ = identity;
  return true;
}

// Likewise: the main thread is there too.
bool ThreadState::same_directory() noexcept {
  const std::uint64_t directory = read_directory();
  if (directory == directory_) return true;
  Path path;
  const long length =
      sys::direct_call(SYS_readlinkat, AT_FDCWD, "/proc/self/cwd", path.data(), path.size());
  if (length > 0 && hash_of(path, length) != directory) return false;
  directory_ = directory;
  return true;
}

bool ThreadState::read(Scheduling& scheduling) noexcept {
  return sys::direct_call(SYS_sched_getattr, 0, &scheduling, sizeof scheduling, 0) == 0;
}

void ThreadState::read(Processors& processors) noexcept {
  processors.size_bytes =
      sys::direct_call(SYS_sched_getaffinity, 0, sizeof processors.words, processors.words.data());
}

bool ThreadState::read(MemoryPolicy& policy) noexcept {
  return sys::direct_call(SYS_get_mempolicy, &policy.mode, policy.nodes.data(),
                          8 * sizeof policy.nodes + 1, nullptr, 0) == 0;
}

ThreadState::Identity ThreadState::read_identity() noexcept {
  Identity identity{};
  auto& [users, groups, securebits] = identity;
  sys::direct_call(SYS_getresuid, &users[0], &users[1], &users[2]);
  sys::direct_call(SYS_getresgid, &groups[0], &groups[1], &groups[2]);
  securebits = sys::direct_call(SYS_prctl, PR_GET_SECUREBITS);
  return identity;
}

// By what the kernel says of the main thread; if it does not say anything, yes.
bool ThreadState::is_of_the_process(const Identity& identity) noexcept {
  std::array<char, 2048> text;
  const long fd =
      sys::direct_call(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return true;
  const long size_bytes = sys::direct_call(SYS_read, fd, text.data(), text.size());
  sys::direct_call(SYS_close, fd);
  if (size_bytes <= 0) return true;
  const std::string_view status(text.data(), static_cast<std::size_t>(size_bytes));
  return has_line(status, "\nUid:\t", identity.users) &&
         has_line(status, "\nGid:\t", identity.groups);
}

// 0 when there is none to be read.
std::uint64_t ThreadState::read_directory() noexcept {
  Path path;
  const long size_bytes = sys::direct_call(SYS_getcwd, path.data(), path.size());
  return size_bytes <= 0 ? 0 : hash_of(path, size_bytes - 1);
}

ThreadState::FloatingPoint ThreadState::read_floating_point() noexcept {
  FloatingPoint state;
#ifdef __x86_64__
  __asm__ volatile("stmxcsr %0" : "=m"(state.vector_control));
  __asm__ volatile("fnstcw %0" : "=m"(state.control));
#endif
  return state;
}

}  // namespace kaio
