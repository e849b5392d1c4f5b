// SPDX-License-Identifier: MIT
#include "options.h"

#include "engines.h"
#include "errors.h"
#include "text.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>

namespace aio_bench {

namespace {

constexpr std::uint64_t default_scratch_bytes = 256 << 20;
constexpr unsigned highest_depth = 65536;
constexpr std::uint64_t highest_block_bytes = 1 << 30;

constexpr const char* examples = R"(Examples:
  aio-bench                              all engines on a scratch file here, in a minute
  aio-bench /dev/nvme0n1 --cache direct  a device, read only
  aio-bench --load write -b 1m -d 4      sequential writes of 1 MiB
  aio-bench --cold -b 64k                buffered reads that nothing has cached
  aio-bench --load write --extend --cache direct -b 1m -d 1 --size 2g
                                         what appending costs inside the submitting call
  aio-bench --notify thread -d 32        callbacks per second
  aio-bench --json run.json --plot run.png
  aio-bench /dev/sdx --load randwrite --write --destroy=/dev/sdx

Latency runs from before the submitting call until the program has the result.
"Submit" is the time inside one aio_read() or aio_write(), or inside one
io_submit() of all that was ready. Exit codes: 0 done, 1 failed, 2 wrong usage,
130 interrupted.)";

// The words as given; turned into Options when all are known.
struct Words {
  std::string engines, load = "randread", block = "4k", depths = "1,8,32", cache, size;
  std::string notify = "suspend", destroy;
  std::string seconds = "1", repeats = "3";
  bool write = false;
};

void declare(CLI::App& app, Options& options, Words& words) {
  const auto option = [&app](const char* names, auto& value, const char* argument,
                             const char* description) {
    app.add_option(names, value, description)->type_name(argument);
  };
  option("TARGET", options.target, "", "file or block device; without: a scratch file");
  option("-e,--engine", words.engines, "LIST", "any of glibc,kaio,libaio (all that apply)");
  option("-l,--load", words.load, "LOAD", "randread, read, randwrite or write (randread)");
  option("-b,--block-size", words.block, "SIZE", "bytes per I/O (4k)");
  option("-d,--depth", words.depths, "LIST", "I/Os kept outstanding (1,8,32)");
  option("-c,--cache", words.cache, "WHICH", "direct, buffered or both (both)");
  option("-n,--notify", words.notify, "HOW", "completion by suspend, thread or signal (suspend)");
  option("-t,--seconds", words.seconds, "TIME", "length of each measurement (1)");
  option("-r,--repeats", words.repeats, "COUNT", "rounds over all of them; medians count (3)");
  option("-s,--size", words.size, "SIZE", "part of the target to use (all; scratch: 256m)");
  app.add_flag("--cold", options.cold, "drop the page cache first; each block is read once");
  app.add_flag("--extend", options.extend, "write past the end of an empty scratch file");
  app.add_flag("--write", words.write, "allow writing to TARGET, with --destroy");
  option("--destroy", words.destroy, "TARGET", "TARGET again: what is there will be lost");
  option("--json", options.json_path, "FILE", "write all figures to this file");
  option("--plot", options.plot_path, "FILE", "draw I/Os per second, .png or .svg (gnuplot)");
}

[[noreturn]] void reject(const char* option, const std::string& word, const std::string& known) {
  throw UsageError(fmt::format("{}: '{}' is unknown: use {}", option, word, known));
}

Load load_of(const std::string& word) {
  for (const Load load : {Load{true, false}, Load{false, false}, Load{true, true},
                          Load{false, true}})
    if (word == load_name(load)) return load;
  reject("--load", word, "randread, read, randwrite or write");
}

Notify notify_of(const std::string& word) {
  for (const Notify notify : {Notify::suspend, Notify::thread, Notify::signal})
    if (word == notify_name(notify)) return notify;
  reject("--notify", word, "suspend, thread or signal");
}

std::vector<std::string> engines_of(const std::string& word, Notify notify) {
  const auto& known = known_engines();
  std::vector<std::string> names;
  if (word.empty()) {
    std::ranges::copy_if(known, std::back_inserter(names),
                         [notify](const auto& name) { return can_notify(name, notify); });
    return names;
  }
  for (const auto& name : split(word, ',')) {
    if (std::ranges::find(known, name) == known.end())
      reject("--engine", name, "one or more of " + join(known, ","));
    if (!can_notify(name, notify))
      throw UsageError(fmt::format("--notify {}: {} has no notifications: leave it out of --engine",
                                   notify_name(notify), name));
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

void set_cache(Options& options, const std::string& word) {
  if (options.cold && !word.empty() && word != "buffered")
    throw UsageError("--cold is about the page cache, which O_DIRECT does not use: leave out "
                     "--cache " + word);
  if (word == "direct") {
    options.caches = {Cache::direct};
  } else if (word == "buffered" || options.cold) {
    options.caches = {Cache::buffered};
  } else if (word == "both" || word.empty()) {
    options.caches = {Cache::direct, Cache::buffered};
    options.direct_is_optional = true;
  } else {
    reject("--cache", word, "direct, buffered or both");
  }
}

double seconds_of(const std::string& word) {
  char* end = nullptr;
  const double seconds = std::strtod(word.c_str(), &end);
  if (word.empty() || *end != '\0' || !(seconds >= 0.01 && seconds <= 86400))
    throw UsageError(fmt::format("--seconds: '{}' is not a time: give 0.01 to 86400", word));
  return seconds;
}

void check_writing(const Options& options, const Words& words) {
  if (options.has_scratch_file() && (words.write || !words.destroy.empty()))
    throw UsageError("--write and --destroy are for a target that exists: name one, or leave them "
                     "out; a scratch file may always be written");
  if (!options.load.is_write && (words.write || !words.destroy.empty()))
    throw UsageError(fmt::format("--write and --destroy do not fit --load {}, which only reads",
                                 load_name(options.load)));
  if (options.has_scratch_file() || !options.load.is_write) return;
  if (!words.write || words.destroy.empty())
    throw UsageError(fmt::format("--load {} would destroy what is on {}: to allow it, add --write "
                                 "--destroy={}", load_name(options.load), options.target,
                                 options.target));
  if (words.destroy != options.target)
    throw UsageError(fmt::format("--destroy={} is not the target {}: nothing was written",
                                 words.destroy, options.target));
}

void check_combinations(const Options& options) {
  if (options.cold && options.load.is_write)
    throw UsageError("--cold is about reads: use it with --load randread or read");
  if (options.extend && (!options.has_scratch_file() || options.load != Load{false, true}))
    throw UsageError("--extend grows a scratch file: use it with --load write and no target");
  if (options.has_scratch_file() && options.size_bytes < options.block_bytes)
    throw UsageError(fmt::format("--size {} is smaller than one block of {}",
                                 size_text(options.size_bytes), size_text(options.block_bytes)));
  const auto& plot = options.plot_path;
  if (!plot.empty() && !plot.ends_with(".png") && !plot.ends_with(".svg"))
    throw UsageError(fmt::format("--plot: '{}' has to end in .png or .svg", plot));
}

}  // namespace

std::optional<Options> parse_options(int argument_count, const char* const* arguments) {
  CLI::App app("Compares ways of asynchronous I/O on a file or block device, side by side in one\n"
               "run: glibc's POSIX AIO, kaio's, and raw kernel AIO through libaio.",
               "aio-bench");
  app.set_help_flag("-h,--help", "this text");
  app.set_version_flag("--version", "aio-bench " AIO_BENCH_VERSION, "which version this is");
  app.footer(examples);
  app.get_formatter()->column_width(26);
  Options options;
  Words words;
  declare(app, options, words);
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0)
      throw UsageError(std::string(error.what()) + ": see aio-bench --help");
    app.exit(error);
    return std::nullopt;
  }
  options.load = load_of(words.load);
  options.notify = notify_of(words.notify);
  options.engine_names = engines_of(words.engines, options.notify);
  options.engines_are_optional = words.engines.empty();
  set_cache(options, words.cache);
  options.block_bytes = parse_size("--block-size", words.block);
  if (options.block_bytes > highest_block_bytes)
    throw UsageError("--block-size: more than 1g is not one I/O any more");
  options.depths = parse_counts("--depth", words.depths, 1, highest_depth);
  options.seconds = seconds_of(words.seconds);
  options.repeats = parse_count("--repeats", words.repeats, 1, 1000);
  if (!words.size.empty()) options.size_bytes = parse_size("--size", words.size);
  if (words.size.empty() && options.has_scratch_file()) options.size_bytes = default_scratch_bytes;
  check_writing(options, words);
  check_combinations(options);
  return options;
}

}  // namespace aio_bench
