// SPDX-License-Identifier: MIT
#include "run/options.h"

#include "base/command_line.h"
#include "base/errors.h"
#include "base/text.h"
#include "commands.h"
#include "engines/engines.h"
#include "loads/parse_load.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>

namespace aio_bench {

namespace {

constexpr std::uint64_t default_scratch_bytes = 256 << 20;
constexpr unsigned highest_depth = 65536;
constexpr unsigned highest_job_count = 1024;

constexpr const char* examples =
    R"(Lists are 1,8,32 or 1..64 (each power of two), for sizes 4k,64k or 4k..1m; a size 4k-64k
gives each I/O its own, a multiple of 4k.

Examples:
  aio-bench                              all engines on a scratch file here, in a minute
  aio-bench /dev/nvme0n1                 a device, read only
  aio-bench -e kaio,io_uring -d 1..256 /dev/nvme0n1
  aio-bench -l randrw:70 -b 8k -j 4      70 % reads, four threads that submit
  aio-bench -l write -b 1m -d 4 --dsync  sequential writes of 1 MiB, each one durable
  aio-bench --poisson 20k -d 64          latency at 20,000 I/Os per second that do not
                                         wait for each other
  aio-bench --cold -b 64k                buffered reads that nothing has cached
  aio-bench -l write --extend -b 1m -d 1 -s 2g
                                         what appending costs inside the submitting call
  aio-bench -n thread,signal,eventfd     ways of being told of a completion
  aio-bench /dev/sdx -l randwrite --write --destroy=/dev/sdx

Latency runs from before the submitting call until the program has the result; with
--poisson from when the I/O was due. Exit codes: 0 done, 1 failed, 2 wrong usage,
130 interrupted (143 by SIGTERM, 129 by SIGHUP): what was measured until then is shown.)";

// The words as given; turned into Options when all are known.
struct Words {
  std::string engines, loads = "randread", blocks = "4k", depths = "1,8,32", batch = "1";
  std::string jobs = "1", cache, notifies = "suspend", vectors = "1", fsync_every, rate, poisson;
  std::string size, seconds, amount, ramp_up, repeats = "3", csv_interval = "1";
  std::vector<std::string> destroy;
};

void declare(CLI::App& app, Options& options, Words& words) {
  const auto option = [&app](const char* names, auto& value, const char* argument,
                             const char* description, const char* group) {
    return app.add_option(names, value, description)->type_name(argument)->group(group);
  };
  const auto flag = [&app](const char* name, bool& value, const char* text, const char* group) {
    app.add_flag(name, value, text)->group(group);
  };
  app.add_option("TARGET", options.targets, "files and block devices; none: a scratch file here")
      ->type_name("...");

  const char* const load = "What is measured";
  option("-e,--engine", words.engines, "LIST",
         "any of glibc,kaio,libaio,io_uring,preadv2,threads (all)", load);
  option("-l,--load", words.loads, "LIST",
         "randread, randwrite, randrw:PERCENT, read, write,\n"
         "rw:PERCENT (randread)",
         load);
  option("-b,--block-size", words.blocks, "LIST", "bytes of an I/O (4k)", load);
  option("-d,--depth", words.depths, "LIST", "I/Os kept outstanding by each job (1,8,32)", load);
  option("--batch", words.batch, "COUNT", "I/Os in one submitting call, at most (1)", load);
  option("-j,--jobs", words.jobs, "LIST", "threads that submit (1)", load);
  option("-c,--cache", words.cache, "WHICH", "direct, buffered or both (direct)", load);
  option("-n,--notify", words.notifies, "LIST",
         "completion by suspend, poll, waitcomplete, list,\n"
         "signal, thread or eventfd (suspend)",
         load);
  option("--vectors", words.vectors, "COUNT", "pieces that each I/O's buffer is in (1)", load);
  flag("--dsync", options.dsync, "open with O_DSYNC: each write is durable when done", load);
  option("--fsync", words.fsync_every, "COUNT", "an fsync after so many writes", load);
  option("--rate", words.rate, "IOPS", "at most so many I/Os per second", load);
  option("--poisson", words.poisson, "IOPS", "so many, at random times whatever the device does",
         load);
  flag("--cold", options.cold, "drop the page cache first; each block is read once", load);
  flag("--extend", options.extend, "write past the end of an empty scratch file", load);

  const char* const extent = "How much";
  option("-s,--size", words.size, "SIZE", "part of the target to use (all; scratch: 256m)", extent);
  option("-t,--seconds", words.seconds, "TIME", "length of each measurement (1)", extent);
  option("--amount", words.amount, "SIZE", "instead: bytes of each measurement", extent);
  option("--ramp-up", words.ramp_up, "TIME", "runs before each and is left out (a tenth)", extent);
  option("-r,--repeats", words.repeats, "COUNT", "rounds over all of them; medians count (3)",
         extent);

  const char* const safety = "Writing to what exists";
  flag("--write", options.write, "allow writing to TARGETs, with --destroy", safety);
  option("--destroy", words.destroy, "TARGET", "TARGET again: what is there will be lost", safety)
      ->take_all()
      ->allow_extra_args(false);  // what comes behind it is a TARGET
  flag("--force", options.force, "even if it is mounted or otherwise in use", safety);

  const char* const output = "Output";
  option("--json", options.json_path, "FILE",
         "all figures, for plot and compare; - is standard\n"
         "output, and the table goes to standard error then",
         output);
  option("--csv", options.csv_path, "FILE", "rate and latency over time; - as for --json", output);
  option("--csv-interval", words.csv_interval, "TIME", "of its lines (1)", output);
  flag("--count-system-calls", options.count_system_calls,
       "of all engines, by the kernel (root); slows them a little", output);
}

std::vector<std::string> engines_of(const std::string& word, const Options& options) {
  const auto& known = known_engines();
  const auto fits = [&options](const std::string& name) {
    return (options.vector_count == 1 || can_do_vectors(name)) &&
           std::ranges::any_of(options.notifies,
                               [&](Notify notify) { return can_notify(name, notify); });
  };
  std::vector<std::string> names;
  if (word.empty()) {
    std::ranges::copy_if(known, std::back_inserter(names), fits);
    return names;
  }
  for (const auto& name : split(word, ',')) {
    if (std::ranges::find(known, name) == known.end())
      throw UsageError(fmt::format("{}: '{}' is unknown{}: use one or more of {}",
                                   typed_option("--engine", word, name), name, advice(name, known),
                                   join(known, ",")));
    if (options.vector_count > 1 && !can_do_vectors(name))
      throw UsageError(fmt::format("--vectors: {} has no vectors: leave it out of --engine", name));
    if (!fits(name)) {
      std::vector<std::string> possible;
      for (const Notify notify : all_notifies)
        if (can_notify(name, notify)) possible.push_back(notify_name(notify));
      throw UsageError(fmt::format("--notify: {} only knows {}: leave it out of --engine", name,
                                   join(possible, ",")));
    }
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

void set_cache(Options& options, const std::string& word) {
  if (options.cold && !word.empty() && word != "buffered")
    throw UsageError(
        "--cold is about the page cache, which O_DIRECT does not use: leave out "
        "--cache " +
        word);
  if (word == "buffered" || options.cold) {
    options.caches = {Cache::buffered};
  } else if (word == "direct") {
    options.caches = {Cache::direct};
  } else if (word == "both") {
    options.caches = {Cache::direct, Cache::buffered};
    options.direct_is_optional = true;
  } else if (word.empty()) {
    options.caches = {Cache::direct};
    options.direct_is_optional = true;
  } else {
    throw UsageError(fmt::format("--cache: '{}' is unknown{}: use direct, buffered or both", word,
                                 advice(word, {"direct", "buffered", "both"})));
  }
}

void set_pace(Options& options, const Words& words) {
  if (!words.rate.empty() && !words.poisson.empty())
    throw UsageError(
        "--rate limits a load that waits for the device, --poisson does not wait: "
        "give one of them");
  if (!words.rate.empty())
    options.pace = {.kind = Pace::Kind::limited, .io_per_second = parse_rate("--rate", words.rate)};
  if (!words.poisson.empty())
    options.pace = {.kind = Pace::Kind::poisson,
                    .io_per_second = parse_rate("--poisson", words.poisson)};
}

void set_extent(Options& options, const Words& words) {
  if (!words.seconds.empty() && !words.amount.empty())
    throw UsageError("--seconds and --amount both say when a measurement ends: give one of them");
  if (words.amount.empty())
    options.seconds = words.seconds.empty() ? 1 : parse_seconds("--seconds", words.seconds, 0.01);
  else
    options.amount_bytes = parse_size("--amount", words.amount);
  // What goes through the area once has nothing to spare.
  const bool has_ramp_up = options.seconds > 0 && !options.cold && !options.extend;
  options.ramp_up_seconds = has_ramp_up ? std::min(0.25, options.seconds / 10) : 0;
  if (!words.ramp_up.empty()) {
    options.ramp_up_seconds = parse_seconds("--ramp-up", words.ramp_up, 0);
    if (options.ramp_up_seconds > 0 && (options.cold || options.extend))
      throw UsageError("--ramp-up would use up what --cold and --extend measure: leave it out");
  }
  options.repeats = parse_count("--repeats", words.repeats, 1, 1000);
  if (!words.size.empty()) options.size_bytes = parse_size("--size", words.size);
  if (words.size.empty() && options.has_scratch_file()) options.size_bytes = default_scratch_bytes;
}

void interpret(Options& options, const Words& words) {
  options.loads = parse_loads("--load", words.loads);
  options.blocks = parse_blocks("--block-size", words.blocks);
  options.depths = parse_counts("--depth", words.depths, 1, highest_depth);
  options.batch = parse_count("--batch", words.batch, 1, highest_depth);
  options.job_counts = parse_counts("--jobs", words.jobs, 1, highest_job_count);
  options.notifies = parse_notifies("--notify", words.notifies);
  options.vector_count = parse_count("--vectors", words.vectors, 1, 1024);
  if (!words.fsync_every.empty())
    options.fsync_every = parse_count("--fsync", words.fsync_every, 1, 1'000'000'000);
  options.engine_names = engines_of(words.engines, options);
  options.engines_are_optional = words.engines.empty();
  options.destroy = words.destroy;
  options.csv_interval_seconds = parse_seconds("--csv-interval", words.csv_interval, 0.01);
  set_cache(options, words.cache);
  set_pace(options, words);
  set_extent(options, words);
}

std::string commands_text() {
  std::string text = "Commands:\n";
  for (const Command& command : commands())
    text += fmt::format("  {:<24}{}\n", command.name, command.summary);
  return text + "\n";
}

}  // namespace

bool Options::has_writes() const noexcept { return std::ranges::any_of(loads, &Load::has_writes); }

bool Options::has_reads() const noexcept { return std::ranges::any_of(loads, &Load::has_reads); }

std::size_t Options::greatest_block_bytes() const noexcept {
  return std::ranges::max(blocks, {}, &BlockSize::greatest_bytes).greatest_bytes;
}

std::optional<Options> parse_options(int argument_count, const char* const* arguments) {
  CLI::App app(
      "Compares ways of asynchronous I/O on files and block devices, side by side in one\n"
      "run: glibc's POSIX AIO, kaio's, raw kernel AIO, io_uring, and threads.",
      "aio-bench");
  app.set_help_flag("-h,--help", "this text");
  app.set_version_flag("--version", "aio-bench " AIO_BENCH_VERSION, "which version this is");
  app.footer(commands_text() + examples);
  app.get_formatter()->column_width(28);
  Options options;
  Words words;
  declare(app, options, words);
  if (!parse_arguments(app, argument_count, arguments)) return std::nullopt;
  options.command_line.assign(arguments, arguments + argument_count);
  interpret(options, words);
  check_combinations(options);
  return options;
}

}  // namespace aio_bench
