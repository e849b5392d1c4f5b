#!/bin/bash
# SPDX-License-Identifier: MIT
# aio-bench plot and compare, on results that are made here, so that what has to come
# out is known.
# Usage: results.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/aio-bench/bench_cases.sh disable=SC1091
source "$(dirname "$0")/bench_cases.sh"

# result NAME [PYTHON...]: a real result of two engines, whose figures are replaced by
# rates (a list, one for each repeat) of kaio and libaio and then changed by PYTHON.
run_bench -e kaio,libaio -d 1,4 -t 0.05 -r 2 -s 4m -c buffered --json template.json
expect_exit "a run that writes JSON" 0
result() {
  python3 - "$scratch" "$@" <<'END'
import copy, json, sys
scratch, name, changes = sys.argv[1], sys.argv[2], sys.argv[3:]
with open(f'{scratch}/template.json') as opened:
    run = json.load(opened)
def set_rates(engine, depth, rates, cpu_us=5.0):
    for one in run['results']:
        if (one['engine'], one['depth']) == (engine, depth):
            template = one['repeats'][0]
            one['repeats'] = []
            for rate in rates:
                repeat = copy.deepcopy(template)
                repeat['io_per_second'] = rate
                repeat['cpu_us_per_io'] = cpu_us
                repeat['latency_ns']['total']['p99'] = 1e9 * depth / rate
                one['repeats'].append(repeat)
steady = [1000, 1010, 1020, 1030, 1040]
for engine in 'kaio', 'libaio':
    for depth in 1, 4:
        set_rates(engine, depth, steady)
for change in changes:
    exec(change)
with open(f'{scratch}/{name}.json', 'w') as opened:
    json.dump(run, opened)
END
}

# ---- compare -----------------------------------------------------------------

result base
result same
run_bench compare base.json same.json
expect_exit "equal results are no regression" 0 "0 worse, 0 better, 12 the same"
result slower 'set_rates("kaio", 4, [700, 710, 720, 730, 740])'
run_bench compare base.json slower.json
expect_exit "a slower engine is a regression" 3 "2 worse, 0 better, 10 the same"
run_bench compare slower.json base.json
expect_exit "a faster engine is none" 0 "0 worse, 2 better, 10 the same"
run_bench compare base.json slower.json --threshold 60
expect_exit "a change below the threshold is none" 0 "0 worse, 0 better"
run_bench compare base.json slower.json --figures cpu
expect_exit "a figure that was not asked for is not compared" 0 "0 worse, 0 better, 4 the same"
result noisy 'set_rates("kaio", 4, [500, 1900, 700, 600, 1035])'
run_bench compare base.json noisy.json
expect_exit "a great difference inside the noise is none" 0 "0 worse"
result three 'set_rates("kaio", 4, [1000, 1010, 1020])'
result three-slower 'set_rates("kaio", 4, [980, 985, 990])'
run_bench compare three.json three-slower.json --threshold 1
expect_exit "three repeats have to be far apart" 0 "0 worse"
result three-slow 'set_rates("kaio", 4, [900, 905, 910])'
run_bench compare three.json three-slow.json
expect_exit "three repeats that are far apart" 3 "WORSE"
result two 'set_rates("kaio", 4, [100, 101])'
run_bench compare base.json two.json
expect_exit "two repeats are not judged" 0 "not judged"
result missing 'run["results"] = [r for r in run["results"] if r["engine"] == "kaio"]'
run_bench compare base.json missing.json
expect_exit "what is only in one is told" 0 "only in A: libaio, depth 1"
result none 'for r in run["results"]: r["depth"] = 77'
run_bench compare base.json none.json
expect_exit "nothing in common" 2 "no result in common"
run_bench compare base.json slower.json --all
longest=$(wc -L <"$scratch/output")
if ((longest <= 100)); then
  pass "the table fits 100 columns"
else
  fail "the table fits 100 columns" "its longest line has $longest"
fi
result newer 'run["version"] = 2'
run_bench compare base.json newer.json
expect_exit "another version of the format" 2 "has version 2 of the result format"
echo '{"format": "fio"}' >"$scratch/fio.json"
run_bench compare base.json fio.json
expect_exit "another format" 2 "is no result of aio-bench"
result broken 'del run["results"][0]["repeats"][0]["io_per_second"]'
run_bench compare base.json broken.json
expect_exit "a result without a member" 2 "is damaged"
run_bench compare base.json gone.json
expect_exit "a file that is not there" 2 "cannot be read"

# ---- plot --------------------------------------------------------------------

(PATH=$scratch/empty && "$bench" plot "$scratch/base.json") >"$scratch/output" 2>"$scratch/errors"
status=$?
expect_exit "gnuplot is not there" 1 "apt-get install gnuplot-nox"
skip_without gnuplot "plot"
run_bench plot base.json slower.json -o pictures
expect_exit "plot" 0
if [[ -s $scratch/errors ]]; then
  fail "gnuplot has nothing to complain of" "$(head -n 3 "$scratch/errors")"
else
  pass "gnuplot has nothing to complain of"
fi
for name in depth latency; do
  signature=$(head -c 8 "$scratch/pictures-$name.png" | od -An -tx1 | tr -d ' ')
  if [[ $signature == 89504e470d0a1a0a ]] &&
    grep -q '</svg>' "$scratch/pictures-$name.svg" &&
    grep -q 'kaio, slower.json' "$scratch/pictures-$name.svg"; then
    pass "the pictures of $name"
  else
    fail "the pictures of $name" "missing, or not what they have to be"
  fi
done
mkdir "$scratch/before" "$scratch/after"
cp "$scratch/base.json" "$scratch/before/run.json"
cp "$scratch/slower.json" "$scratch/after/run.json"
run_bench plot before/run.json after/run.json -o alike
expect_exit "plot of two files of one name" 0
if grep -q 'kaio, before/run.json' "$scratch/alike-depth.svg" &&
  grep -q 'kaio, after/run.json' "$scratch/alike-depth.svg"; then
  pass "their curves can be told apart"
else
  fail "their curves can be told apart" "the legend lacks their directories"
fi
result two-loads 'run["results"][0]["load"] = "randwrite"'
run_bench plot two-loads.json
expect_exit "plot of two loads" 0 "two-loads-randwrite-of-4-kib-depth.svg"
result single 'run["results"] = run["results"][:1]' \
  'set_rates(run["results"][0]["engine"], run["results"][0]["depth"], [1000])'
run_bench plot single.json
expect_exit "plot of a single measurement" 0 "single-latency.png"
if [[ -s $scratch/errors ]]; then
  fail "it is nothing to complain of either" "$(head -n 3 "$scratch/errors")"
else
  pass "it is nothing to complain of either"
fi
result empty 'run["results"] = []'
run_bench plot empty.json
expect_exit "plot of nothing" 2 "no results to draw"
finish
