// SPDX-License-Identifier: MIT
#include "filter.h"

#include "checked.h"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace support {

void refuse(std::initializer_list<long> calls, int error_number) {
  std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const long call : calls) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    program.push_back(
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error_number)));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  sock_fprog filter{.len = static_cast<unsigned short>(program.size()), .filter = program.data()};
  checked(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl");
  checked(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter),
          "seccomp");
}

void refuse_what_the_environment_says() {
  const char* asked = std::getenv("TEST_WITHOUT_NOWAIT");
  if (asked == nullptr) return;
  const std::string name = asked;
  const int error_number = name == "EPERM" ? EPERM : name == "EACCES" ? EACCES : ENOSYS;
  refuse({SYS_io_setup, SYS_preadv2, SYS_pwritev2}, error_number);
}

}  // namespace support
