#!/bin/bash
# SPDX-License-Identifier: MIT
# What aio_suspend takes for each request of a list of 1,000. A few ns are the aim; the
# bounds are to catch a look that has become another order of magnitude, on any machine
# however busy.
# Usage: long-lists.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/real/cases.sh disable=SC1091
source "$(dirname "$0")/../real/cases.sh"

program=$1
# After a sleep the list is in no cache, and it is gone through about six times.
declare -A ns_max=([looked_at]=25 [found]=15 [slept_for]=300)

timeout --kill-after=5 60 "$program" >"$scratch/figures" 2>"$scratch/errors"
code=$?
for way in looked_at found slept_for; do
  name="a request in a list of 1,000 takes less than ${ns_max[$way]} ns: ${way//_/ }"
  ns=$(awk -v way="$way" '$1 == way { print $2 }' "$scratch/figures")
  if ((code != 0)) || [[ -z $ns ]]; then
    fail "$name" "exit code $code: $(tail -n 3 "$scratch/errors")"
  elif awk -v ns="$ns" -v most="${ns_max[$way]}" 'BEGIN { exit !(ns < most) }'; then
    pass "$name"
    echo "  $ns ns"
  else
    fail "$name" "$ns ns"
  fi
done
finish
