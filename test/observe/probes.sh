#!/bin/bash
# SPDX-License-Identifier: MIT
# The static probes are in the library with the arguments that scripts rely on, and the script
# for bpftrace draws what a program does.
# Usage: probes.sh SOURCE_ROOT LIBRARY REQUESTS REFUSE
set -uo pipefail
# shellcheck source=test/observe/observe_cases.sh disable=SC1091
source "$(dirname "$0")/observe_cases.sh"

skip_without readelf "the probes in the library"
# The size of each argument; negative: signed.
arguments_of() { # PROBE: one line for each place where it is
  readelf -n "$KAIO_LIBRARY" 2>/dev/null | awk -v probe="$1" '
    /Provider:/ { ours = $2 == "kaio" }
    /Name:/ { wanted = ours && $2 == probe }
    /Arguments:/ && wanted {
      line = ""
      for (i = 2; i <= NF; ++i) { split($i, part, "@"); line = line part[1] " " }
      print line
    }' | sort -u
}
for probe in "submit 8 8 -4 4 8 -8" "refuse 8 8 -4" "complete 8 4 -8" "notify 8 4 4"; do
  expect_equal "the probe ${probe%% *} has its arguments" "${probe#* } " \
    "$(arguments_of "${probe%% *}")"
done

name="the script draws latency by way"
script=$source_root/tools/trace/latency.bt
if ((EUID != 0)); then
  skip "$name" "tracing takes root"
  finish
fi
skip_without bpftrace "$name"
if ! timeout 20 bpftrace -e 'BEGIN { exit(); }' >/dev/null 2>&1; then
  skip "$name" "BPF does not work here"
  finish
fi
# Requests with a known way, in a histogram with something in it.
draws() {
  "$aio_run" "$requests" "$file" 30000 30000 stay >/dev/null &
  local job=$!
  sleep 0.3
  timeout --signal=INT --kill-after=10 6 bpftrace -p "$job" "$script" \
    >"$scratch/output" 2>"$scratch/errors"
  kill "$job"
  wait "$job" 2>/dev/null
  grep -A 3 -E '^@us_(by_kernel|by_pool_thread|in_the_call_or_not_begun)[^:]*: *$' \
    "$scratch/output" >"$scratch/histograms"
  grep -qE '^\[.*\) +[1-9]' "$scratch/histograms"
}
# bpftrace 0.17 was seen to hang when it was to end.
if draws || draws || draws; then
  pass "$name"
else
  fail "$name" "$(cat "$scratch/output" "$scratch/errors" | head -n 20 | tr '\n' ' ')"
fi
finish
