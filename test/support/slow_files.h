// SPDX-License-Identifier: MIT
#pragma once

#include "fd.h"
#include "precondition.h"
#include "temporary_file.h"

#include <atomic>
#include <chrono>
#include <string>
#include <sys/types.h>

namespace support {

// A file system (FUSE) whose server takes its time, as a busy or distant one does, for
// every question but how to find and open a file. It holds one file of zeros, which takes
// writes and forgets them. Needs root.
class SlowFiles {
 public:
  explicit SlowFiles(std::chrono::milliseconds delay);
  ~SlowFiles();
  SlowFiles(const SlowFiles&) = delete;
  SlowFiles& operator=(const SlowFiles&) = delete;

  Fd open(int flags) const;
  const std::string& path() const { return directory_.path(); }
  // Those that the server has taken up, and answers when it has taken its time.
  long begun_reads() const { return shared_->begun_reads; }
  void set_delay(std::chrono::milliseconds delay) { shared_->delay_ms = delay.count(); }

  static constexpr std::size_t size_bytes = 16 << 20;

  struct Shared {
    std::atomic<long> delay_ms;
    std::atomic<long> begun_reads;
  };

 private:
  TemporaryDirectory directory_;
  Shared* shared_;
  Fd life_;  // the server ends when it is closed
  pid_t server_ = -1;
};

// Root, where there is FUSE.
Precondition where_files_can_be_slow();

}  // namespace support
