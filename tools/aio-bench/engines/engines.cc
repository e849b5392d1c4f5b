// SPDX-License-Identifier: MIT
#include "engines/engines.h"

#include "engines/make_engine.h"
#include "engines/posix_aio.h"

#include <algorithm>

namespace aio_bench {

namespace {

struct Description {
  const char* name;
  std::vector<Notify> notifies;
  bool has_vectors;
  const char* counted_calls;
};

const std::vector<Description>& descriptions() {
  using enum Notify;
  static const std::vector<Description> all{
      {"glibc", {suspend, poll, list, signal, thread}, false, ""},
      {"kaio",
       {suspend, poll, waitcomplete, list, signal, thread, eventfd},
       true,
       "io_submit, io_getevents, preadv2"},
      {"kaio-engine", {suspend, poll, list, eventfd, coroutine}, true, "io_submit, io_getevents"},
      {"libaio", {suspend, poll, list, eventfd}, true, "io_submit, io_getevents"},
      {"io_uring", {suspend, poll, eventfd}, true, "io_uring_enter"},
      {"preadv2", {suspend}, true, "preadv2, pwritev2, fsync"},
      {"threads", {suspend}, true, ""},
  };
  return all;
}

const Description& description_of(const std::string& engine_name) {
  return *std::ranges::find(descriptions(), engine_name, &Description::name);
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

std::unique_ptr<IoEngine> make_engine(const std::string& engine_name, const EngineSetup& setup) {
  if (engine_name == "kaio-engine") return make_kaio_engine(setup);
  if (engine_name == "libaio") return make_libaio_engine(setup);
  if (engine_name == "io_uring") return make_uring_engine(setup);
  if (engine_name == "preadv2") return make_preadv2_engine(setup);
  if (engine_name == "threads") return make_threads_engine(setup);
  const PosixAio& aio = engine_name == "kaio" ? kaio_posix_aio() : glibc_posix_aio();
  const bool is_told = setup.notify == Notify::signal || setup.notify == Notify::thread ||
                       setup.notify == Notify::eventfd;
  return is_told ? make_told_engine(aio, setup) : make_asking_engine(aio, setup);
}

}  // namespace aio_bench
