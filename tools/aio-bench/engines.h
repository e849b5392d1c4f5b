// SPDX-License-Identifier: MIT
// The engines by name.
#pragma once

#include "engine.h"
#include "load.h"

#include <memory>
#include <string>
#include <vector>

namespace aio_bench {

// In the order in which they are shown.
const std::vector<std::string>& known_engines();

// Kernel AIO by itself knows no callbacks and no signals.
bool can_notify(const std::string& engine_name, Notify notify);

// Throws RunError when the engine cannot run here; `engine_name` is a known one.
std::unique_ptr<Engine> make_engine(const std::string& engine_name, Notify notify,
                                    const EngineSetup& setup);

}  // namespace aio_bench
