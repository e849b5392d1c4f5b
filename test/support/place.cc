// SPDX-License-Identifier: MIT
#include "place.h"

#include "checked.h"
#include "pattern.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <map>
#include <ostream>
#include <sched.h>
#include <stdexcept>
#include <sys/mount.h>
#include <sys/stat.h>

namespace support {

namespace {

// mkfs.xfs makes none that is smaller. The file behind it has holes.
constexpr off_t device_bytes = 320 << 20;

void have_mounts_of_our_own() {
  static const bool done = [] {
    // Otherwise they are seen by others until the end, no more.
    return ::unshare(CLONE_NEWNS) == 0 &&
           ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  }();
  static_cast<void>(done);
}

TemporaryFile backing_file() {
  TemporaryFile file{tmpfs, 0};
  checked(::truncate(file.path().c_str(), device_bytes), "truncate");
  return file;
}

void make_file_system(const char* type, const std::string& device) {
  const std::string options = std::string{type} == "ext4" ? "-q -F" : "-q -f";
  const std::string command = std::string{"PATH=$PATH:/usr/sbin:/sbin mkfs."} + type + " " +
                              options + " " + device + " >/dev/null 2>&1";
  if (std::system(command.c_str()) != 0) throw std::runtime_error{command + " failed"};
}

std::string made_directory(const std::string& path) {
  checked(::mkdir(path.c_str(), 0700), path.c_str());
  return path;
}

void fill(const std::string& path, std::size_t size_bytes) {
  const Fd file{checked(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), path.c_str())};
  const std::string content = pattern(size_bytes);
  if (checked(::pwrite(file.get(), content.data(), size_bytes, 0), "pwrite") !=
      static_cast<ssize_t>(size_bytes))
    throw std::runtime_error{"pwrite: short"};
  checked(::fsync(file.get()), "fsync");
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const PlaceName& name) {
  static constexpr const char* names[] = {"device",  "ext4",  "xfs",   "btrfs",
                                          "overlay", "tmpfs", "ramfs", "fuse"};
  out << names[static_cast<int>(name.kind)];
  if (name.sector_bytes != 0) out << " with sectors of " << name.sector_bytes;
  return out;
}

const std::vector<PlaceName>& places_for_data() {
  static const std::vector<PlaceName> names = [] {
    std::vector<PlaceName> all;
    for (const PlaceKind kind :
         {PlaceKind::device, PlaceKind::ext4, PlaceKind::xfs, PlaceKind::btrfs, PlaceKind::overlay})
      for (const unsigned sector_bytes : {512U, 4096U}) all.push_back({kind, sector_bytes});
    all.push_back({PlaceKind::shm, 0});
    all.push_back({PlaceKind::ramfs, 0});
    return all;
  }();
  return names;
}

const std::vector<PlaceName>& place_names() {
  static const std::vector<PlaceName> names = [] {
    std::vector<PlaceName> all = places_for_data();
    all.push_back({PlaceKind::fuse, 0});
    return all;
  }();
  return names;
}

const Place* Place::get(const PlaceName& name) {
  static std::map<std::pair<PlaceKind, unsigned>, std::unique_ptr<Place>> places;
  const auto [entry, is_new] = places.try_emplace({name.kind, name.sector_bytes});
  if (!is_new) return entry->second.get();
  try {
    entry->second = std::make_unique<Place>(name);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "SKIPPED: a place of kind %d, sectors of %u: %s\n",
                 static_cast<int>(name.kind), name.sector_bytes, error.what());
  }
  return entry->second.get();
}

Place::Place(const PlaceName& name) : name_{name} {
  have_mounts_of_our_own();
  if (name.sector_bytes != 0) loop_.emplace(backing_file(), name.sector_bytes);
  if (is(PlaceKind::device)) return;
  if (is(PlaceKind::fuse)) {
    slow_.emplace(std::chrono::milliseconds{0});
    files_ = slow_->path();
    return;
  }
  directory_.emplace();
  files_ = directory_->path();
  try {
    mount_all();
  } catch (...) {
    unmount_all();
    throw;
  }
}

Place::~Place() { unmount_all(); }

void Place::mount_all() {
  switch (name_.kind) {
    case PlaceKind::ext4:
      return mount_on_device("ext4");
    case PlaceKind::xfs:
      return mount_on_device("xfs");
    case PlaceKind::btrfs:
      return mount_on_device("btrfs");
    case PlaceKind::overlay: {
      mount_on_device("ext4");
      const std::string lower = made_directory(files_ + "/lower");
      const std::string upper = made_directory(files_ + "/upper");
      const std::string work = made_directory(files_ + "/work");
      files_ = made_directory(files_ + "/merged");
      return mount("overlay", files_,
                   "lowerdir=" + lower + ",upperdir=" + upper + ",workdir=" + work);
    }
    case PlaceKind::ramfs:
      return mount("ramfs", files_, "");
    default:
      return mount("tmpfs", files_, "size=64m");
  }
}

void Place::unmount_all() noexcept {
  for (auto path = mounted_.rbegin(); path != mounted_.rend(); ++path)
    ::umount2(path->c_str(), MNT_DETACH);
}

void Place::mount_on_device(const char* type) {
  make_file_system(type, loop_->path());
  checked(::mount(loop_->path().c_str(), files_.c_str(), type, 0, nullptr), "mount");
  mounted_.push_back(files_);
}

void Place::mount(const char* type, const std::string& path, const std::string& options) {
  checked(::mount("none", path.c_str(), type, 0, options.c_str()), "mount");
  mounted_.push_back(path);
}

std::string Place::make_file(std::size_t size_bytes) const {
  if (is(PlaceKind::fuse)) return files_ + "/file";
  const std::string path =
      is(PlaceKind::device) ? loop_->path() : files_ + "/file-" + std::to_string(++file_count_);
  fill(path, size_bytes);
  return path;
}

}  // namespace support
