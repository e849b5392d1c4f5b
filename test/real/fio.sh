#!/bin/bash
# SPDX-License-Identifier: MIT
# fio's posixaio engine on kaio: random writes and reads whose content it checks.
# Usage: fio.sh SOURCE_ROOT LIBRARY file|tmpfs|loop
set -uo pipefail
# shellcheck source=test/real/cases.sh disable=SC1091
source "$(dirname "$0")/cases.sh"

target=$1
skip_without fio "fio on $target"

megabytes=8
depths=(1 8 32 128)
((is_long)) && megabytes=64

case $target in
file)
  filename=$scratch/file
  caches=(direct buffered)
  truncate -s 4096 "$scratch/probe"
  if ! dd if="$scratch/probe" of=/dev/null bs=4096 iflag=direct status=none 2>/dev/null; then
    skip "fio on file, direct" "no O_DIRECT in $scratch"
    caches=(buffered)
  fi
  ;;
tmpfs)
  if ! make_memory_scratch; then
    skip "fio on tmpfs" "/dev/shm is not tmpfs"
    finish
  fi
  filename=$memory_scratch/file
  caches=(buffered)
  ;;
loop)
  if ((EUID != 0)); then
    skip "fio on loop" "making a loop device needs root"
    finish
  elif ! make_loop_device $((megabytes * 4)); then
    skip "fio on loop" "no loop device can be made here"
    finish
  fi
  filename=$loop
  caches=(direct buffered)
  ;;
*) exit 2 ;;
esac

# Prints what is wrong in fio's report: an error, or nothing read or written.
problems_of_report() {
  python3 -c '
import json, sys
text = open(sys.argv[1]).read()
report = json.loads(text[text.index("{"):])
for job in report["jobs"]:
    if job["error"]:
        print("error", job["error"])
    for way in ("read", "write"):
        if job[way]["total_ios"] == 0:
            print("no", way)
' "$1" 2>&1
}

run_case() { # NAME LIMIT OPTION...
  local name="fio on $target, $1" limit_s=$2 status problems
  shift 2
  rm -f "$scratch/report"
  on_kaio "$limit_s" fio --name=verify --ioengine=posixaio --filename="$filename" \
    --verify=crc32c --verify_fatal=1 --verify_state_save=0 --do_verify=1 --random_generator=lfsr \
    --output-format=json --output="$scratch/report" "$@"
  status=$?
  problems=$(problems_of_report "$scratch/report")
  if ((status == 124 || status == 137)); then
    fail "$name" "hung: stopped after $limit_s s"
  elif ((status != 0)) || [[ -n $problems ]]; then
    fail "$name" "fio ended with $status: ${problems//$'\n'/, }"
    tail -n 15 "$scratch/errors" >&2
  elif [[ " $* " == *" --thread "* ]] && (($(submitted_count) == 0)); then
    fail "$name" "it did not run on kaio: no statistics with something submitted"
    tail -n 15 "$scratch/errors" >&2
  elif [[ " $* " != *" --thread "* && $has_used_kernel_aio == no ]]; then
    fail "$name" "it did not run on kaio: no process had a context of kernel AIO"
    tail -n 15 "$scratch/errors" >&2
  else
    pass "$name"
  fi
  [[ -f $filename ]] && rm -f "$filename"
}

# Jobs are threads but in one case: fio's job processes end without statistics. There
# they are slowed down, to be seen at work.
for cache in "${caches[@]}"; do
  direct=$([[ $cache == direct ]] && echo 1 || echo 0)
  for depth in "${depths[@]}"; do
    run_case "$cache, depth $depth" 60 --rw=randwrite --bs=4k --size="${megabytes}m" --thread \
      --direct="$direct" --iodepth="$depth"
  done
  # Many sizes, and a sync now and then.
  run_case "$cache, mixed sizes with syncs" 60 --rw=randwrite --bsrange=4k-64k --fsync=16 \
    --size="${megabytes}m" --thread --direct="$direct" --iodepth=16
  shared=(--rw=randwrite --bs=4k --size="$((megabytes / 4))m" --direct="$direct" --iodepth=8
    --offset_increment="$((megabytes / 4))m")
  run_case "$cache, 4 threads of one process" 60 "${shared[@]}" --thread --numjobs=4
  run_case "$cache, 3 processes" 60 "${shared[@]}" --numjobs=3 --rate_iops=300
done
for route in kernel poll pool; do
  KAIO_ROUTE=$route run_case "by $route" 60 --rw=randwrite --bs=4k --size=4m --thread --iodepth=32
done
finish
