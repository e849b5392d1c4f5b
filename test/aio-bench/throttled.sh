#!/bin/bash
# SPDX-License-Identifier: MIT
# aio-bench's figures on a device that is throttled to a known rate.
# Usage: throttled.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/aio-bench/bench_cases.sh disable=SC1091
source "$(dirname "$0")/bench_cases.sh"

seconds=2 # the kernel lets requests through in slices of 0.1 s: 5 % of this
((is_long)) && seconds=10

# figure EXPRESSION: of `r`, the first result of the last run's JSON.
figure() {
  python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))["results"][0]
print(eval(sys.argv[2]))' "$scratch/result.json" "$1"
}

is_near() { # VALUE WANTED PERCENT
  awk -v value="$1" -v wanted="$2" -v percent="$3" 'BEGIN {
    exit !(value >= wanted * (1 - percent / 100) && value <= wanted * (1 + percent / 100)) }'
}

# near CASE VALUE WANTED PERCENT UNIT
near() {
  if is_near "$2" "$3" "$4"; then
    pass "$1"
  else
    fail "$1" "$2 $5 instead of $3, and more than $4 % off"
  fi
}

throttled_iops=400
group=
stop_throttling() {
  if [[ -n $group ]]; then
    rmdir "$group"
  fi
  clean_up
}

# Makes a group whose reads of $loop are held to $throttled_iops, in `group`, by
# whichever version of control groups is there.
make_throttled_group() {
  local numbers
  numbers=$(lsblk -ndo MAJ:MIN "$loop" | tr -d ' ')
  if [[ -w /sys/fs/cgroup/blkio/blkio.throttle.read_iops_device ||
    -d /sys/fs/cgroup/blkio ]]; then
    group=/sys/fs/cgroup/blkio/aio-bench-$$
    mkdir "$group" 2>/dev/null &&
      echo "$numbers $throttled_iops" >"$group/blkio.throttle.read_iops_device"
  elif grep -qw io /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
    group=/sys/fs/cgroup/aio-bench-$$
    echo +io >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null
    mkdir "$group" 2>/dev/null && echo "$numbers riops=$throttled_iops" >"$group/io.max"
  else
    return 1
  fi 2>/dev/null
}

# The program in the throttled group, with its result in result.json.
measure_throttled() { # OPTION...
  rm -f "$scratch/result.json"
  (cd "$scratch" && echo "$BASHPID" >"$group/cgroup.procs" &&
    exec timeout 60 "$bench" "$@" --json result.json) >"$scratch/output" 2>"$scratch/errors"
  status=$?
  ((status == 0)) && return
  fail "aio-bench $* on a throttled device" "exit code $status: $(tail -n 2 "$scratch/errors")"
  return 1
}

if ((EUID != 0)); then
  skip "a throttled device" "throttling takes root"
  finish
elif ! make_loop_device 64; then
  skip "a throttled device" "no loop device can be made here"
  finish
fi
trap stop_throttling EXIT
dd if=/dev/urandom of="$loop" bs=1M count=64 status=none
if ! make_throttled_group; then
  group=
  skip "a throttled device" "there is no control group for block devices"
  finish
fi
# What a machine that is busy spoils is measured anew, up to twice.
measure_near() { # FIGURE WANTED PERCENT OPTION...
  local figure=$1 wanted=$2 percent=$3 attempt
  shift 3
  for attempt in 1 2 3; do
    measure_throttled "$loop" "$@" || return
    is_near "$(figure "$figure")" "$wanted" "$percent" && break
    echo "attempt $attempt: $(figure "$figure") instead of $wanted" >&2
  done
}

rate='r["io_per_second"]["median"]'
for engine in kaio libaio threads; do
  measure_near "$rate" $throttled_iops 10 -e $engine -d 16 -t $seconds -r 1 &&
    near "$engine at depth 16 gets the throttled rate" "$(figure "$rate")" $throttled_iops 10 \
      "I/Os per second"
done
# Of 16 in the queue each waits for 16 turns (Little's law).
near "and the latency of that" "$(figure 'r["latency_ns"]["total"]["mean"]')" \
  $((1000000000 / throttled_iops * 16)) 15 ns

# Twice what the device does: who is due later waits longer, up to half of the time.
# Measured from when there was room for it in the queue, that would not be seen.
median='r["latency_ns"]["total"]["p50"]'
measure_near "$median" $((seconds * 1000000000 / 4)) 25 -e libaio -d 16 -t $seconds -r 1 \
  --ramp-up 0 --poisson $((2 * throttled_iops)) &&
  near "the open loop counts the wait for the queue" "$(figure "$median")" \
    $((seconds * 1000000000 / 4)) 25 ns
finish
