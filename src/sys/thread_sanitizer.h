// SPDX-License-Identifier: MIT
// What ThreadSanitizer cannot see: a request goes to the kernel in one thread and
// comes back in another, by io_submit and the completion ring.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define KAIO_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KAIO_THREAD_SANITIZER
#endif
#endif

#ifdef KAIO_THREAD_SANITIZER
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace kaio::sys {

// Everything done before, in this thread, happens before taken_from_kernel(object).
inline void handed_to_kernel([[maybe_unused]] void* object) noexcept {
#ifdef KAIO_THREAD_SANITIZER
  __tsan_release(object);
#endif
}

inline void taken_from_kernel([[maybe_unused]] void* object) noexcept {
#ifdef KAIO_THREAD_SANITIZER
  __tsan_acquire(object);
#endif
}

}  // namespace kaio::sys
