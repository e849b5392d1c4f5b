// SPDX-License-Identifier: MIT
// Files that a run is asked to write its figures to.
#pragma once

#include <string>
#include <vector>

namespace aio_bench {

// So that it is known before the measurements whether `path`, given with `option`, can
// be written, and that nothing is lost thereby but an earlier file of that name. Makes
// and changes nothing. Throws UsageError for a directory, a block device and what is
// one of `targets`, and RunError for what the system does not let us write.
void check_output(const std::string& option, const std::string& path,
                  const std::vector<std::string>& targets);

}  // namespace aio_bench
