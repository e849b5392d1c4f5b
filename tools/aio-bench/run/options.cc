// SPDX-License-Identifier: MIT
#include "run/options.h"

#include "base/command_line.h"
#include "base/errors.h"
#include "base/names.h"
#include "base/text.h"
#include "commands.h"
#include "engines/engines.h"
#include "loads/load.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace aio_bench {

namespace {

constexpr std::uint64_t default_scratch_bytes = 256 << 20;
constexpr unsigned highest_depth = 65536;
constexpr double longest_seconds = 86400;
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

// Those that others decide on; turned into Options when all are known.
struct Words {
  std::string engines, cache, seconds, amount, ramp_up;
  double limited_rate = 0, poisson_rate = 0;
};

void declare_load(CommandLine& line, Options& options, Words& words) {
  line.section("What is measured");
  line.word("-e,--engine", "LIST",
            "any of glibc,kaio,kaio-engine,libaio,io_uring,preadv2,"
            "threads (all)",
            words.engines);
  line.value("-l,--load", "LIST",
             "randread, randwrite, randrw:PERCENT, read, write,\n"
             "rw:PERCENT (randread)",
             "randread", options.loads, parse_loads);
  line.value("-b,--block-size", "LIST", "bytes of an I/O (4k)", "4k", options.blocks, parse_blocks);
  line.value("-d,--depth", "LIST", "I/Os kept outstanding by each job (1,8,32)", "1,8,32",
             options.depths, parse_counts, 1U, highest_depth);
  line.value("--batch", "COUNT", "I/Os in one submitting call, at most (1)", "1", options.batch,
             parse_count, 1U, highest_depth);
  line.value("-j,--jobs", "LIST", "threads that submit (1)", "1", options.job_counts, parse_counts,
             1U, highest_job_count);
  line.word("-c,--cache", "WHICH", "direct, buffered or both (direct)", words.cache);
  line.value("-n,--notify", "LIST",
             "completion by suspend, poll, waitcomplete, list,\n"
             "signal, thread, eventfd or coroutine (suspend)",
             "suspend", options.notifies, parse_notifies);
  line.value("--vectors", "COUNT", "pieces that each I/O's buffer is in (1)", "1",
             options.vector_count, parse_count, 1U, 1024U);
  line.flag("--dsync", options.dsync, "open with O_DSYNC: each write is durable when done");
  line.value("--fsync", "COUNT", "an fsync after so many writes", "", options.fsync_every,
             parse_count, 1U, 1'000'000'000U);
  line.value("--rate", "IOPS", "at most so many I/Os per second", "", words.limited_rate,
             parse_rate);
  line.value("--poisson", "IOPS", "so many, at random times whatever the device does", "",
             words.poisson_rate, parse_rate);
  line.flag("--cold", options.cold, "drop the page cache first; each block is read once");
  line.flag("--extend", options.extend, "write past the end of an empty scratch file");
}

void declare(CommandLine& line, Options& options, Words& words) {
  line.set_version_flag("--version", "aio-bench " AIO_BENCH_VERSION, "which version this is");
  line.add_option("TARGET", options.targets, "files and block devices; none: a scratch file here")
      ->type_name("...");
  declare_load(line, options, words);

  line.section("How much");
  line.value("-s,--size", "SIZE", "part of the target to use (all; scratch: 256m)", "",
             options.size_bytes, parse_size);
  line.word("-t,--seconds", "TIME", "length of each measurement (1)", words.seconds);
  line.word("--amount", "SIZE", "instead: bytes of each measurement", words.amount);
  line.word("--ramp-up", "TIME", "runs before each and is left out (a tenth)", words.ramp_up);
  line.value("-r,--repeats", "COUNT", "rounds over all of them; medians count (3)", "3",
             options.repeats, parse_count, 1U, 1000U);

  const char* const safety = "Writing to what exists";
  line.section(safety);
  line.flag("--write", options.write, "allow writing to TARGETs, with --destroy");
  line.add_option("--destroy", options.destroy, "TARGET again: what is there will be lost")
      ->type_name("TARGET")
      ->group(safety)
      ->take_all()
      ->allow_extra_args(false);  // what comes behind it is a TARGET
  line.flag("--force", options.force, "even if it is mounted or otherwise in use");

  line.section("Output");
  line.word("--json", "FILE",
            "all figures, for plot and compare; - is standard\n"
            "output, and the table goes to standard error then",
            options.json_path);
  line.word("--csv", "FILE", "rate and latency over time; - as for --json", options.csv_path);
  line.value("--csv-interval", "TIME", "of its lines (1)", "1", options.csv_interval_seconds,
             parse_seconds, 0.01, longest_seconds);
  line.flag("--count-system-calls", options.count_system_calls,
            "of all engines, by the kernel (root); slows them a little");
}

void set_pace(Options& options, const Words& words) {
  if (words.limited_rate > 0 && words.poisson_rate > 0)
    throw UsageError(
        "--rate limits a load that waits for the device, --poisson does not wait: give one of "
        "them");
  if (words.limited_rate > 0)
    options.pace = {.kind = Pace::Kind::limited, .io_per_second = words.limited_rate};
  if (words.poisson_rate > 0)
    options.pace = {.kind = Pace::Kind::poisson, .io_per_second = words.poisson_rate};
}

void set_engines(Options& options, const std::string& word) {
  const auto fits = [&options](const std::string& name) {
    return (options.vector_count == 1 || can_do_vectors(name)) &&
           std::ranges::any_of(options.notifies,
                               [&](Notify notify) { return can_notify(name, notify); });
  };
  options.engines_are_optional = word.empty();
  if (word.empty()) {
    std::ranges::copy_if(known_engines(), std::back_inserter(options.engine_names), fits);
    return;
  }
  for (const std::size_t place : parse_names("--engine", word, known_engines())) {
    const std::string& name = known_engines()[place];
    if (options.vector_count > 1 && !can_do_vectors(name))
      throw UsageError("--vectors: {} has no vectors: leave it out of --engine", name);
    if (!fits(name)) {
      std::vector<std::string> possible = notify_names;
      std::erase_if(possible, [&](const std::string& notify) {
        return !can_notify(name, parse_notifies("", notify).front());
      });
      throw UsageError("--notify: {} only knows {}: leave it out of --engine", name,
                       join(possible, ","));
    }
    options.engine_names.push_back(name);
  }
}

void set_cache(Options& options, const std::string& word) {
  if (options.cold && !word.empty() && word != "buffered")
    throw UsageError(
        "--cold is about the page cache, which O_DIRECT does not use: leave out --cache " + word);
  options.direct_is_optional = !options.cold && (word.empty() || word == "both");
  options.caches = parse_caches("--cache", !word.empty()  ? word
                                           : options.cold ? "buffered"
                                                          : "direct");
}

void set_extent(Options& options, const Words& words) {
  if (!words.seconds.empty() && !words.amount.empty())
    throw UsageError("--seconds and --amount both say when a measurement ends: give one of them");
  if (words.amount.empty())
    options.seconds = words.seconds.empty()
                          ? 1
                          : parse_seconds("--seconds", words.seconds, 0.01, longest_seconds);
  else
    options.amount_bytes = parse_size("--amount", words.amount);
  // What goes through the area once has nothing to spare.
  const bool has_ramp_up = options.seconds > 0 && !options.cold && !options.extend;
  options.ramp_up_seconds = has_ramp_up ? std::min(0.25, options.seconds / 10) : 0;
  if (!words.ramp_up.empty()) {
    options.ramp_up_seconds = parse_seconds("--ramp-up", words.ramp_up, 0, longest_seconds);
    if (options.ramp_up_seconds > 0 && (options.cold || options.extend))
      throw UsageError("--ramp-up would use up what --cold and --extend measure: leave it out");
  }
  if (options.size_bytes == 0 && options.has_scratch_file())
    options.size_bytes = default_scratch_bytes;
}

std::string commands_text() {
  std::string text = "Commands:\n";
  for (const Command& command : commands)
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
  CommandLine line("aio-bench",
                   "Compares ways of asynchronous I/O on files and block devices, side by side in "
                   "one\nrun: glibc's POSIX AIO, kaio's, raw kernel AIO, io_uring, and threads.",
                   commands_text() + examples, 28);
  Options options;
  Words words;
  declare(line, options, words);
  if (!line.read(argument_count, arguments)) return std::nullopt;
  options.command_line.assign(arguments, arguments + argument_count);
  set_pace(options, words);
  set_engines(options, words.engines);
  set_cache(options, words.cache);
  set_extent(options, words);
  check_combinations(options);
  return options;
}

}  // namespace aio_bench
