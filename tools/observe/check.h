// SPDX-License-Identifier: MIT
// Whether requests get the kernel's way here, found by making some, and what to change.
#pragma once

#include <string>
#include <vector>

namespace observe {

// "  ok    TEXT": how all that is found is shown.
enum class Mark { ok, lost, note };
void show(Mark mark, const std::string& text);
std::string name_of_error(int error_number);
// The first line of a file; empty if there is none.
std::string line_of(const std::string& path);

// Kernel, limits, filters. False: kernel AIO is not to be had.
bool check_machine();
// A file or block device, which is only read, or a directory, in which a file without a name
// is made for a moment. False: O_DIRECT transfers do not go the kernel's way there.
bool check_path(const std::string& path);

}  // namespace observe
