// SPDX-License-Identifier: MIT
#include "verify/verify_options.h"

#include "base/command_line.h"
#include "base/errors.h"
#include "base/text.h"
#include "verify/stamp.h"
#include "verify/verify_engine.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace aio_bench {

namespace {

constexpr std::uint64_t default_scratch_bytes = 64 << 20;
constexpr std::uint64_t highest_io_bytes = 16 << 20;
constexpr std::uint64_t default_most_blocks = 64;
constexpr unsigned highest_depth = 4096;
constexpr double longest_seconds = 10 * 86400;

constexpr const char* footer = R"(Examples:
  aio-bench verify                       all engines on a scratch file here
  aio-bench verify -e kaio -c direct /dev/sdx --write --destroy=/dev/sdx
  aio-bench verify FILE --write --destroy=FILE --journal FILE.journal
  aio-bench verify --continue --journal FILE.journal
                                         after a crash, a kill, or at any later time

Every write carries its place, a generation and a checksum in each 512 bytes. What
completed has to be there, whole; what was cancelled may have been written or not,
but not later. The journal gets a line when a write completes, and is brought to the
device with fdatasync, after the target, five times a second: --continue wants all
lines after a kill, and after a reboot those that were on the device for certain.
Exit codes: 0 all is right, 1 failed, 2 wrong usage, 4 data are wrong or an I/O
failed, 130 interrupted (143 by SIGTERM, 129 by SIGHUP).)";

std::vector<std::string> engines_of(const std::string& word) {
  const auto& known = verify_engine_names();
  if (word.empty()) return known;
  std::vector<std::string> names;
  for (const auto& name : split(word, ',')) {
    if (std::ranges::find(known, name) == known.end())
      throw UsageError(fmt::format("{}: '{}' is unknown{}: use one or more of {}",
                                   typed_option("--engine", word, name), name, advice(name, known),
                                   join(known, ",")));
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

std::vector<Cache> caches_of(const std::string& word) {
  if (word == "direct") return {Cache::direct};
  if (word == "buffered") return {Cache::buffered};
  if (word == "both") return {Cache::direct, Cache::buffered};
  throw UsageError(fmt::format("--cache: '{}' is unknown{}: use direct, buffered or both", word,
                               advice(word, {"direct", "buffered", "both"})));
}

std::uint64_t seed_of(const std::string& word) {
  std::uint64_t seed = 0;
  const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), seed);
  if (error != std::errc{} || rest != word.data() + word.size())
    throw UsageError(fmt::format("--seed: '{}' is not a number", word));
  return seed;
}

void set_io_sizes(VerifyOptions& options, const std::string& word) {
  const auto parts = split(word, '-');
  if (parts.size() > 2)
    throw UsageError(fmt::format("--io-size: '{}' is not a range: give it as in 4k-256k", word));
  if (word.starts_with('-') || word.ends_with('-'))
    throw UsageError(
        fmt::format("--io-size: '{}' is half a range: give both ends, as in 4k-256k", word));
  options.least_io_bytes =
      parse_size(typed_option("--io-size", word, parts.front()), parts.front());
  options.most_io_bytes = parse_size(typed_option("--io-size", word, parts.back()), parts.back());
  if (options.least_io_bytes > options.most_io_bytes)
    throw UsageError(fmt::format("--io-size: '{}' ends below its beginning", word));
  if (options.most_io_bytes > highest_io_bytes) throw UsageError("--io-size: at most 16m");
}

// Blocks of another size need I/Os of other sizes: the same number of them.
std::string default_io_sizes(std::uint64_t block_bytes) {
  const std::uint64_t most_blocks =
      std::clamp(highest_io_bytes / block_bytes, UINT64_C(1), default_most_blocks);
  return fmt::format("{}-{}", block_bytes, most_blocks * block_bytes);
}

void check_sizes(const VerifyOptions& options) {
  if (options.block_bytes % least_stamp_bytes != 0 || options.block_bytes > highest_io_bytes)
    throw UsageError(
        fmt::format("--block-size: {} bytes are not possible: give a multiple of {}, "
                    "up to 16m",
                    options.block_bytes, least_stamp_bytes));
  for (const std::uint64_t bytes : {options.least_io_bytes, options.most_io_bytes})
    if (bytes % options.block_bytes != 0)
      throw UsageError(
          fmt::format("--io-size: {} is not a multiple of the block size, {}: set "
                      "both",
                      size_text(bytes), size_text(options.block_bytes)));
  if (options.has_scratch_file() && options.size_bytes < options.most_io_bytes)
    throw UsageError(fmt::format("--size {} is smaller than one I/O of {}",
                                 size_text(options.size_bytes), size_text(options.most_io_bytes)));
}

