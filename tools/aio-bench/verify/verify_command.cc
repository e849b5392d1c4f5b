// SPDX-License-Identifier: MIT
#include "base/clock.h"
#include "base/errors.h"
#include "base/interrupt.h"
#include "base/output.h"
#include "base/text.h"
#include "commands.h"
#include "verify/pass.h"
#include "verify/verify_options.h"

#include <algorithm>
#include <fmt/format.h>
#include <sys/random.h>

namespace aio_bench {

namespace {

constexpr std::int64_t show_interval_ns = 200'000'000;

std::uint64_t random_number() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number)
    throw RunError("no random numbers: getrandom failed");
  return number;
}

void print_heading(const VerifyOptions& options, const Target& target, std::uint64_t area_bytes,
                   std::uint64_t seed) {
  Paragraphs text(output_width());
  text.say("aio-bench verify: {}{}, {}", target.path,
           target.file_system.empty() ? "" : " (" + target.file_system + ")",
           size_text(area_bytes));
  text.say("blocks of {}, I/Os of {} to {}, depth {}, seed {}", size_text(options.block_bytes),
           size_text(options.least_io_bytes), size_text(options.most_io_bytes), options.depth,
           seed);
  print_out(text.text());
}

void print_journal(const VerifyOptions& options, const JournalContent& content) {
  Paragraphs text(output_width());
  text.say("journal: {} writes acknowledged, {} of them have to be there{}",
           count_text(content.acknowledged), count_text(content.required),
           options.synced_only       ? " (--synced-only)"
           : content.is_of_this_boot ? ""
                                     : ": the machine was started anew since");
  if (content.cut_off_bytes != 0)
    text.say("journal: its last {} bytes are not whole lines, and left out", content.cut_off_bytes);
  print_out(text.text());
}

class VerifyRun {
 public:
  VerifyRun(VerifyOptions options, const Target& target, std::uint64_t area_bytes,
            std::uint64_t run, std::uint64_t seed)
      : options_(std::move(options)), target_(target),
        verification_(options_.block_bytes, area_bytes, run, seed) {}

  Verification& verification() noexcept { return verification_; }

  void fill() {
    for_share("filling", options_.caches.front(), 0, PassPlan::Kind::fill);
    target_.settle();
  }

  // Every engine in turn on the same area: each finds what the others left.
  void load() {
    for (std::size_t engine = 0; engine < options_.engine_names.size(); ++engine) {
      for (const Cache cache : options_.caches) {
        if (interrupted() || verification_.has_found_errors()) return;
        for_share("load", cache, engine, PassPlan::Kind::load);
        target_.settle();
      }
    }
  }

  // By every cache mode, each with another engine. What was buffered is read from
  // the device, unless it has to be found in the page cache first.
  void read_back(bool from_page_cache) {
    for (std::size_t i = 0; i < options_.caches.size() && !interrupted(); ++i) {
      if (!from_page_cache) target_.drop_pages();
      for_share("reading back", options_.caches[i], i % options_.engine_names.size(),
                PassPlan::Kind::read_back);
    }
  }

 private:
  void for_share(const char* name, Cache cache, std::size_t engine, PassPlan::Kind kind) {
    const std::string& engine_name = options_.engine_names[engine];
    const PassPlan plan{.kind = kind,
                        .options = options_,
                        .engine_name = engine_name,
                        .fd = target_.descriptor(cache),
                        .progress = [&](double done) {
                          if (now_ns() < next_show_ns_) return;
                          next_show_ns_ = now_ns() + show_interval_ns;
                          progress_->show(fmt::format("{}: {}, {}, {:.0f} %", name, engine_name,
                                                      cache_name(cache), 100 * done));
                        }};
    progress_.emplace();
    const IoCounts counts = run_pass(plan, verification_);
    progress_.reset();
    print_out(counts.text(name, engine_name, cache_name(cache), output_width()));
  }

  const VerifyOptions options_;
  const Target& target_;
  Verification verification_;
  std::optional<ProgressLine> progress_;  // gone while results are printed
  std::int64_t next_show_ns_ = 0;
};

int conclude(const Verification& verification, bool is_complete) {
  const std::string conclusion = verification.conclusion(is_complete);
  try {
    print_out(conclusion);
  } catch (const RunError& error) {
    // Wrong data are what matters more.
    if (!verification.has_found_errors()) throw;
    fmt::print(stderr, "aio-bench: {}\n{}", error.what(), conclusion);
  }
  if (verification.has_found_errors()) return exit_data_wrong;
  return is_complete ? exit_done : interrupt_exit_code();
}

int run_from_beginning(VerifyOptions options) {
  const Target target = open_verify_target(options);
  const std::uint64_t area_bytes = adapt_to_target(options, target);
  const std::uint64_t seed = options.seed ? *options.seed : random_number() >> 32;
  const JournalHeader header{.run = random_number(),
                             .seed = seed,
                             .block_bytes = options.block_bytes,
                             .area_bytes = area_bytes,
                             .target = absolute_path(target.path)};
  VerifyRun run(options, target, area_bytes, header.run, seed);
  if (!options.journal_path.empty())
    run.verification().journal = Journal::create(options.journal_path, header);
  print_heading(options, target, area_bytes, seed);
  run.fill();
  run.load();
  // A run that is interrupted can be checked later, when it has a journal.
  const bool is_complete = !interrupted();
  if (is_complete) run.read_back(false);
  return conclude(run.verification(), is_complete && !interrupted());
}

int run_continued(VerifyOptions options) {
  const JournalHeader header = read_journal_header(options.journal_path);
  adapt_to_journal(options, header);
  const Target target = open_verify_target(options);
  adapt_to_target(options, target);
  const std::uint64_t seed = options.seed ? *options.seed : random_number() >> 32;
  VerifyRun run(options, target, header.area_bytes, header.run, seed);
  Verification& verification = run.verification();
  const JournalContent content =
      read_journal(options.journal_path, options.synced_only, verification.blocks);
  verification.raise_generation(content.last_generation);
  print_heading(options, target, header.area_bytes, seed);
  print_journal(options, content);
  run.read_back(content.is_of_this_boot && !options.synced_only);
  if (options.write && !verification.has_found_errors() && !interrupted()) {
    verification.journal = Journal::append_to(options.journal_path, content.valid_bytes);
    if (verification.blocks.uncertain_count() != 0) run.fill();
    run.load();
    if (!interrupted()) run.read_back(false);
  }
  return conclude(verification, !interrupted());
}

}  // namespace

int verify_command(int argument_count, const char* const* arguments) {
  std::optional<VerifyOptions> options = parse_verify_options(argument_count, arguments);
  if (!options) return exit_done;
  watch_for_interrupt();
  return options->is_continued ? run_continued(std::move(*options))
                               : run_from_beginning(std::move(*options));
}

}  // namespace aio_bench
