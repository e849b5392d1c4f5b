// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace aio_bench {

// Why there can be no ring of so many entries, and what to do: of the negative error
// number that io_uring_setup() gave.
std::string uring_refusal_text(int outcome, unsigned entry_count);

}  // namespace aio_bench
