// SPDX-License-Identifier: MIT
#include "core/no_nowait_report.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "sys/direct_call.h"
#include "sys/log.h"

namespace kaio {

void report_no_nowait(int fd, std::uint32_t device) noexcept {
  if (!sys::log::on()) return;
  char link[40] = "/proc/self/fd/";
  char* end = link + 14;
  for (int unit = 1'000'000'000; unit > 0; unit /= 10)
    if (fd >= unit || unit == 1) *end++ = static_cast<char>('0' + fd / unit % 10);
  char name[256];
  const long size = sys::direct_call(SYS_readlinkat, long{AT_FDCWD}, link, name, long{sizeof name});
  sys::LogLine line;
  if (size > 0) {
    line << std::string_view(name, static_cast<std::size_t>(size));
  } else {
    line << "descriptor " << static_cast<unsigned>(fd);
  }
  line << ": its file system or device " << gnu_dev_major(device) << ":" << gnu_dev_minor(device)
       << " does not know RWF_NOWAIT, so that the kernel may block whoever submits a transfer: "
          "threads do that as long as the device is not quick. ext4, XFS, btrfs and most block "
          "devices know it; tmpfs, zram, FUSE, overlay and some device-mapper targets do not. "
          "\"aio-run --check FILE\" says more";
  sys::log::say(line);
}

}  // namespace kaio
