// SPDX-License-Identifier: MIT
// What a file has to contain after random operations on it.
#pragma once

#include <kaio/engine.h>

#include <cstddef>
#include <string>

namespace engine_test {

inline constexpr std::size_t model_block_bytes = 4096;
inline constexpr std::size_t model_blocks = 64;

// Random reads, writes and syncs of blocks, no two at once of the same one, against a model: of
// a file that has so many blocks of the pattern. 0: all went right. `content`: what the file has
// to be afterwards.
int check_against_model(kaio::Engine& engine, const kaio::File& file, unsigned seed,
                        std::string* content = nullptr);

}  // namespace engine_test
