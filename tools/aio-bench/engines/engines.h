// SPDX-License-Identifier: MIT
// The engines by name.
#pragma once

#include "engines/io_engine.h"

#include <memory>
#include <string>
#include <vector>

namespace aio_bench {

// In the order in which they are shown.
const std::vector<std::string>& known_engines();

// Whether the engine can tell of completions in this way.
bool can_notify(const std::string& engine_name, Notify notify);

// Whether the engine takes a vector of buffers.
bool can_do_vectors(const std::string& engine_name);

// Whether it has one I/O outstanding whatever the depth.
bool is_synchronous(const std::string& engine_name);

// The system calls that system_call_count() counts, "" where it counts none.
std::string counted_calls(const std::string& engine_name, Notify notify);

// Throws RunError when the engine cannot run here; `engine_name` is a known one
// and can do what is asked of it.
std::unique_ptr<IoEngine> make_engine(const std::string& engine_name, const EngineSetup& setup);

}  // namespace aio_bench
