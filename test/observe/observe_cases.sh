# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# For the scripts beside it, on top of test/real/cases.sh. Sourced, with the source root, the
# library and the programs `requests` and `refuse` as the script's first arguments.

requests=$(realpath -- "$3") refuse=$(realpath -- "$4")
# shellcheck source=test/real/cases.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/../real/cases.sh"
shift 2
aio_run=$source_root/tools/aio-run
unset KAIO_STATS KAIO_LOG KAIO_STATS_DIR KAIO_ROUTE KAIO_QUEUE_DEPTH

file=$scratch/file
dd if=/dev/zero of="$file" bs=4096 count=16 conv=fsync status=none

# run COMMAND...: its outputs in $scratch/output and $scratch/errors, its exit code in `status`.
run() {
  timeout --kill-after=5 30 "$@" >"$scratch/output" 2>"$scratch/errors"
  status=$?
}

# expect CASE CODE [TEXT]...: the exit code of what ran last, and what has to have been said.
expect() {
  local name=$1 code=$2 text
  shift 2
  if ((status != code)); then
    fail "$name" "exit code $status instead of $code: $(tail -n 3 "$scratch/errors" | tr '\n' ' ')"
    return
  fi
  for text in "$@"; do
    if ! grep -qE -- "$text" "$scratch/output" "$scratch/errors"; then
      fail "$name" "it did not say '$text': $(cat "$scratch/output" "$scratch/errors" | tr '\n' ' ')"
      return
    fi
  done
  pass "$name"
}

times_said() { grep -cE -- "$1" "$scratch/errors"; }

# expect_equal CASE WANTED FOUND
expect_equal() {
  if [[ $2 == "$3" ]]; then pass "$1"; else fail "$1" "'$3' instead of '$2'"; fi
}
