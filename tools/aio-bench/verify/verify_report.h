// SPDX-License-Identifier: MIT
// What verify prints.
#pragma once

#include "targets/target.h"
#include "verify/verification.h"
#include "verify/verify_options.h"

#include <string>

namespace aio_bench {

void print_heading(const VerifyOptions& options, const Target& target, std::uint64_t area_bytes,
                   std::uint64_t seed);
void print_journal(const VerifyOptions& options, const JournalContent& content);
void print_pass(const char* name, const std::string& engine_name, Cache cache,
                const IoCounts& counts);
std::string conclusion_text(const Verification& verification, bool is_complete);

}  // namespace aio_bench
