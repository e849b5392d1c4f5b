#!/bin/bash
# SPDX-License-Identifier: MIT
# aio-bench's figures agree with fio's: same device, engine, size and depth, five
# repeats of each in turn. And it does not cost more than fio. Where they differ, five more
# are made, and five more after that: what is noise goes away, what is not stays.
# Usage: agree-with-fio.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/aio-bench/bench_cases.sh disable=SC1091
source "$(dirname "$0")/bench_cases.sh"

skip_without fio "agreement with fio"
milliseconds=300
((is_long)) && milliseconds=4000
seconds=$(awk "BEGIN { print $milliseconds / 1000 }")
repeats_at_once=5
repeats_max=15

if ((EUID != 0)); then
  skip "agreement with fio" "making a loop device needs root"
  finish
elif ! make_loop_device 64; then
  skip "agreement with fio" "no loop device can be made here"
  finish
fi
dd if=/dev/urandom of="$loop" bs=1M count=64 status=none

run_fio() { # ENGINE DEPTH REPEAT
  local more=()
  # As the engines here wait: for one, and take what there is.
  [[ $1 == libaio ]] && more=(--iodepth_batch_complete_max="$2")
  fio --name=agree --filename="$loop" --rw=randread --bs=4k --direct=1 --ioengine="$1" \
    --iodepth="$2" --time_based --runtime="${milliseconds}ms" --ramp_time=0 --norandommap \
    --random_generator=tausworthe --lat_percentiles=1 --percentile_list=50:99 \
    ${more[@]+"${more[@]}"} --output-format=json --output="$scratch/fio-$1-$2-$3.json" \
    >/dev/null 2>"$scratch/errors"
}

# verdict ENGINE DEPTH FIGURE: "agree:" or "differ:", and the figures. They agree when
# the ranges over the repeats meet, or the medians are within 10 % or the wider range;
# 25 % with one outstanding, when it is mostly measured where the kernel lets the thread
# that does the I/O run. The two programs do not cost the same: fewer I/Os than fio's are
# an error beyond that, more of them only when they are twice as many.
verdict() {
  python3 - "$scratch" "$repeats" "$@" <<'END'
import json, statistics, sys
scratch, repeats, engine, depth, figure = sys.argv[1:]
fio, ours = [], []
for number in range(int(repeats)):
    with open(f'{scratch}/fio-{engine}-{depth}-{number}.json') as opened:
        text = opened.read()
    read = json.loads(text[text.index('{'):])['jobs'][0]['read']
    with open(f'{scratch}/ours-{engine}-{depth}-{number}.json') as opened:
        one = json.load(opened)['results'][0]['repeats'][0]
    if figure == 'rate':
        fio.append(read['iops'])
        ours.append(one['io_per_second'])
    else:
        fio.append(read['lat_ns']['percentile']['50.000000'])
        ours.append(one['latency_ns']['total']['p50'])
middle, our_middle = statistics.median(fio), statistics.median(ours)
width = max(max(fio) - min(fio), max(ours) - min(ours))
noise = max((0.25 if depth == '1' else 0.10) * middle, width)
told = (f'fio {middle:,.0f} ({min(fio):,.0f} to {max(fio):,.0f}), '
        f'aio-bench {our_middle:,.0f} ({min(ours):,.0f} to {max(ours):,.0f})')
if max(min(fio), min(ours)) <= min(max(fio), max(ours)) or abs(our_middle - middle) <= noise:
    print('agree:', told)
elif middle < our_middle < 2 * middle if figure == 'rate' else our_middle < middle < 2 * our_middle:
    print('agree:', told)
else:
    print('differ:', told)
END
}

# cost ENGINE DEPTH: "low:" or "high:", and the CPU time of one I/O of both programs, the
# kernel's with it. The least of the repeats: what else the machine does only adds to it.
cost() {
  python3 - "$scratch" "$repeats" "$@" <<'END'
import json, sys
scratch, repeats, engine, depth = sys.argv[1:]
allowed = 1.1  # the least of fifteen is not free of a busy machine's interrupts either
fio, ours = [], []
for number in range(int(repeats)):
    with open(f'{scratch}/fio-{engine}-{depth}-{number}.json') as opened:
        text = opened.read()
    job = json.loads(text[text.index('{'):])['jobs'][0]
    microseconds = job['read']['runtime'] * 1000  # of its only thread
    fio.append((job['usr_cpu'] + job['sys_cpu']) / 100 * microseconds / job['read']['total_ios'])
    with open(f'{scratch}/ours-{engine}-{depth}-{number}.json') as opened:
        ours.append(json.load(opened)['results'][0]['repeats'][0]['cpu_us_per_io'])
print('low:' if min(ours) <= allowed * min(fio) else 'high:',
      f'fio {min(fio):.2f} to {max(fio):.2f} us, aio-bench {min(ours):.2f} to {max(ours):.2f} us')
END
}

# measure_more ENGINE DEPTH: some repeats of both; `repeats` is their number so far. Tells
# why there are none.
measure_more() {
  local wanted=$((repeats + repeats_at_once)) fio_status
  for (( ; repeats < wanted; ++repeats)); do
    run_fio "$1" "$2" "$repeats"
    fio_status=$?
    run_bench "$loop" -e "$1" -d "$2" -t "$seconds" -r 1 --ramp-up 0 \
      --json "ours-$1-$2-$repeats.json"
    ((fio_status == 0 && status == 0)) && continue
    if [[ $1 == io_uring ]] && grep -q io_uring "$scratch/errors"; then
      skip "$1, depth $2" "$(tail -n 1 "$scratch/errors")"
    else
      fail "$1, depth $2" "$(tail -n 2 "$scratch/errors")"
    fi
    return 1
  done
}

all_agree() { # ENGINE DEPTH
  [[ $(verdict "$1" "$2" rate) == agree:* && $(verdict "$1" "$2" latency) == agree:* ]] &&
    { (($2 != 32)) || [[ $(cost "$1" "$2") == low:* ]]; }
}

for engine in libaio io_uring; do
  for depth in 1 32; do
    [[ $engine == io_uring && $depth == 1 && is_long -eq 0 ]] && continue
    repeats=0
    measure_more $engine $depth || continue
    while ((repeats < repeats_max)) && ! all_agree $engine $depth; do
      measure_more $engine $depth || continue 2
    done
    for figure in rate latency; do
      name="$figure of $engine at depth $depth agrees with fio"
      told=$(verdict $engine $depth $figure)
      echo "$told" >&2
      if [[ $told == agree:* ]]; then
        pass "$name"
      else
        fail "$name" "${told#*: }"
      fi
    done
    # With one outstanding most of it is going to sleep and waking up.
    ((depth == 32)) || continue
    name="$engine costs no more CPU time than in fio at depth $depth"
    told=$(cost $engine $depth)
    echo "$told" >&2
    if [[ $told == low:* ]]; then
      pass "$name"
    else
      fail "$name" "${told#*: }"
    fi
  done
done
finish
