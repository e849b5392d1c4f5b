// SPDX-License-Identifier: MIT
#include "engines.h"

#include "libaio_engine.h"
#include "posix_engine.h"

namespace aio_bench {

const std::vector<std::string>& known_engines() {
  static const std::vector<std::string> names{"glibc", "kaio", "libaio"};
  return names;
}

bool can_notify(const std::string& engine_name, Notify notify) {
  return notify == Notify::suspend || engine_name != "libaio";
}

std::unique_ptr<Engine> make_engine(const std::string& engine_name, Notify notify,
                                    const EngineSetup& setup) {
  if (engine_name == "libaio") return make_libaio_engine(setup);
  const PosixAio& functions = engine_name == "kaio" ? kaio_posix_aio() : glibc_posix_aio();
  switch (notify) {
    case Notify::thread: return make_thread_engine(functions, setup);
    case Notify::signal: return make_signal_engine(functions, setup);
    default: return make_suspend_engine(functions, setup);
  }
}

}  // namespace aio_bench
