// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>

#include "kaio/aio.h"
#include "posix/api/export.h"
#include "posix/process/report.h"
#include "sys/cancellation.h"

KAIO_EXPORT int kaio_get_statistics(kaio_statistics* statistics, std::size_t size_bytes) {
  if (statistics == nullptr) return kaio::fail(EINVAL);
  // Not a cancellation point, but a handler may call it on top of one.
  const kaio_statistics gathered =
      kaio::sys::without_cancellation([] { return kaio::gather_statistics(); });
  // A program compiled against a newer header finds zeros in what we do not know.
  std::memset(statistics, 0, size_bytes);
  std::memcpy(statistics, &gathered, std::min(size_bytes, sizeof gathered));
  return 0;
}
