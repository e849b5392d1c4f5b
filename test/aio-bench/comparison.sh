#!/bin/bash
# SPDX-License-Identifier: MIT
# tools/compare runs what it says and cleans up.
# Usage: comparison.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/aio-bench/bench_cases.sh disable=SC1091
source "$(dirname "$0")/bench_cases.sh"

skip_without fio "tools/compare"
build=$(dirname "$(dirname "$(realpath "$KAIO_LIBRARY")")")

compare() {
  "$source_root/tools/compare" --build "${measured:-$build}" --dir "$scratch/files" \
    --rounds 1 --seconds 0.2 --json "$scratch/figures.json" \
    "$@" >"$scratch/output" 2>"$scratch/errors"
  status=$?
}

# expect_none CASE WHAT: WHAT is what should not be there, so empty.
expect_none() {
  if [[ -z $2 ]]; then pass "$1"; else fail "$1" "there is: $2"; fi
}

mkdir "$scratch/files"
compare --only 'fio randread cached QD1'
expect_exit "it compares kaio with glibc and pread" 0 "fio randread cached QD1"
problems=$(python3 - "$scratch/figures.json" 2>&1 <<'END'
import json, sys
with open(sys.argv[1]) as opened:
    row, = json.load(opened)['rows']
rounds = row['rounds']
assert sorted(rounds) == ['kaio', 'posixaio', 'psync'], rounds
assert all(one['rate'] > 0 and one['cpu_us'] > 0 for many in rounds.values() for one in many)
ratio = rounds['kaio'][0]['rate'] / rounds['posixaio'][0]['rate']
verdict, = (one for one in row['verdicts'] if one['other'] == 'posixaio')
assert abs(verdict['ratio'] - ratio) < 1e-9 and verdict['met'] == (ratio >= verdict['wanted'])
END
)
expect_none "its ratios are those of its rounds" "$problems"
expect_none "and it removes its file" "$(ls -A "$scratch/files")"
# The loader only warns of a library that is not there: what then runs is glibc.
mkdir -p "$scratch/empty" && ln -s "$build/tools" "$scratch/empty/tools"
measured=$scratch/empty
compare --only 'fio randread cached QD1'
measured=
expect_exit "a kaio that cannot be preloaded is not measured, and it says so" 1 \
  "cannot be preloaded"

"$source_root/tools/compare" --build "$build" --dir "$scratch/files" --rounds 50 --seconds 5 \
  --only 'fio randread cached QD1' >"$scratch/output" 2>"$scratch/errors" &
job=$!
# fio, not what compare asks the machine by before it measures.
for ((i = 0; i < 200; ++i)); do
  running=$(ps -o pid=,comm= --ppid "$job" | awk '$2 == "fio" { print $1; exit }')
  [[ -n $running ]] && break
  sleep 0.1
done
kill "$job"
wait "$job"
# shellcheck disable=SC2034 # expect_exit reads it
status=$?
expect_exit "told to end, it ends" 143
expect_none "with the program that it ran" \
  "$([[ -n $running ]] || echo "no program"; ps -o pid=,args= -p "${running:-$job}")"
expect_none "and with its file removed" "$(ls -A "$scratch/files")"

compare --only 'no such row'
expect_exit "a row that is not there: it names those that are" 2 "SIGEV_THREAD QD32"
finish
