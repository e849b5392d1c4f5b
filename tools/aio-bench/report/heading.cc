// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "report/machine.h"
#include "report/table.h"
#include "run/session.h"

#include <fmt/format.h>

namespace aio_bench {

namespace {

std::string target_text(const Target& target) {
  const std::string size = size_text(target.area_bytes);
  const std::string place = target.file_system.empty() ? "" : " on " + target.file_system;
  std::string device;
  if (target.device) {
    const DeviceFacts& facts = *target.device;
    device = target.kind == Target::Kind::block_device ? "" : ", /dev/" + facts.name;
    if (!facts.model.empty()) device += " (" + facts.model + ")";
    if (!facts.scheduler.empty()) device += ", scheduler " + facts.scheduler;
    if (!facts.write_cache.empty()) device += ", cache " + facts.write_cache;
  }
  switch (target.kind) {
    case Target::Kind::scratch:
      return fmt::format("Scratch file {}: {}{}{}; removed when done", target.path, size, place,
                         device);
    case Target::Kind::file:
      return fmt::format("File {}: {}{}{}", target.path, size, place, device);
    default:
      return fmt::format("Block device {}: {}{}", target.path, size, device);
  }
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
  std::string text;
  for (std::size_t i = first; i < report.notes.size(); ++i)
    text += wrapped("Note: " + report.notes[i], width);
  return text;
}

std::string heading_text(const Options& options, const Report& report, unsigned width) {
  const Machine machine = this_machine();
  std::string text = wrapped(fmt::format("{}, {} CPUs{}", machine.kernel, machine.cpu_count,
                                         machine.cpu_model.empty() ? "" : ", " + machine.cpu_model),
                             width);
  for (const Target& target : report.targets) text += wrapped(target_text(target), width);
  text += wrapped(extent_text(options, report), width);
  for (const Target& target : report.targets)
    for (const auto& warning : target.warnings) text += wrapped("Warning: " + warning, width);
  return text + notes_text(report, 0, width);
}

}  // namespace aio_bench
