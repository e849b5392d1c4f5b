# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# For the scripts beside it, on top of test/real/cases.sh. Sourced, with the source
# root, the library and the program as the script's first arguments.

bench=$(realpath -- "$3")
# shellcheck source=test/real/cases.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/../real/cases.sh"
shift

bench_limit_s=60

# The program in $scratch, its outputs in $scratch/output and $scratch/errors, its
# exit code in `status`. A hang is exit code 124.
run_bench() {
  (cd "$scratch" && timeout --kill-after=5 "$bench_limit_s" "$bench" "$@") \
    >"$scratch/output" 2>"$scratch/errors"
  status=$?
}

# expect_exit CASE CODE [TEXT]: what run_bench did last, and what it has to have said.
expect_exit() {
  if ((status != $2)); then
    fail "$1" "exit code $status instead of $2: $(tail -n 3 "$scratch/output" "$scratch/errors" |
      tr '\n' ' ')"
  elif [[ -n ${3:-} ]] && ! grep -qF -- "$3" "$scratch/output" "$scratch/errors"; then
    fail "$1" "it did not say '$3': $(tail -n 3 "$scratch/output" "$scratch/errors" |
      tr '\n' ' ')"
  else
    pass "$1"
  fi
}
