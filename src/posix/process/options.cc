// SPDX-License-Identifier: MIT
#include "posix/process/options.h"

#include <charconv>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace kaio {
namespace {

bool parse_number(std::string_view text, unsigned minimum, unsigned maximum, unsigned& number) {
  unsigned parsed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  if (parsed < minimum || parsed > maximum) return false;
  number = parsed;
  return true;
}

bool parse_switch(std::string_view text, bool& value) {
  if (text != "0" && text != "1") return false;
  value = text == "1";
  return true;
}

bool parse_route(std::string_view text, Route& route) {
  constexpr std::string_view names[] = {"auto", "kernel", "poll", "pool"};
  for (std::size_t i = 0; i < std::size(names); ++i) {
    if (text != names[i]) continue;
    route = static_cast<Route>(i);
    return true;
  }
  return false;
}

struct Option {
  std::string_view name;
  const char* environment;
  const char* values;
  // One of the two.
  bool (*set_fixed)(FixedOptions& options, std::string_view value);
  bool (*set)(Options& options, std::string_view value);
};

const Option known_options[] = {
    {"route", "KAIO_ROUTE", "auto, kernel, poll or pool",
     [](FixedOptions& options, std::string_view value) {
       return parse_route(value, options.route);
     },
     nullptr},
    {"queue_depth", "KAIO_QUEUE_DEPTH", "a number from 1 to 65536",
     [](FixedOptions& options, std::string_view value) {
       return parse_number(value, limits::queue_depth_min, limits::queue_depth_max,
                           options.kernel.queue_depth);
     },
     nullptr},
    {"ring", "KAIO_RING", "0 or 1",
     [](FixedOptions& options, std::string_view value) {
       return parse_switch(value, options.kernel.read_ring);
     },
     nullptr},
    {"threads", "KAIO_THREADS", "a number from 1 to 4096", nullptr,
     [](Options& options, std::string_view value) {
       unsigned threads = 0;
       if (!parse_number(value, 1, limits::pool_threads_max, threads)) return false;
       options.threads = threads;
       return true;
     }},
    {"idle_time", "KAIO_IDLE_TIME", "a number of seconds from 0 to 86400", nullptr,
     [](Options& options, std::string_view value) {
       unsigned seconds = 0;
       if (!parse_number(value, 0, 86400, seconds)) return false;
       options.idle_seconds = static_cast<int>(seconds);
       return true;
     }},
    {"spin_time", "KAIO_SPIN_TIME", "auto, or a number of microseconds from 0 to 1000000", nullptr,
     [](Options& options, std::string_view value) {
       unsigned spin_us = 0;
       if (value == "auto") {
         options.spin_us = limits::spin_us_auto;
         return true;
       }
       if (!parse_number(value, 0, 1'000'000, spin_us)) return false;
       options.spin_us = static_cast<int>(spin_us);
       return true;
     }},
    {"strict", "KAIO_STRICT", "0 or 1", nullptr,
     [](Options& options, std::string_view value) {
       bool strict = false;
       if (!parse_switch(value, strict)) return false;
       options.strict = strict;
       return true;
     }},
    {"stats", "KAIO_STATS", "0 or 1", nullptr,
     [](Options& options, std::string_view value) {
       bool print = false;
       if (!parse_switch(value, print)) return false;
       options.print_statistics = print;
       return true;
     }},
    {"log", "KAIO_LOG", "0 or 1", nullptr,
     [](Options& options, std::string_view value) {
       bool log = false;
       if (!parse_switch(value, log)) return false;
       options.log = log;
       return true;
     }},
    {"callback_threads", "KAIO_CALLBACK_THREADS", "reuse or fresh", nullptr,
     [](Options& options, std::string_view value) {
       if (value != "reuse" && value != "fresh") return false;
       options.fresh_callback_threads = value == "fresh";
       return true;
     }},
};

const Option* find_option(std::string_view name) {
  for (const Option& option : known_options)
    if (option.name == name) return &option;
  return nullptr;
}

}  // namespace

int Options::set(std::string_view name, std::string_view value) noexcept {
  const Option* option = find_option(name);
  if (option == nullptr) return EINVAL;
  if (option->set != nullptr) return option->set(*this, value) ? 0 : EINVAL;
  std::uint32_t now = fixed_.load(std::memory_order_relaxed);
  FixedOptions changed;
  do {
    if ((now & frozen) != 0) return EBUSY;
    changed = unpacked(now);
    if (!option->set_fixed(changed, value)) return EINVAL;
  } while (!fixed_.compare_exchange_weak(now, packed(changed), std::memory_order_relaxed,
                                         std::memory_order_relaxed));
  return 0;
}

void Options::read_environment(const sys::StandardError& errors) noexcept {
  for (const Option& option : known_options) {
    const char* value = std::getenv(option.environment);
    if (value == nullptr || *value == '\0' || set(option.name, value) == 0) continue;
    char message[512];
    const int size =
        std::snprintf(message, sizeof message, "kaio: %s=%.200s is ignored: it has to be %s\n",
                      option.environment, value, option.values);
    // Not before the first request: by then 2 may be a file of the program's.
    errors.write(message, static_cast<std::size_t>(size));
  }
}

namespace {

constinit sys::StandardError at_start;

[[gnu::constructor]] void remember_it() noexcept { at_start.remember(sys::KeepCopy::no); }

}  // namespace

const sys::StandardError& standard_error_at_start() noexcept { return at_start; }

Options& options() noexcept {
  // Never destroyed: requests may be made after static destructors have run.
  alignas(Options) static std::byte storage[sizeof(Options)];
  static Options* const instance = [] {
    auto* made = new (storage) Options;
    made->read_environment();
    return made;
  }();
  return *instance;
}

}  // namespace kaio
