#!/bin/bash
# SPDX-License-Identifier: MIT
# aio-bench verify: passes where nothing is wrong, finds each kind of damage that is
# done to its file here, and survives being killed.
# Usage: verify.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/aio-bench/bench_cases.sh disable=SC1091
source "$(dirname "$0")/bench_cases.sh"

block_bytes=4096
seconds=0.3
((is_long)) && seconds=5
file=$scratch/file
journal=$scratch/journal

# ---- Nothing is wrong --------------------------------------------------------

# The cancelled writes of all lines of the last run.
cancelled_writes() {
  sed -n 's/.*cancelled: \([0-9,]*\) writes.*/\1/p' "$scratch/output" | tr -d , |
    awk '{ sum += $1 } END { print sum + 0 }'
}

for engine in kaio kaio-engine glibc libaio io_uring threads preadv2; do
  run_bench verify -e "$engine" -s 8m -t "$seconds"
  if ((status == 1)) && grep -q "io_uring" "$scratch/errors"; then
    skip "verify by $engine" "$(tail -n 1 "$scratch/errors")"
    continue
  fi
  expect_exit "verify by $engine" 0 "all is as it has to be"
done

for engine in kaio threads; do
  # What waits in a queue for a thread can be cancelled.
  run_bench verify -e "$engine" -c buffered -s 64m -t "$seconds" --cancel 50 --io-size 4k-64k
  expect_exit "verify by $engine with cancellations" 0 "all is as it has to be"
  cancelled=$(cancelled_writes)
  if ((cancelled > 0)); then
    pass "$engine cancels writes"
  else
    fail "$engine cancels writes" "none of those it was asked to: $(cat "$scratch/output")"
  fi
done

run_bench verify -e kaio,preadv2 -c buffered -s 4m -t 0.1 -b 1088
expect_exit "blocks that are not aligned" 0 "all is as it has to be"

if ((EUID != 0)); then
  skip "verify on a loop device" "making a loop device needs root"
elif ! make_loop_device 16; then
  skip "verify on a loop device" "no loop device can be made here"
else
  run_bench verify "$loop" --write --destroy="$loop" -e kaio,libaio -c direct -t "$seconds"
  expect_exit "verify on a loop device" 0 "all is as it has to be"
fi

# ---- What it refuses ---------------------------------------------------------

truncate -s 16M "$file"
run_bench verify "$file"
expect_exit "a file is not written without --write" 2 "--destroy="
run_bench verify "$file" --write --destroy="$scratch/other"
expect_exit "a file is not written without naming it again" 2 "is not the target"
if [[ $(stat -c %b "$file") == 0 ]]; then
  pass "what was refused was not written"
else
  fail "what was refused was not written" "the file has blocks now"
fi
run_bench verify "$file" --continue --journal "$file"
expect_exit "a file that is no journal" 2 "is no journal"
run_bench verify --continue --journal "$scratch/none"
expect_exit "a journal that is not there" 2 "cannot be read"

# ---- Ctrl-C and a full disk --------------------------------------------------

mkdir "$scratch/empty"
# In the foreground: else timeout tells its process group as well, and the second
# signal ends the program at once.
(cd "$scratch/empty" && exec timeout --foreground --preserve-status --signal=INT 1 "$bench" verify -s 16m \
  -t 30 -e kaio) >"$scratch/output" 2>"$scratch/errors"
status=$?
expect_exit "Ctrl-C ends it in good order" 130 "interrupted: nothing wrong so far"
if [[ -z $(ls -A "$scratch/empty") ]]; then
  pass "and removes the scratch file"
else
  fail "and removes the scratch file" "there is $(ls -A "$scratch/empty")"
fi

if ((EUID != 0)); then
  skip "a full disk is told" "mounting takes root"
elif ! { mkdir "$scratch/small" && mount -t tmpfs -o size=4m none "$scratch/small"; }; then
  skip "a full disk is told" "nothing can be mounted here"
else
  truncate -s 16M "$scratch/small/file"
  run_bench verify small/file --write --destroy=small/file -e kaio -c buffered
  umount "$scratch/small"
  expect_exit "a full disk is told" 4 "No space left on device"
fi

# ---- Damage ------------------------------------------------------------------

# Two runs, and the file as it was after each. In the journal of the first are the
# filling and a load, the second goes on.
run_bench verify "$file" --write --destroy="$file" --journal "$journal" -e kaio -t 0.2
expect_exit "a run with a journal" 0
cp "$file" "$scratch/old"
run_bench verify "$file" --write --destroy="$file" --journal "$journal"
expect_exit "a journal is not written over" 2 "--continue"
run_bench verify --continue --journal "$journal" --write --destroy="$file" -e threads -t 0.2
expect_exit "a run that goes on" 0 "all is as it has to be"
cp "$file" "$scratch/good"

