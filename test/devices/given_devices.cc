// SPDX-License-Identifier: MIT
#include "given_devices.h"

#include "support/checked.h"

#include <cstdlib>
#include <fcntl.h>
#include <ostream>
#include <sstream>

namespace devices {

std::ostream& operator<<(std::ostream& out, const Device& device) { return out << device.kind; }

std::vector<Device> with_role(std::string_view role) {
  std::vector<Device> found;
  const char* given = std::getenv("KAIO_TEST_DEVICES");
  std::istringstream words{given == nullptr ? "" : given};
  for (std::string word; words >> word;) {
    const std::size_t first = word.find(':');
    const std::size_t second = word.find(':', first + 1);
    if (second == std::string::npos) continue;
    Device device{word.substr(0, first), word.substr(first + 1, second - first - 1),
                  word.substr(second + 1)};
    if (device.role == role) found.push_back(std::move(device));
  }
  return found;
}

support::Precondition where_there_is(std::string_view role) {
  return support::only_if([=] { return !with_role(role).empty(); },
                          "this machine has no device that is " + std::string{role});
}

support::Fd open_path(const std::string& path, int flags) {
  return support::Fd{support::checked(::open(path.c_str(), flags | O_CLOEXEC, 0600), path.c_str())};
}

}  // namespace devices
