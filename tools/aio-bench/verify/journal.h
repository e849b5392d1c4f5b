// SPDX-License-Identifier: MIT
// The side file that tells, after a crash, what has to be there. One line of JSON
// about the run, then one line of text for each event, in their order:
//
//   a GENERATION FIRST COUNT CHECK   a write was acknowledged for these blocks
//   s 0 0 0 CHECK                    all lines above are on the device: the target
//                                    was fdatasync'ed since
//   b BOOT 0 0 CHECK                 from here on under this boot of the machine
//
// Lines are appended with write(2) as soon as an I/O is reaped, so they outlive the
// process; with each 's' the journal itself is fdatasync'ed, so they outlive the
// machine. What was in flight needs no line: its generation is later than the
// acknowledged one, and its data say so themselves.
#pragma once

#include "base/file_descriptor.h"
#include "verify/block_map.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace aio_bench {

// A line, as text with its newline.
struct JournalLine {
  char kind = 0;
  std::uint64_t number = 0;
  BlockRange range;
};

std::string journal_line(const JournalLine& line);

// `text` without its newline; false when it is damaged.
bool parse_journal_line(std::string_view text, JournalLine& line) noexcept;

struct JournalHeader {
  std::uint64_t run = 0;
  std::uint64_t seed = 0;
  std::uint64_t block_bytes = 0;
  std::uint64_t area_bytes = 0;
  std::string target;  // absolute
};

// Appends. All throw RunError when the journal cannot be written.
class Journal {
 public:
  // Makes the file, which must not be there yet (UsageError).
  static Journal create(const std::string& path, const JournalHeader& header);
  // Goes on behind what read_journal() read.
  static Journal append_to(const std::string& path, std::uint64_t valid_bytes);

  void acknowledge(const BlockRange& range, std::uint64_t generation);
  // Hands over the lines so far to the kernel.
  void flush();
  // To be called when the target was fdatasync'ed, with nothing acknowledged since
  // that began.
  void mark_synced();

 private:
  Journal(std::string path, int fd) : path_(std::move(path)), file_(fd) {}
  void begin_session();
  void add(char kind, std::uint64_t number, const BlockRange& range);

  std::string path_;
  FileDescriptor file_;
  std::string lines_;
};

struct JournalContent {
  JournalHeader header;
  std::uint64_t acknowledged = 0;  // writes in the journal
  std::uint64_t required = 0;      // of these: have to be there, or a later one
  std::uint64_t last_generation = 0;
  std::uint64_t valid_bytes = 0;
  std::uint64_t cut_off_bytes = 0;  // behind them: a line that a crash cut off
  bool is_of_this_boot = false;     // the last session was
};

// The header alone, which tells how large the map has to be. Throws UsageError when
// this is no journal.
JournalHeader read_journal_header(const std::string& path);

// Brings `blocks` to what the journal requires. After a reboot, or with
// `synced_only`, that is what was on the device for certain; else all that was
// acknowledged. Throws RunError when a line in the middle is damaged.
JournalContent read_journal(const std::string& path, bool synced_only, BlockMap& blocks);

}  // namespace aio_bench
