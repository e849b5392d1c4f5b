#!/bin/bash
# SPDX-License-Identifier: MIT
# stress-ng's POSIX AIO stressor on kaio, checking what it reads.
# Usage: stress-ng.sh SOURCE_ROOT LIBRARY
set -uo pipefail
# shellcheck source=test/real/cases.sh disable=SC1091
source "$(dirname "$0")/cases.sh"

skip_without stress-ng "stress-ng --aio"
seconds=5
((is_long)) && seconds=20

run_case() { # NAME OPTION...
  local name="stress-ng $1" status
  shift
  on_kaio $((seconds + 30)) stress-ng "$@" --verify --timeout "$seconds" --metrics-brief \
    --temp-path "$scratch"
  status=$?
  if ((status == 124 || status == 137)); then
    fail "$name" "hung: stopped after $((seconds + 30)) s"
  elif ((status != 0)) || grep -qE 'fail:|failed: [1-9]' "$scratch/output" "$scratch/errors"; then
    fail "$name" "stress-ng ended with $status"
    cat "$scratch/output" "$scratch/errors" >&2
  elif [[ $has_used_kernel_aio == no ]]; then
    fail "$name" "it did not run on kaio: no worker had a context of kernel AIO"
  else
    pass "$name"
  fi
}

run_case "--aio 4" --aio 4
run_case "--aio 4 --aio-requests 64" --aio 4 --aio-requests 64
finish
