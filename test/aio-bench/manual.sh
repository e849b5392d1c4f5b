#!/bin/bash
# SPDX-License-Identifier: MIT
# The man page names every option that --help does, and no other, and is well formed.
# Usage: manual.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/aio-bench/bench_cases.sh disable=SC1091
source "$(dirname "$0")/bench_cases.sh"

page=$source_root/tools/aio-bench/aio-bench.1
# As long options are written there: `Fl -json`, `Fl e , -engine`, `Fl -write , -destroy`.
documented=$(sed -n 's/^\.\(It \|\)Fl \(.*\)/\2/p' "$page" | grep -oE -- '-[a-z][a-z-]+' |
  sed 's/^/-/' | sort -u)

offered=
for command in run verify plot compare; do
  run_bench "$command" --help
  expect_exit "$command --help" 0 "Exit codes:"
  longest=$(wc -L <"$scratch/output")
  if ((longest > 100)); then
    fail "$command --help fits 100 columns" "its longest line has $longest"
  fi
  # Options begin their line; those of the examples do not.
  of_command=$(grep -oE '^  (-[a-z],)?--[a-z-]+' "$scratch/output" | grep -oE -- '--[a-z-]+')
  missing=$(for option in $of_command; do
    [[ $option == --help || $option == --version ]] ||
      grep -qxF -- "$option" <<<"$documented" || echo "$option"
  done)
  if [[ -n $of_command && -z $missing ]]; then
    pass "the man page has the options of $command"
  else
    fail "the man page has the options of $command" "it lacks $(tr "\n" " " <<<"$missing")"
  fi
  offered+=$of_command$'\n'
done

strange=$(comm -23 <(echo "$documented") <(sort -u <<<"$offered"))
if [[ -z $strange ]]; then
  pass "the man page has no other options"
else
  fail "the man page has no other options" "$(tr '\n' ' ' <<<"$strange")"
fi

if command -v mandoc >/dev/null; then
  # Which other pages are installed here is no matter of this one.
  problems=$(mandoc -Tlint "$page" 2>&1 | grep -v 'makewhatis\|referenced manual not found')
elif command -v man >/dev/null; then
  problems=$(man --warnings -l "$page" 2>&1 >/dev/null)
else
  skip "the man page is well formed" "neither mandoc nor man is installed"
  finish
fi
if [[ -z $problems ]]; then
  pass "the man page is well formed"
else
  fail "the man page is well formed" "$(head -n 3 <<<"$problems" | tr '\n' ' ')"
fi
finish
