// SPDX-License-Identifier: MIT
#include "block_device.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/sysmacros.h>

#include "check.h"

namespace observe {
namespace {

// "\040" and its like.
std::string unescaped(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool is_below(const std::string& path, const std::string& directory) {
  return directory == "/" || path == directory || path.starts_with(directory + "/");
}

std::string chosen_of(const std::string& choice) {  // "mq-deadline [none]"
  const std::size_t begin = choice.find('['), end = choice.find(']');
  return begin == choice.npos || end < begin ? choice : choice.substr(begin + 1, end - begin - 1);
}

}  // namespace

Mount mount_of(const std::string& path) {
  std::error_code error;
  const std::string real = std::filesystem::canonical(path, error);
  std::ifstream input("/proc/self/mountinfo");
  Mount found;
  std::size_t longest = 0;
  for (std::string line; std::getline(input, line);) {
    std::istringstream words(line);
    std::string id, parent, device, root, place, options, word;
    words >> id >> parent >> device >> root >> place >> options;
    while (words >> word && word != "-") {
    }
    place = unescaped(place);
    // The last of several at one place lies on top.
    if (!is_below(real, place) || place.size() < longest) continue;
    longest = place.size();
    words >> found.type >> found.source;
    found.options = options;
  }
  return found;
}

void show_device(dev_t number) {
  namespace fs = std::filesystem;
  std::error_code error;
  const std::string link =
      "/sys/dev/block/" + std::to_string(major(number)) + ":" + std::to_string(minor(number));
  fs::path device = fs::canonical(link, error);
  if (error) return;
  if (fs::exists(device / "partition", error)) device = device.parent_path();
  std::string text = "device /dev/" + device.filename().string();
  const std::string scheduler = chosen_of(line_of(device / "queue/scheduler"));
  const std::string requests = line_of(device / "queue/nr_requests");
  if (!requests.empty()) text += ": " + requests + " requests in its queue";
  if (!scheduler.empty()) text += ", scheduler " + scheduler;
  const std::string depth = line_of(device / "device/queue_depth");
  if (!depth.empty()) text += ", queue depth " + depth;
  if (line_of(device / "queue/rotational") == "1") text += ", rotational";
  show(Mark::note, text);
  const std::string below = line_of(device / "dm/name");
  if (!below.empty()) show(Mark::note, "it is device-mapper's " + below);
  if (fs::exists(device / "loop/backing_file", error) && line_of(device / "loop/dio") == "0")
    show(Mark::note,
         "this loop device reads its file through the page cache: "
         "losetup --direct-io=on makes it pass by");
}

}  // namespace observe
