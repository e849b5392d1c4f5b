// SPDX-License-Identifier: MIT
// Brings together what was asked for, the target, and the journal.
#pragma once

#include "targets/target.h"
#include "verify/journal.h"
#include "verify/verify_options.h"

namespace aio_bench {

// Throws UsageError or RunError, with what to do about it.
Target open_verify_target(const VerifyOptions& options);

// Leaves out, and says so, the engines and cache modes that do not work here and
// were not asked for by name. Returns how much of the target is used: whole blocks.
std::uint64_t adapt_to_target(VerifyOptions& options, const Target& target);

void adapt_to_journal(VerifyOptions& options, const JournalHeader& header);

std::string absolute_path(const std::string& path);

}  // namespace aio_bench
