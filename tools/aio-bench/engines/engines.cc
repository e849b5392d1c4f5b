// SPDX-License-Identifier: MIT
#include "engines/engines.h"

#include "engines/blocking_engines.h"
#include "engines/libaio_engine.h"
#include "engines/posix_engine.h"
#include "engines/uring_engine.h"

#include <algorithm>

namespace aio_bench {

namespace {

struct Description {
  const char* name;
  const char* text;
  std::vector<Notify> notifies;
  bool has_vectors;
  const char* counted_calls;
};

const std::vector<Description>& descriptions() {
  using enum Notify;
  static const std::vector<Description> all{
      {"glibc", "POSIX AIO of the C library", {suspend, poll, list, signal, thread}, false, ""},
      {"kaio",
       "POSIX AIO of kaio",
       {suspend, poll, waitcomplete, list, signal, thread, eventfd},
       true,
       "io_submit, io_getevents, preadv2"},
      {"libaio", "raw kernel AIO", {suspend, poll, list, eventfd}, true, "io_submit, io_getevents"},
      {"io_uring", "io_uring through liburing", {suspend, poll, eventfd}, true, "io_uring_enter"},
      {"preadv2", "preadv2/pwritev2 on one thread", {suspend}, true, "preadv2, pwritev2, fsync"},
      {"threads",
       "preadv2/pwritev2 on a pool of as many threads as the depth",
       {suspend},
       true,
       ""},
  };
  return all;
}

const Description& description_of(const std::string& engine_name) {
  return *std::ranges::find(descriptions(), engine_name, &Description::name);
}

std::unique_ptr<Engine> make_posix_engine(const PosixAio& functions, const EngineSetup& setup) {
  switch (setup.notify) {
    case Notify::poll:
      return make_poll_engine(functions, setup);
    case Notify::waitcomplete:
      return make_waitcomplete_engine(functions, setup);
    case Notify::list:
      return make_list_engine(functions, setup);
    case Notify::signal:
      return make_signal_engine(functions, setup);
    case Notify::thread:
      return make_thread_engine(functions, setup);
    case Notify::eventfd:
      return make_eventfd_engine(functions, setup);
    default:
      return make_suspend_engine(functions, setup);
  }
}

}  // namespace

const std::vector<std::string>& known_engines() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Description& description : descriptions()) all.push_back(description.name);
    return all;
  }();
  return names;
}

std::string engine_description(const std::string& engine_name) {
  return description_of(engine_name).text;
}

bool can_notify(const std::string& engine_name, Notify notify) {
  return std::ranges::count(description_of(engine_name).notifies, notify) != 0;
}

bool can_do_vectors(const std::string& engine_name) {
  return description_of(engine_name).has_vectors;
}

bool is_synchronous(const std::string& engine_name) { return engine_name == "preadv2"; }

std::string counted_calls(const std::string& engine_name, Notify notify) {
  const std::string calls = description_of(engine_name).counted_calls;
  return notify == Notify::eventfd ? calls + ", ppoll, read" : calls;
}

std::unique_ptr<Engine> make_engine(const std::string& engine_name, const EngineSetup& setup) {
  if (engine_name == "libaio") return make_libaio_engine(setup);
  if (engine_name == "io_uring") return make_uring_engine(setup);
  if (engine_name == "preadv2") return make_preadv2_engine(setup);
  if (engine_name == "threads") return make_threads_engine(setup);
  return make_posix_engine(engine_name == "kaio" ? kaio_posix_aio() : glibc_posix_aio(), setup);
}

}  // namespace aio_bench