# damage HOW: to the file, out of `good`, `old` (an older write) and `foreign`.
damage() {
  python3 - "$1" "$scratch" "$block_bytes" <<'END'
import os, sys
how, scratch, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
def content(name):
    with open(f'{scratch}/{name}', 'rb') as opened:
        return bytearray(opened.read())
data, old = content('good'), content('old')
places = [at for at in range(0, len(data), size) if data[at:at + size] != old[at:at + size]]
one, other = places[3], places[len(places) // 2]
if how == 'many':
    one = places[9]  # the last that is shown: the lowest ten are
if how == 'flip':
    data[one + 1234] ^= 0x10
elif how == 'zeros':
    data[one:one + size] = bytes(size)
elif how == 'stale':
    data[one:one + size] = old[one:one + size]
elif how == 'torn':
    data[one + 512:one + 2048] = old[one + 512:one + 2048]
elif how == 'swapped':
    data[one:one + size], data[other:other + size] = data[other:other + size], data[one:one + size]
elif how == 'random':
    data[one:one + size] = os.urandom(size)
elif how == 'many':
    for at in places[:40]:
        data[at] ^= 1
elif how == 'foreign':
    data[one:one + size] = content('foreign')[one:one + size]
with open(f'{scratch}/file', 'r+b') as opened:
    opened.write(data)
print(f'{one:#x}')
END
}

# finds CASE HOW TEXT...: the damage is found, at its place, and called what it is.
finds() {
  local name="finds $1" place text
  place=$(damage "$2")
  run_bench verify --continue --journal "$journal" -e kaio,preadv2
  shift 2
  for text in "at $place:" "$@"; do
    if ((status != 4)) || ! grep -qF -- "$text" "$scratch/output"; then
      fail "$name" "exit code $status, without '$text': $(tail -n 6 "$scratch/output")"
      return
    fi
  done
  pass "$name"
}

truncate -s 16M "$scratch/foreign"
run_bench verify foreign --write --destroy=foreign -e preadv2 -c buffered -t 0.1
expect_exit "a run without a journal" 0

finds "a flipped bit" flip "1 byte differ (1 bits)" "WRONG: 1 blocks"
finds "a zeroed block" zeros "found zeros" "WRONG: 1 blocks"
finds "a lost write" stale "an older write" "WRONG: 1 blocks"
finds "a torn block" torn "3 of 8 pieces" "the block is torn"
finds "swapped blocks" swapped "found the data of offset" "WRONG: 2 blocks"
finds "data of an earlier run" foreign "what an earlier run wrote"
finds "foreign data" random "data that aio-bench did not write"
finds "many blocks" many "and 30 more blocks" "WRONG: 40 blocks"

cp "$scratch/good" "$file"
run_bench verify --continue --journal "$journal"
expect_exit "the file is good again" 0 "all is as it has to be"

# ---- While it runs -----------------------------------------------------------

truncate -s 16M "$scratch/live"
(
  sleep 1
  python3 - "$scratch/live" <<'END'
import os, sys
opened = os.open(sys.argv[1], os.O_WRONLY)
for round in range(20):
    for at in range(100, 16 << 20, 65536):
        os.pwrite(opened, b'damage', at)
END
) &
run_bench verify live --write --destroy=live -e kaio -c buffered -t 5
wait
expect_exit "finds damage while it runs" 4 "differ"

# ---- The journal -------------------------------------------------------------

journal_as() { # LINES
  grep -E '^(\{|b|a|s)' "$journal" | sed -n "$1" >"$scratch/other-journal"
}
first_sync=$(grep -n '^s' "$journal" | head -n 1 | cut -d: -f1)
# All that was acknowledged, but nothing synced behind the filling.
sed "$((first_sync + 1)),\${/^s/d}" "$journal" >"$scratch/synced-once"
damage stale >"$scratch/place"
run_bench verify --continue --journal "$scratch/synced-once"
expect_exit "all acknowledged writes have to be there after a kill" 4 "an older write"
run_bench verify --continue --journal "$scratch/synced-once" --synced-only
expect_exit "the synced ones have to be there after a loss of power" 0 "(--synced-only)"
damage zeros >"$scratch/place"
run_bench verify --continue --journal "$scratch/synced-once" --synced-only
expect_exit "no write is excused from being whole" 4 "found zeros"
cp "$scratch/good" "$file"

head -c -5 "$journal" >"$scratch/cut-off"
run_bench verify --continue --journal "$scratch/cut-off"
expect_exit "a journal whose last line is cut off" 0 "not whole lines"
sed "$((first_sync - 2))s/ / 9/" "$journal" >"$scratch/damaged"
run_bench verify --continue --journal "$scratch/damaged"
expect_exit "a journal that is damaged in the middle" 1 "is damaged at byte"

# ---- kill -9 -----------------------------------------------------------------

kill_when_busy() { # ARGUMENT...
  local lines_before=0 deadline=$((SECONDS + 20))
  [[ -e $journal ]] && lines_before=$(wc -l <"$journal")
  (cd "$scratch" && exec "$bench" "$@") >"$scratch/output" 2>"$scratch/errors" &
  local victim=$!
  while ((SECONDS < deadline)) && kill -0 "$victim" 2>/dev/null; do
    [[ -e $journal ]] && (($(wc -l <"$journal") > lines_before + 2000)) && break
    sleep 0.05
  done
  kill -KILL "$victim"
  wait "$victim" 2>/dev/null
  (($? == 137))
}

rm -f "$journal"
arguments=("$file" --write "--destroy=$file" --journal "$journal" -e kaio,threads -t 30)
for cache in buffered direct both; do
  name="survives kill -9, $cache"
  if ! kill_when_busy verify "${arguments[@]}" -c "$cache"; then
    fail "$name" "it ended before it was killed: $(cat "$scratch/errors")"
  else
    run_bench verify --continue --journal "$journal"
    expect_exit "$name" 0 "all is as it has to be"
  fi
  arguments=(--continue --write "--destroy=$file" --journal "$journal" -e kaio,threads -t 30)
done
dd if=/dev/zero of="$file" bs=4096 seek=7 count=1 conv=notrunc status=none
run_bench verify --continue --journal "$journal"
expect_exit "and is not blind after that" 4 "found zeros"
finish
