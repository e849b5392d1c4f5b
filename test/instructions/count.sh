#!/bin/bash
# SPDX-License-Identifier: MIT
# Counts the instructions that a read takes in user space, submit to completion, by kaio and by
# raw kernel AIO: a polled one by the POSIX functions, one of many by the C++ engine. Of the
# difference of two runs, so that what a program does once does not count; the same on every
# machine with the same compiler.
# Usage: count.sh SOURCE_ROOT LIBRARY POSIX_PROGRAM ENGINE_PROGRAM
set -uo pipefail
# shellcheck source=test/real/cases.sh disable=SC1091
source "$(dirname "$0")/../real/cases.sh"

posix_program=$1 engine_program=$2
outstanding=16
# What they were when this was written, and a little: to be lowered with it.
polled_more_max=400
callback_more_max=350
coroutine_more_max=180

skip_without valgrind "instructions of a read"
dd if=/dev/zero of="$scratch/file" bs=4096 count=1 status=none

instructions() { # COMMAND...
  # Every read by the ring, as of a file that is not cached.
  KAIO_ROUTE=kernel valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 |
    sed -n 's/.*I *refs: *//p' | tr -d ,
}

polled() { # ENGINE
  local few many
  few=$(instructions "$posix_program" "$1" "$scratch/file" 1000) || return
  many=$(instructions "$posix_program" "$1" "$scratch/file" 6000) || return
  echo $(((many - few) / 5000))
}

of_many() { # WAY
  local few many
  few=$(instructions "$engine_program" "$1" "$scratch/file" 100 $outstanding) || return
  many=$(instructions "$engine_program" "$1" "$scratch/file" 600 $outstanding) || return
  echo $(((many - few) / 500 / outstanding))
}

# takes_at_most WHAT COUNT MORE THAN OTHER_COUNT
takes_at_most() {
  local name="$1 takes at most $3 instructions more than $4"
  if [[ -z $2 || -z $5 ]]; then
    fail "$name" "they could not be counted"
  elif (($2 - $5 > $3)); then
    fail "$name" "$2, and $5"
  else
    pass "$name"
    echo "$2, and $5"
  fi
}

takes_at_most "a polled read" "$(polled kaio)" $polled_more_max "by raw kernel AIO" "$(polled raw)"
callback=$(of_many callback)
takes_at_most "a read by the engine" "$callback" $callback_more_max "by raw kernel AIO" "$(of_many raw)"
takes_at_most "a read by a coroutine" "$(of_many coroutine)" $coroutine_more_max "by callback" \
  "$callback"
finish
