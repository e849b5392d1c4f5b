#!/bin/bash
# SPDX-License-Identifier: MIT
# Counts the instructions that a polled read takes in user space, submit to return, by
# kaio and by raw kernel AIO. Of the difference of two runs, so that what a program does
# once does not count; the same on every machine with the same compiler.
# Usage: count.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/real/cases.sh disable=SC1091
source "$(dirname "$0")/../real/cases.sh"

program=$1
# What it was when this was written, and a little: to be lowered with it.
instructions_more_max=400
reads=(1000 6000)

skip_without valgrind "instructions of a polled read"
dd if=/dev/zero of="$scratch/file" bs=4096 count=1 status=none

# Every read by the ring, as of a file that is not cached.
instructions() { # ENGINE READS
  KAIO_ROUTE=kernel valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$scratch/file" "$2" \
    2>&1 | sed -n 's/.*I *refs: *//p' | tr -d ,
}

per_read() { # ENGINE
  local few many
  few=$(instructions "$1" "${reads[0]}")
  many=$(instructions "$1" "${reads[1]}")
  [[ -n $few && -n $many ]] && echo $(((many - few) / (reads[1] - reads[0])))
}

name="a polled read takes at most $instructions_more_max instructions more than by raw kernel AIO"
raw=$(per_read raw)
kaio=$(per_read kaio)
if [[ -z $raw || -z $kaio ]]; then
  fail "$name" "they could not be counted"
elif ((kaio - raw > instructions_more_max)); then
  fail "$name" "$kaio by kaio, $raw by raw kernel AIO"
else
  pass "$name"
  echo "$kaio by kaio, $raw by raw kernel AIO"
fi
finish