void check_writing(const VerifyOptions& options) {
  if (options.has_scratch_file()) {
    if (options.write || !options.destroy.empty() || options.force)
      throw UsageError(
          "--write, --destroy and --force are for a target that exists: name one, or "
          "leave them out; a scratch file may always be written");
    if (!options.journal_path.empty())
      throw UsageError(
          "--journal is of use only for a target that is still there after a crash: "
          "name one");
    return;
  }
  if (!options.is_continued && (!options.write || options.destroy.empty()))
    throw UsageError(
        fmt::format("verify writes, and would destroy what is on {0}: to allow it, "
                    "add --write --destroy={0}; to check what an earlier run wrote, "
                    "--continue --journal FILE",
                    options.target));
  if (options.write != !options.destroy.empty())
    throw UsageError("--write and --destroy=TARGET belong together");
  if (options.write && !options.target.empty() && options.destroy != options.target)
    throw UsageError(fmt::format("--destroy={} is not the target {}: nothing was written",
                                 options.destroy, options.target));
}

}  // namespace

void VerifyWords::declare(CLI::App& app) {
  const auto option = [&app](const char* names, auto& value, const char* argument,
                             const char* description) {
    return app.add_option(names, value, description)->type_name(argument);
  };
  app.footer(footer);
  option("TARGET", simple_.target, "", "file or block device; without: a scratch file");
  option("-e,--engine", engines_, "LIST",
         "of kaio,glibc,libaio,io_uring,threads,preadv2 (all that work)");
  option("-c,--cache", cache_, "WHICH", "direct, buffered or both (both)");
  block_option_ = option("-b,--block-size", block_, "SIZE", "unit that is written as a whole (4k)");
  io_size_option_ = option("--io-size", io_size_, "RANGE", "random sizes of I/Os (4k-256k)");
  option("-d,--depth", depth_, "COUNT", "I/Os kept outstanding (32)");
  option("-s,--size", size_, "SIZE", "part of the target to use (all; scratch: 64m)");
  option("-t,--seconds", seconds_, "TIME", "of each engine and cache mode (2)");
  option("--reads", reads_, "PERCENT", "of the I/Os, the others are writes (40)");
  cancel_option_ = option("--cancel", cancels_, "PERCENT",
                          "of the I/Os to try to cancel (10; glibc: 0, as it may hang then)");
  option("--seed", seed_, "NUMBER", "of the random choices (printed)");
  option("--journal", simple_.journal_path, "FILE", "note there what was acknowledged");
  app.add_flag("--continue", simple_.is_continued, "check what the journal says; no new writes");
  app.add_flag("--synced-only", simple_.synced_only,
               "with --continue: the device lost power, the machine did not");
  app.add_flag("--write", simple_.write, "allow writing to TARGET, with --destroy");
  option("--destroy", simple_.destroy, "TARGET", "TARGET again: what is there will be lost");
  app.add_flag("--force", simple_.force, "write even if TARGET seems to be in use");
}

VerifyOptions VerifyWords::options() const {
  VerifyOptions options = simple_;
  options.engine_names = engines_of(engines_);
  options.engines_are_optional = engines_.empty();
  options.caches = caches_of(cache_);
  options.direct_is_optional = cache_ == "both";
  options.block_bytes = parse_size("--block-size", block_);
  set_io_sizes(options, io_size_option_->count() > 0 || block_option_->count() == 0
                            ? io_size_
                            : default_io_sizes(options.block_bytes));
  options.depth = parse_count("--depth", depth_, 1, highest_depth);
  options.seconds = parse_seconds("--seconds", seconds_, 0.01, longest_seconds);
  options.reads_percent = parse_count("--reads", reads_, 0, 99);
  options.cancels_percent = parse_count("--cancel", cancels_, 0, 100);
  options.are_cancels_asked_for = cancel_option_->count() > 0;
  if (!seed_.empty()) options.seed = seed_of(seed_);
  if (!size_.empty()) options.size_bytes = parse_size("--size", size_);
  if (size_.empty() && options.has_scratch_file()) options.size_bytes = default_scratch_bytes;
  if (options.is_continued && options.journal_path.empty())
    throw UsageError("--continue needs the journal of the run: add --journal FILE");
  if (options.is_continued && (block_option_->count() > 0 || !size_.empty()))
    throw UsageError("--continue takes --block-size and --size from the journal: leave them out");
  if (options.synced_only && !options.is_continued)
    throw UsageError("--synced-only says how to read a journal: use it with --continue");
  if (!options.is_continued) check_sizes(options);
  check_writing(options);
  return options;
}

}  // namespace aio_bench
