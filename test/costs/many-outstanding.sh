#!/bin/bash
# SPDX-License-Identifier: MIT
# 60,000 O_DIRECT reads outstanding in one process: what a read costs, as a ratio to the
# same program with 100, and whether any is left behind. On a file and, as root, on a
# loop device, which refuses what it has no room for; with places in the ring for all of
# them, and with the usual 1024.
#
# The aim is a ratio of 1.3. The bounds below are to catch a cost that grows with what
# is outstanding, on any machine however busy. On the loop device more than twice the
# aim is known and bounded loosely: to be lowered.
# Usage: many-outstanding.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/real/cases.sh disable=SC1091
source "$(dirname "$0")/../real/cases.sh"

program=$1
few=100
many=60000
reads=150000
reads_of_loop=80000 # each of which the device refuses once
rounds=3
limit_s=40 # of one run
size_mib=64

# The program's figures in $scratch/figures-WAY-DEPTH-PLACES, a line for each round.
measure() { # WAY TARGET DEPTH PLACES
  local count=$reads
  [[ -b $2 ]] && count=$reads_of_loop
  KAIO_QUEUE_DEPTH=$4 timeout --kill-after=5 "$limit_s" "$program" "$1" "$2" "$3" "$count" \
    >>"$scratch/figures-$1-$3-$4" 2>"$scratch/errors"
}

# Interleaved, so that a slow minute counts for both.
measure_both() { # WAY TARGET PLACES
  measure "$1" "$2" "$few" "$3" && measure "$1" "$2" "$many" "$3"
}

# median_of_ratios FIELD FEW MANY: of the rounds' ratios.
median_of_ratios() {
  paste "$2" "$3" | awk -v field="$1" '{ print $(field + 6) / $field }' | sort -n |
    awk '{ all[NR] = $1 } END { printf "%.2f", all[int((NR + 1) / 2)] }'
}

largest() { awk -v field="$1" '$field > most { most = $field } END { print most }' "$2"; }

is_less() { awk -v one="$1" -v other="$2" 'BEGIN { exit !(one < other) }'; }

# compare_depths WHERE TARGET WAY PLACES RATIO_MAX AGE_MAX
compare_depths() {
  local name few_figures=$scratch/figures-$3-$few-$4 many_figures=$scratch/figures-$3-$many-$4
  local code round cpu age
  name="$many reads of $1 outstanding, taken $3 first, $4 places"
  rm -f "$few_figures" "$many_figures"
  for ((round = 0; round < rounds; ++round)); do
    measure_both "$3" "$2" "$4" && continue
    code=$?
    if ((code == 77)); then
      skip "$name" "it cannot be read by O_DIRECT"
    else
      fail "$name" "exit code $code (124: not done in $limit_s s): $(tail -n 3 "$scratch/errors")"
    fi
    return
  done
  cpu=$(median_of_ratios 4 "$few_figures" "$many_figures")
  age=$(largest 6 "$many_figures")
  echo "$name: processor time per read $cpu times that of $few" \
    "(time $(median_of_ratios 2 "$few_figures" "$many_figures") times;" \
    "$(awk '{ printf "%s%d", sep, $4; sep = ", " }' "$many_figures") ns," \
    "with $few $(awk '{ printf "%s%d", sep, $4; sep = ", " }' "$few_figures") ns)," \
    "the oldest was overtaken until $age were taken"
  if is_less "$cpu" "$5"; then
    pass "$name: less than $5 times the processor time with $few"
  else
    fail "$name: less than $5 times the processor time with $few" "$cpu times"
  fi
  if ((age <= $6)); then
    pass "$name: each is taken before $6 others"
  else
    fail "$name: each is taken before $6 others" "one after $age"
  fi
}

free_places=$(($(</proc/sys/fs/aio-max-nr) - $(</proc/sys/fs/aio-nr)))
dd if=/dev/urandom of="$scratch/file" bs=1M count="$size_mib" conv=fsync status=none
# What went before it may take that many more; a file's reads end about in their order.
for way in any oldest; do
  compare_depths "a file" "$scratch/file" "$way" 1024 3 $((many * 2))
done
if ((free_places >= many + 2048)); then
  compare_depths "a file" "$scratch/file" any "$many" 3 $((many * 2))
else
  skip "$many reads in a ring with places for all" "fs.aio-max-nr leaves $free_places"
fi
if ((EUID == 0)) && make_loop_device "$size_mib"; then
  dd if="$scratch/file" of="$loop" bs=1M conv=fsync status=none
  compare_depths "a loop device" "$loop" oldest 1024 6 $((many * 2))
  ((free_places >= many + 2048)) &&
    compare_depths "a loop device" "$loop" any "$many" 6 $((many * 2))
else
  skip "$many reads of a loop device" "it needs root, and tmpfs on /dev/shm"
fi
finish
