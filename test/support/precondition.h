// SPDX-License-Identifier: MIT
// Questions that decide whether a case applies here, for Boost's
// `precondition` decorator. A case that is left out is named on stderr.
#pragma once

#include <boost/test/tree/decorator.hpp>

#include <functional>
#include <initializer_list>
#include <string>

namespace support {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KAIO_TEST_SANITIZED 1
#elif defined(__has_feature)
#define KAIO_TEST_SANITIZED                                               \
  (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
   __has_feature(undefined_behavior_sanitizer))
#else
#define KAIO_TEST_SANITIZED 0
#endif
inline constexpr bool sanitized = KAIO_TEST_SANITIZED != 0;

// ThreadSanitizer holds signals up, and loses what is queued behind one of the same
// number; it cannot see that a request was made before its signal is handled.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool thread_sanitized = true;
#elif defined(__has_feature)
inline constexpr bool thread_sanitized = __has_feature(thread_sanitizer);
#else
inline constexpr bool thread_sanitized = false;
#endif

// The way requests are made to take in this run: environment KAIO_ROUTE.
enum class Route { automatic, kernel, poll, pool };
Route route();

using Precondition = boost::unit_test::precondition;

Precondition only_if(std::function<bool()> applies, std::string reason);

Precondition as_root();
Precondition without_sanitizer();
Precondition on_route(std::initializer_list<Route> routes);
Precondition with_direct_io();
Precondition with_the_ring();
Precondition with_late_memory();
// No handler of the process lacks SA_RESTART (sanitizers install some).
Precondition where_all_handlers_restart();
Precondition from_kernel(int major, int minor);
// For what newer kernels do otherwise, which another case tests.
Precondition before_kernel(int major, int minor);
bool kernel_is_at_least(int major, int minor);

// Once at the start: which kinds of descriptor the parametrised cases miss.
void say_what_is_left_out();
bool is_root();

}  // namespace support
