// SPDX-License-Identifier: MIT
#include "posix/request/deferred.h"

namespace kaio::deferred {

KAIO_THREAD_LOCAL TransferStack requests;

bool take_back(const Request& request) noexcept {
  if (requests.empty()) return false;
  bool found = false;
  Transfer* item = requests.take_in_order();
  while (item != nullptr) {
    Transfer* following = item->next;
    if (item == &request) {
      item->next = nullptr;
      found = true;
    } else {
      requests.push(*item);
    }
    item = following;
  }
  return found;
}

}  // namespace kaio::deferred
