// SPDX-License-Identifier: MIT
// Runs a program under a seccomp filter, as containers have them.
// Usage: refuse io_setup|io_submit EPERM|ENOSYS PROGRAM [ARGUMENT]...
#include "fault/filter.h"

#include <cerrno>
#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const long call = argv[1] == std::string_view("io_setup") ? SYS_io_setup : SYS_io_submit;
  if (!fault::refuse(call, argv[2] == std::string_view("EPERM") ? EPERM : ENOSYS)) {
    std::perror("refuse: no filter can be set");
    return 77;
  }
  ::execvp(argv[3], argv + 3);
  std::perror(argv[3]);
  return 127;
}
