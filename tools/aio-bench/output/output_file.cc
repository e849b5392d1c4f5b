// SPDX-License-Identifier: MIT
#include "output/output_file.h"

#include "base/errors.h"

#include <cerrno>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace aio_bench {

namespace {

bool is_same_file(const struct stat& status, const std::string& path) {
  struct stat other {};
  return ::stat(path.c_str(), &other) == 0 && other.st_dev == status.st_dev &&
         other.st_ino == status.st_ino;
}

// One word forgotten, as in `--json /dev/sdx`, makes the next one the file to write.
void check_what_is_there(const std::string& option, const std::string& path,
                         const std::vector<std::string>& targets) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return;
  if (S_ISDIR(status.st_mode))
    throw UsageError(fmt::format("{}: {} is a directory: name a file in it", option, path));
  if (S_ISBLK(status.st_mode))
    throw UsageError(
        fmt::format("{}: {} is a block device, which would be written over: name a "
                    "file before it",
                    option, path));
  for (const std::string& target : targets)
    if (is_same_file(status, target))
      throw UsageError(
          fmt::format("{}: {} is to be measured, and would be written over: name "
                      "another file",
                      option, path));
}

}  // namespace

void check_output(const std::string& option, const std::string& path,
                  const std::vector<std::string>& targets) {
  check_what_is_there(option, path, targets);
  if (::access(path.c_str(), W_OK) == 0) return;
  const int error = errno;
  const auto slash = path.rfind('/');
  const std::string directory = slash == path.npos ? "." : path.substr(0, slash + 1);
  if (error == ENOENT && !path.empty() && !path.ends_with('/') &&
      ::access(directory.c_str(), W_OK) == 0)
    return;
  throw RunError(
      fmt::format("{}: {} cannot be written: {}: name a file in a directory that is "
                  "there and that you may write to",
                  option, path, error_text(error)));
}

}  // namespace aio_bench
