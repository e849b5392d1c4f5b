#!/bin/bash
# SPDX-License-Identifier: MIT
# aio-run --stats SECONDS: every process is seen while it runs and as it ends, and the program
# does not notice.
# Usage: watch.sh SOURCE_ROOT LIBRARY REQUESTS REFUSE
set -uo pipefail
# shellcheck source=test/observe/observe_cases.sh disable=SC1091
source "$(dirname "$0")/observe_cases.sh"

# "PID COUNT" of each process, as the library's statistics have it, in the order of numbers.
told() {
  sed -n -e 's/^kaio: statistics of .*, process \([0-9]*\), which .*/\1/p' \
    -e 's/^kaio: submitted \([0-9]*\) completed \1 .*/\1/p' "$scratch/errors" | paste -d' ' - - |
    sort -n
}

for how in exit _exit kill; do
  run "$aio_run" --stats=0.2 "$requests" "$file" 700 900 "$how"
  wanted_status=0
  [[ $how == _exit ]] && wanted_status=5
  [[ $how == kill ]] && wanted_status=137
  expect "a process that ends by $how is told of, and its end is aio-run's" "$wanted_status" \
    "statistics of requests, process [0-9]+, which ended after"
  expect_equal "with every request of the process that ends by $how" \
    "$(sort -n "$scratch/output")" "$(told)"
done
run "$aio_run" --stats 0.2 "$requests" "$file" 700 900 exit
expect "rates are shown while it runs" 0 "done/s" ":[0-9]{2} +[0-9]+ requests +[1-9][0-9]* "
lines=$(times_said ":[0-9]{2} +[0-9]+ requests ")
if ((lines >= 3)); then
  pass "at each interval"
else
  fail "at each interval" "$lines lines in 0.9 seconds at intervals of 0.2"
fi

run "$aio_run" --stats=0.2 "$requests" "$file" 300 300 fork
expect "a child of fork() is told of" 0
expect_equal "each process has counts of its own" "$(sort -n "$scratch/output")" "$(told)"
run "$aio_run" --stats=0.2 "$requests" "$file" 300 300 exec
expect "a process that executes another program is told of" 5 "statistics of another, process"
expect_equal "twice, with what each program made" "$(sort -n "$scratch/output")" "$(told)"

run "$aio_run" --stats=0.2 sh -c 'exit 7'
expect "of programs that make no request there is a line" 7 "no request was made"
run "$aio_run" --stats 0.2 cat <<<"a line"
expect "the program has its standard input" 0 "^a line$"
run "$aio_run" --stats cat /dev/null
expect "without seconds the next word is the program" 0 "statistics of cat, process .*, at "
run "$aio_run" --stats -- 5
expect "a program whose name is a number comes behind --" 127 "5: no such program"
run "$aio_run" --stats=0 true
expect "seconds that are too few are refused" 125 "give seconds from 0.1 to 86400"
run "$aio_run" --stats=1 "$scratch/none"
expect "a program that does not exist is not found" 127
# shellcheck disable=SC2016 # the script's own
printf 'echo "$0 $1"\n' >"$scratch/bare"
chmod +x "$scratch/bare"
run "$aio_run" --stats=1 "$scratch/bare" argument
expect "a script without #! gets its arguments" 0 "^$scratch/bare argument$"

# Not what the last case has left: the signal would meet a shell that is still this script.
rm "$scratch/output"
"$aio_run" --stats=5 "$requests" "$file" 10 10 stay >"$scratch/output" 2>"$scratch/errors" &
job=$!
while ! [[ -s $scratch/output ]] && kill -0 "$job" 2>/dev/null; do sleep 0.05; done
kill -TERM "$job"
wait "$job"
status=$?
expect "a signal to aio-run ends the program, and is how both end" 143 "which ended after"
read -r pid _ <"$scratch/output"
expect_equal "the program is gone then" gone "$(kill -0 "$pid" 2>/dev/null || echo gone)"

left=$(compgen -G "/dev/shm/kaio-stats-$job-*")
expect_equal "no file is left" "" "$left"

# The library by itself.
export LD_PRELOAD=$KAIO_LIBRARY
KAIO_STATS_DIR=$scratch/none run "$requests" "$file" 10 10 exit
expect "a directory that is not there is told of, and nothing else happens" 0 \
  "KAIO_STATS_DIR=$scratch/none is ignored: .*No such file"
KAIO_STATS_DIR=relative run "$requests" "$file" 10 10 exit
expect "so is one that does not begin with /" 0 "KAIO_STATS_DIR=relative is ignored"
mkdir "$scratch/statistics"
KAIO_STATS_DIR=$scratch/statistics run bash -c 'ulimit -f 0; exec "$@" >/dev/null 2>&1' bash \
  "$requests" "$file" 10 10 _exit
expect "a limit on the size of files ends no program" 5
unset LD_PRELOAD
finish
