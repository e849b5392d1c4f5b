#!/bin/bash
# SPDX-License-Identifier: MIT
# 10,000 reads of pipes and sockets that wait for data: what they take in memory and
# threads, and whether reading a file goes on as fast beside them. At most 256 bytes each
# are promised; the file's bound is generous, since the machine may be busy.
# Usage: blocked-streams.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/real/cases.sh disable=SC1091
source "$(dirname "$0")/../real/cases.sh"

program=$1
count=10000
rounds=5
limit_s=120
bytes_max=258 # 256, and pages that are not full yet
threads_max=8 # the program's, the reaper, the watcher, and a few for pipes opened by name
slowdown_max=2

files=$((count + 1000))
if ! ulimit -S -n "$files" 2>/dev/null; then
  skip "$count blocked reads" "they need $files open files, the limit is $(ulimit -H -n)"
  finish
fi
dd if=/dev/urandom of="$scratch/file" bs=1M count=64 conv=fsync status=none
name="$count blocked reads of pipes and sockets"
timeout --kill-after=5 "$limit_s" "$program" "$scratch/file" "$count" "$rounds" \
  >"$scratch/figures" 2>"$scratch/errors"
code=$?
if ((code == 77)); then
  skip "$name" "no O_DIRECT here, or not so many pipes"
  finish
elif ((code != 0)); then
  fail "$name" "exit code $code (124: not done in $limit_s s): $(tail -n 3 "$scratch/errors")"
  finish
fi
cat "$scratch/figures"
largest() { awk -v field="$1" '$field > most { most = $field } END { print most }' "$scratch/figures"; }
bytes=$(largest 2)
threads=$(largest 4)
# Of the quickest round of each: what else the machine does only adds to one.
slowdown=$(awk 'NR == 1 || $6 < alone { alone = $6 } NR == 1 || $8 < beside { beside = $8 }
  END { printf "%.2f", beside / alone }' "$scratch/figures")
echo "$name: $bytes bytes each, $threads threads, a file is read in $slowdown times the time"
check() { # WHAT BOUND VALUE
  if awk -v value="$3" -v bound="$2" 'BEGIN { exit !(value <= bound) }'; then
    pass "$name: $1 at most $2"
  else
    fail "$name: $1 at most $2" "$3"
  fi
}
check "bytes of memory each" "$bytes_max" "$bytes"
check "threads" "$threads_max" "$threads"
check "times the time to read a file" "$slowdown_max" "$slowdown"
finish
