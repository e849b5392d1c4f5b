#!/bin/bash
# SPDX-License-Identifier: MIT
# The system calls of an O_DIRECT transfer in steady state: exactly one io_submit, at most one
# io_getevents and only where the program sleeps; no eventfd, no futex. Before a write to a file
# one getrlimit, since RLIMIT_FSIZE may be another one by then. Of the difference of two runs, so
# that what a program does once does not count.
# Usage: system-calls.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/real/cases.sh disable=SC1091
source "$(dirname "$0")/../real/cases.sh"

program=$1
counts=(200 1200)

skip_without strace "system calls of an O_DIRECT transfer"
# Real blocks: where there are none the kernel has to be asked twice.
dd if=/dev/urandom of="$scratch/file" bs=64k count=16 conv=fsync status=none
dd of="$scratch/file" oflag=nocache conv=notrunc,fdatasync count=0 status=none # none of it cached

# Its calls in $scratch/calls-COUNT, by every thread: a line of count and name for each.
# Tracing makes kaio slower, so completions are found that would have been slept for:
# what is asserted holds either way.
count_calls() { # WAY read|write PATH DEPTH COUNT
  strace -f -qq -c -U calls,name -o "$scratch/raw" "$program" "$@" 2>"$scratch/errors" || return
  awk '$1 ~ /^[0-9]+$/ && $2 != "total" { print $1, $2 }' "$scratch/raw" >"$scratch/calls-$5"
}

# Lines of NAME MORE: how many more calls the longer run made, if not the same number.
difference() {
  awk 'NR == FNR { few[$2] = $1; next } { many[$2] = $1 }
    END {
      for (name in few) if (!(name in many)) many[name] = 0
      for (name in many) if (many[name] != few[name]) print name, many[name] - few[name]
    }' "$scratch/calls-${counts[0]}" "$scratch/calls-${counts[1]}" | sort
}

# wrong_calls WAY COUNT [has-limit]: of the difference, what should not be.
#
# The first thread that sleeps makes an eventfd to be called by, and submits a poll of
# it: once, and perhaps in one of the runs only. What happens now and then, and not for
# each transfer, is looked at by itself.
wrong_calls() {
  awk -v way="$1" -v count="$2" -v has_limit="${3:-}" '
    $1 == "io_submit" { submits = $2; next }
    $1 == "fcntl" || $1 == "statx" { next }
    $1 == "getrlimit" && has_limit != "" && $2 >= count && $2 <= count * 1.25 { has_limit = ""; next }
    way == "suspend" && ($1 == "io_getevents" || $1 == "io_pgetevents") { next }
    way == "suspend" && $1 == "eventfd2" && $2 <= 1 { calls_armed = $2; next }
    way == "suspend" && $1 == "close" && $2 <= 1 { next } # its number is changed
    { print "more calls of " $1 ": " $2 }
    END {
      if (submits - calls_armed != count) print "io_submit: " submits + 0 " for " count
      if (has_limit != "") print "not one getrlimit for each"
    }'
}

# frequent_calls COUNT [SHARE] <CALLS: of all in the longer run, what is too frequent.
#
# It sleeps for a transfer once at most. What the descriptor is gets looked up now and then,
# after all requests before have ended: the number might have changed hands. The second write
# after that, though not the second read, has to know whether the file is appended to.
frequent_calls() {
  awk -v lookups_max="$(($1 / ${2:-20}))" -v count="$1" '
    ($2 == "io_getevents" || $2 == "io_pgetevents") && $1 > count { print $2 ": " $1 " for " count }
    ($2 == "fcntl" || $2 == "statx") && $1 > lookups_max { print $2 ": " $1 " for " count }'
}

check_calls() { # WAY read|write DEPTH [has-limit]
  local name code=0 count wrong share all_calls=$scratch/calls-${counts[1]}
  name="an O_DIRECT $2 takes one io_submit and hardly anything more: aio_$1, $3 outstanding"
  for count in "${counts[@]}"; do
    count_calls "$1" "$2" "$scratch/file" "$3" "$count" || { code=$?; break; }
  done
  if ((code == 77)); then
    skip "$name" "no O_DIRECT on the filesystem of ${KAIO_TEST_DIR:-/var/tmp}"
    return
  elif ((code != 0)); then
    fail "$name" "$(tail -n 3 "$scratch/errors")"
    return
  fi
  wrong=$(difference | wrong_calls "$1" $((counts[1] - counts[0])) "${@:4}")
  [[ $2 == write ]] && share=6
  wrong+=$(frequent_calls "${counts[1]}" "${share:-}" <"$all_calls")
  if [[ -z $wrong ]]; then pass "$name"; else fail "$name" "$wrong"; fi
  grep -E 'io_submit|io_getevents|fcntl|statx|write|getrlimit' "$all_calls" |
    sed "s/\$/ for ${counts[1]}, and the program's start/; s/^/  /"
}

for way in error suspend; do
  for depth in 1 8; do
    check_calls "$way" read "$depth"
    check_calls "$way" write "$depth" has-limit
  done
done

# A test that cannot see a call too many would be no test.
name="a call too many is seen"
wrong=$(printf '%s\n' 'io_submit 1000' 'futex 1' | wrong_calls error 1000
  printf '%s\n' 'io_submit 1001' | wrong_calls suspend 1000
  printf '%s\n' 'io_submit 1000' 'getrlimit 999' | wrong_calls suspend 1000 has-limit
  printf '%s\n' '121 fcntl' '1201 io_getevents' | frequent_calls 1200)
if [[ $wrong == *futex*1001*"of getrlimit"*"not one"*fcntl*io_getevents* ]]; then
  pass "$name"
else
  fail "$name" "$wrong"
fi
finish
