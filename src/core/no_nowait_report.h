// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace kaio {

// Says, where KAIO_LOG asks for it, that O_DIRECT transfers of this descriptor's device cannot
// be offered to the kernel without the risk of blocking, and what comes of it.
void report_no_nowait(int fd, std::uint32_t device) noexcept;

}  // namespace kaio
