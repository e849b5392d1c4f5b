// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "report/machine.h"
#include "report/table.h"
#include "run/session.h"

#include <cctype>
#include <fmt/format.h>

namespace aio_bench {

namespace {

std::string target_text(const Target& target) {
  const bool is_device = target.kind == Target::Kind::block_device;
  std::string text =
      fmt::format("{} {}: {}", kind_name(target.kind), target.path, size_text(target.area_bytes));
  text[0] = static_cast<char>(std::toupper(text[0]));
  if (!target.file_system.empty()) text += " on " + target.file_system;
  if (target.device) {
    const DeviceFacts& facts = *target.device;
    if (!is_device) text += ", /dev/" + facts.name;
    if (!facts.model.empty()) text += " (" + facts.model + ")";
    if (!facts.scheduler.empty()) text += ", scheduler " + facts.scheduler;
    if (!facts.write_cache.empty()) text += ", cache " + facts.write_cache;
  }
  return target.kind == Target::Kind::scratch ? text + "; removed when done" : text;
}

std::string extent_text(const Options& options, const Report& report) {
  const std::string each = options.seconds > 0 ? fmt::format("{:g} s", options.seconds)
                                               : size_text(options.amount_bytes);
  std::string text =
      fmt::format("{} measurement{} of {} each: {} round{}", report.measurements_planned,
                  report.measurements_planned == 1 ? "" : "s", each, options.repeats,
                  options.repeats == 1 ? "" : "s");
  if (options.seconds > 0)
    text += fmt::format("; takes {}", duration_text(planned_seconds(options, report)));
  return text;
}

}  // namespace

std::string notes_text(const Report& report, std::size_t first, unsigned width) {
  Paragraphs text(width);
  for (std::size_t i = first; i < report.notes.size(); ++i) text.say("Note: {}", report.notes[i]);
  return text.text();
}

std::string heading_text(const Options& options, const Report& report, unsigned width) {
  const Machine machine = this_machine();
  Paragraphs text(width);
  text.say("{}, {} CPUs{}", machine.kernel, machine.cpu_count,
           machine.cpu_model.empty() ? "" : ", " + machine.cpu_model);
  for (const Target& target : report.targets) text.say("{}", target_text(target));
  text.say("{}", extent_text(options, report));
  for (const Target& target : report.targets)
    for (const auto& warning : target.warnings) text.say("Warning: {}", warning);
  return text.text() + notes_text(report, 0, width);
}

}  // namespace aio_bench
