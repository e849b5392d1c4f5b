// SPDX-License-Identifier: MIT
// Names for clang's thread-safety analysis (-Wthread-safety); nothing elsewhere.
#pragma once

#if defined(__clang__)
#define KAIO_ATTRIBUTE(x) __attribute__((x))
#else
#define KAIO_ATTRIBUTE(x)
#endif

#define CAPABILITY(name) KAIO_ATTRIBUTE(capability(name))
#define SCOPED_CAPABILITY KAIO_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(lock) KAIO_ATTRIBUTE(guarded_by(lock))
#define REQUIRES(...) KAIO_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) KAIO_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) KAIO_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) KAIO_ATTRIBUTE(release_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) KAIO_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define ASSERT_CAPABILITY(lock) KAIO_ATTRIBUTE(assert_capability(lock))
#define NO_THREAD_SAFETY_ANALYSIS KAIO_ATTRIBUTE(no_thread_safety_analysis)
