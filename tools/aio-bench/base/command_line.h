// SPDX-License-Identifier: MIT
// What the commands share in reading their arguments.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace aio_bench {

// False when the arguments only asked for help or the version, which was printed.
// Throws UsageError, for an unknown option with the one that is nearest to it.
bool parse_arguments(CLI::App& app, int argument_count, const char* const* arguments);

// The one of `words` that `word` was probably meant to be, or "".
std::string nearest_word(const std::string& word, const std::vector<std::string>& words);

// " (did you mean 'libaio'?)", or "".
std::string advice(const std::string& word, const std::vector<std::string>& words);

}  // namespace aio_bench
