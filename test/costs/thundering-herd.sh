#!/bin/bash
# SPDX-License-Identifier: MIT
# How many threads a completion wakes, of 64 that sleep in aio_suspend: those that wait for
# it, and a few to see to it. What is counted is going to sleep, which is exact.
# Usage: thundering-herd.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/real/cases.sh disable=SC1091
source "$(dirname "$0")/../real/cases.sh"

program=$1
threads=64

dd if=/dev/urandom of="$scratch/file" bs=64k count=16 conv=fsync status=none

# expect_at_most SLEEPS WAY WHAT
expect_at_most() {
  local name="$threads threads, $3: at most $1 sleeps for each that is to be woken" sleeps code
  sleeps=$(timeout --kill-after=5 60 "$program" "$2" "$threads" "$scratch/file" 2>"$scratch/errors")
  code=$?
  if ((code == 77)); then
    skip "$name" "no O_DIRECT on the filesystem of ${KAIO_TEST_DIR:-/var/tmp}"
  elif ((code != 0)); then
    fail "$name" "exit code $code: $(tail -n 3 "$scratch/errors")"
  elif awk -v sleeps="$sleeps" -v most="$1" 'BEGIN { exit !(sleeps <= most) }'; then
    pass "$name"
    echo "  $sleeps"
  else
    fail "$name" "$sleeps"
  fi
}

# The leader, the reaper, the thread itself, and who leads next: about 8, whatever the
# number of threads.
expect_at_most 16 own "each waits for its own read of a pipe"
expect_at_most 16 timed "the same, with a time limit"
expect_at_most 16 any "each waits for whatever ends"
expect_at_most 3 same "all wait for the same read"
expect_at_most 3 disk "each reads by O_DIRECT"
# More than the kernel takes at once; and each names what nobody else does.
expect_at_most 16 lists "each waits for its own, in a list of 201"
finish
