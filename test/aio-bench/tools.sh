#!/bin/bash
# SPDX-License-Identifier: MIT
# What tools/aio-run, tools/compare and tools/demo print is not lost without a word, and
# an option that is given twice is explained.
# Usage: tools.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/aio-bench/bench_cases.sh disable=SC1091
source "$(dirname "$0")/bench_cases.sh"

tools=$source_root/tools

# lost CASE CODE COMMAND...: to a full disk, and to a pipe that nobody reads any more.
lost() {
  local name=$1 code=$2
  shift 2
  "$@" >/dev/full 2>"$scratch/errors"
  status=$?
  : >"$scratch/output"
  expect_exit "$name, to a full disk" "$code" "$([[ $1 == *compare ]] && echo "No space left" ||
    echo "standard output cannot be written")"
  # The pipe's other end is closed before the command begins.
  {
    read -r _
    "$@" 2>"$scratch/errors"
    echo $? >"$scratch/status"
  } < <(sleep 0.2; echo) | true
  status=$(cat "$scratch/status")
  expect_exit "$name, to a closed pipe" "$code"
  if [[ -s $scratch/errors ]]; then
    pass "$name, and says so"
  else
    fail "$name, and says so" "there is no message"
  fi
}

lost "the help of aio-run is not lost" 125 "$tools/aio-run" --help
lost "nor is what its check tells" 125 "$tools/aio-run" --check
lost "nor the help of compare" 1 "$tools/compare" --help
lost "nor the rows of compare" 1 "$tools/compare" --list
lost "nor the help of demo" 1 "$tools/demo" --help

twice() { # CASE CODE COMMAND...
  local name=$1 code=$2
  shift 2
  "$@" >"$scratch/output" 2>"$scratch/errors"
  status=$?
  expect_exit "$name" "$code" "give"
}
twice "aio-run takes one way" 125 "$tools/aio-run" --route=pool --route=kernel true
twice "compare takes one number of rounds" 2 "$tools/compare" --rounds 1 --rounds 2 --list
twice "demo takes one directory" 2 "$tools/demo" --dir /tmp --dir /var/tmp

"$tools/aio-run" --stats cat /dev/null >"$scratch/output" 2>"$scratch/errors"
# shellcheck disable=SC2034 # expect_exit reads it
status=$?
expect_exit "aio-run --stats tells of a program that makes no request" 0 \
  "kaio: submitted 0 completed 0"
expect_exit "and which one that was" 0 "statistics of cat, process"
# The interpreter itself, where that name is a script.
python=$(python3 -c 'import sys; print(sys.executable)')
"$tools/aio-run" --stats "$python" -c 'import os, sys
if os.fork() == 0:
    sys.exit()
os.wait()' >"$scratch/output" 2>"$scratch/errors"
{
  read -r _
  "$tools/aio-run" --stats cat /dev/null 2>&1 >/dev/null
  echo $? >"$scratch/status"
} < <(sleep 0.2; echo) | true
if [[ $(cat "$scratch/status") == 0 ]]; then
  pass "statistics that nobody reads leave the exit code alone"
else
  fail "statistics that nobody reads leave the exit code alone" "it is $(cat "$scratch/status")"
fi
processes=$(sed -n 's/^kaio: statistics of python[0-9.]*, process \([0-9]*\), .*/\1/p' \
  "$scratch/errors" | sort -u | wc -l)
if ((processes == 2)); then
  pass "a child of fork() prints its own"
else
  fail "a child of fork() prints its own" "$processes did: $(cat "$scratch/errors")"
fi
finish
