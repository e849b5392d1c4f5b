// SPDX-License-Identifier: MIT
// What the commands tell, and where. A report that is lost is an error, as the figures of
// an hour may be in it: so each piece is written at once, and checked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aio_bench {

// To be called first: no file that is opened later becomes standard output by its
// number, and neither a closed pipe nor a limit ends the process without a word.
void prepare_standard_streams();

// Throws RunError when it cannot be written.
void print_out(std::string_view text);

// What is said beside a result that goes to standard output itself. Throws RunError.
void print_aside(std::string_view text);

// Whether `path` means standard output: "-", or a name that the system has for it.
bool is_standard_output(const std::string& path);

// The columns of the terminal that standard output, or standard error, is; 100 where it
// is none, so that a stored report looks the same everywhere.
unsigned output_width();
unsigned aside_width();

// So that it is known before the measurements whether `path`, given with `option`, can
// be written, and that nothing is lost thereby but an earlier file of that name. Makes
// and changes nothing. Throws UsageError for a directory, a block device and what is
// one of `targets`, and RunError for what the system does not let us write.
void check_output(const std::string& option, const std::string& path,
                  const std::vector<std::string>& targets);

// One line on stderr which is written over again and removed in the end; nothing
// at all when stderr is not a terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  bool is_shown() const noexcept { return is_terminal_; }
  void show(const std::string& text) const;

 private:
  const bool is_terminal_;
};

}  // namespace aio_bench
