// SPDX-License-Identifier: MIT
#include "verify/verify_options.h"

#include "base/command_line.h"
#include "base/errors.h"
#include "base/names.h"
#include "base/text.h"
#include "verify/stamp.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace aio_bench {

namespace {

constexpr std::uint64_t verify_scratch_bytes = 64 << 20;
constexpr std::uint64_t highest_io_bytes = 16 << 20;
constexpr std::uint64_t default_most_blocks = 64;
constexpr unsigned verify_highest_depth = 4096;
constexpr const char* all_engines = "kaio,kaio-engine,glibc,libaio,io_uring,threads,preadv2";
constexpr double verify_longest_seconds = 10 * 86400;

constexpr const char* verify_examples = R"(Examples:
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

std::vector<std::string> parse_engines(const std::string& option, const std::string& word) {
  const std::vector<std::string> known = split(all_engines, ',');
  std::vector<std::string> names;
  for (const std::size_t place : parse_names(option, word, known)) names.push_back(known[place]);
  return names;
}

std::uint64_t parse_seed(const std::string& option, const std::string& word) {
  std::uint64_t seed = 0;
  const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), seed);
  if (error != std::errc{} || rest != word.data() + word.size())
    throw UsageError("{}: '{}' is not a number", option, word);
  return seed;
}

void set_io_sizes(VerifyOptions& options, const std::string& word) {
  const auto parts = split(word, '-');
  if (parts.size() > 2)
    throw UsageError("--io-size: '{}' is not a range: give it as in 4k-256k", word);
  if (word.starts_with('-') || word.ends_with('-'))
    throw UsageError("--io-size: '{}' is half a range: give both ends, as in 4k-256k", word);
  options.least_io_bytes =
      parse_size(typed_option("--io-size", word, parts.front()), parts.front());
  options.most_io_bytes = parse_size(typed_option("--io-size", word, parts.back()), parts.back());
  if (options.least_io_bytes > options.most_io_bytes)
    throw UsageError("--io-size: '{}' ends below its beginning", word);
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
    throw UsageError("--block-size: {} bytes are not possible: give a multiple of {}, up to 16m",
                     options.block_bytes, least_stamp_bytes);
  for (const std::uint64_t bytes : {options.least_io_bytes, options.most_io_bytes})
    if (bytes % options.block_bytes != 0)
      throw UsageError("--io-size: {} is not a multiple of the block size, {}: set both",
                       size_text(bytes), size_text(options.block_bytes));
  if (options.has_scratch_file() && options.size_bytes < options.most_io_bytes)
    throw UsageError("--size {} is smaller than one I/O of {}", size_text(options.size_bytes),
                     size_text(options.most_io_bytes));
}

void check_writing(const VerifyOptions& options) {
  if (options.has_scratch_file()) {
    if (options.write || !options.destroy.empty() || options.force)
      throw UsageError(
          "--write, --destroy and --force are for a target that exists: name one, or leave them "
          "out; a scratch file may always be written");
    if (!options.journal_path.empty())
      throw UsageError(
          "--journal is of use only for a target that is still there after a crash: name one");
    return;
  }
  if (!options.is_continued && (!options.write || options.destroy.empty()))
    throw UsageError(
        "verify writes, and would destroy what is on {0}: to allow it, add --write --destroy={0}; "
        "to check what an earlier run wrote, --continue --journal FILE",
        options.target);
  if (options.write != !options.destroy.empty())
    throw UsageError("--write and --destroy=TARGET belong together");
  if (options.write && !options.target.empty() && options.destroy != options.target)
    throw UsageError("--destroy={} is not the target {}: nothing was written", options.destroy,
                     options.target);
}

}  // namespace

std::optional<VerifyOptions> parse_verify_options(int argument_count,
                                                  const char* const* arguments) {
  CommandLine line("aio-bench verify",
                   "Writes blocks that can be told apart, reads them back and checks each.",
                   verify_examples);
  VerifyOptions options;
  std::string io_size;
  line.word("TARGET", "", "file or block device; without: a scratch file", options.target);
  const auto engine = line.value("-e,--engine", "LIST",
                                 "of kaio,kaio-engine,glibc,libaio,io_uring,threads,preadv2\n"
                                 "(all that work)",
                                 all_engines, options.engine_names, parse_engines);
  line.value("-c,--cache", "WHICH", "direct, buffered or both (both)", "both", options.caches,
             parse_caches);
  const auto block_size =
      line.value("-b,--block-size", "SIZE", "unit that is written as a whole (4k)", "4k",
                 options.block_bytes, parse_size);
  line.word("--io-size", "RANGE", "random sizes of I/Os (4k-256k)", io_size);
  line.value("-d,--depth", "COUNT", "I/Os kept outstanding (32)", "32", options.depth, parse_count,
             1U, verify_highest_depth);
  const auto size = line.value("-s,--size", "SIZE", "part of the target to use (all; scratch: 64m)",
                               "", options.size_bytes, parse_size);
  line.value("-t,--seconds", "TIME", "of each engine and cache mode (2)", "2", options.seconds,
             parse_seconds, 0.01, verify_longest_seconds);
  line.value("--reads", "PERCENT", "of the I/Os, the others are writes (40)", "40",
             options.reads_percent, parse_count, 0U, 99U);
  const auto cancel = line.value("--cancel", "PERCENT",
                                 "of the I/Os to try to cancel (10; glibc: 0, as it may hang then)",
                                 "10", options.cancels_percent, parse_count, 0U, 100U);
  line.value("--seed", "NUMBER", "of the random choices (printed)", "", options.seed, parse_seed);
  line.word("--journal", "FILE", "note there what was acknowledged", options.journal_path);
  line.flag("--continue", options.is_continued, "check what the journal says; no new writes");
  line.flag("--synced-only", options.synced_only,
            "with --continue: the device lost power, the machine did not");
  line.flag("--write", options.write, "allow writing to TARGET, with --destroy");
  line.word("--destroy", "TARGET", "TARGET again: what is there will be lost", options.destroy);
  line.flag("--force", options.force, "write even if TARGET seems to be in use");
  if (!line.read(argument_count, arguments)) return std::nullopt;

  options.engines_are_optional = engine->count() == 0;
  options.direct_is_optional = options.caches.size() > 1;
  options.are_cancels_asked_for = cancel->count() > 0;
  set_io_sizes(options, io_size.empty() ? default_io_sizes(options.block_bytes) : io_size);
  if (size->count() == 0 && options.has_scratch_file()) options.size_bytes = verify_scratch_bytes;
  if (options.is_continued && options.journal_path.empty())
    throw UsageError("--continue needs the journal of the run: add --journal FILE");
  if (options.is_continued && (block_size->count() > 0 || size->count() > 0))
    throw UsageError("--continue takes --block-size and --size from the journal: leave them out");
  if (options.synced_only && !options.is_continued)
    throw UsageError("--synced-only says how to read a journal: use it with --continue");
  if (!options.is_continued) check_sizes(options);
  check_writing(options);
  return options;
}

}  // namespace aio_bench
