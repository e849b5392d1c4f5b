// SPDX-License-Identifier: MIT
// Streams of every kind that a program can read.
#pragma once

#include "support/fd.h"

#include <functional>
#include <iosfwd>
#include <vector>

namespace conformance {

// Something to read from, and how data come into it.
struct Source {
  support::Fd fd;
  std::function<void()> act;
  std::vector<support::Fd> others;
};

struct SourceKind {
  const char* name;
  std::function<Source()> make;  // without a descriptor where the machine has none
};
std::ostream& operator<<(std::ostream& out, const SourceKind& kind);

std::vector<SourceKind> source_kinds();

}  // namespace conformance
