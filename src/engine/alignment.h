// SPDX-License-Identifier: MIT
#pragma once

#include <kaio/engine/file.h>

#include "core/file_facts.h"

namespace kaio::engine {

// What the kernel tells of direct transfers of an open file: statx (Linux 6.1, of most file
// systems), XFS's own call, a device's sectors; 4,096 bytes where nobody tells, which every file
// system takes that knows no larger sectors.
Alignment direct_alignment(int fd, const FileFacts& facts) noexcept;

}  // namespace kaio::engine
