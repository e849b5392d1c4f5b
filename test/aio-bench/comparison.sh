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
  "$source_root/tools/compare" --build "$build" --dir "$scratch/files" --rounds 1 --seconds 0.2 \
    --json "$scratch/figures.json" "$@" >"$scratch/output" 2>"$scratch/errors"
  status=$?
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
[[ -z $problems ]] && pass "its ratios are those of its rounds" ||
  fail "its ratios are those of its rounds" "$problems"
[[ -z $(ls -A "$scratch/files") ]] && pass "and it removes its file" ||
  fail "and it removes its file" "there is $(ls -A "$scratch/files")"
compare --only 'no such row'
expect_exit "a row that is not there: it names those that are" 2 "SIGEV_THREAD QD32"
finish
