// SPDX-License-Identifier: MIT
// What aio-run cannot do as a script. It is called by aio-run alone:
//   kaio-observe watch SECONDS LIBRARY PROGRAM NAME [ARGUMENT]...
//   kaio-observe check [PATH]...       with the library preloaded
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "check.h"
#include "watch.h"

namespace observe {

void show(Mark mark, const std::string& text) {
  const char* words[] = {"ok", "LOST", "note"};
  std::printf("  %-5s %s\n", words[static_cast<int>(mark)], text.c_str());
}

std::string name_of_error(int error_number) {
  return std::strerror(error_number) + std::string(" (") + std::to_string(error_number) + ")";
}

std::string line_of(const std::string& path) {
  std::ifstream input(path);
  std::string line;
  std::getline(input, line);
  return line;
}

}  // namespace observe

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() >= 5 && words[0] == "watch")
    return observe::watch({.interval_s = std::atof(words[1].c_str()),
                           .library = words[2],
                           .path = words[3],
                           .arguments = {words.begin() + 4, words.end()}});
  if (words.empty() || words[0] != "check") {
    std::fputs("kaio-observe is a part of aio-run: see aio-run --help\n", stderr);
    return 125;
  }
  // What is asked is whether the kernel's way is there: 0 yes, 1 no.
  bool good = observe::check_machine();
  for (std::size_t i = 1; i < words.size(); ++i) good = observe::check_path(words[i]) && good;
  std::printf("kernel AIO: %s\n", good ? "yes" : "not for everything, see LOST above");
  if (std::fflush(stdout) != 0) return 125;
  return good ? 0 : 1;
}
