#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""RocksDB's own benchmark, unmodified, by the file system of examples/rocksdb and by its own: as
many keys are found, and batches of reads are quicker.

Usage: check_db_bench.py LIBRARY
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'structure'))
from cases import Cases  # noqa: E402

KEYS = 100_000
ROUNDS = 3
# It is 2.5 and more on a machine with nothing else to do (doc/measuring.md).
AT_LEAST = 1.5

MULTIREAD = re.compile(r'multireadrandom\s*:.*?(\d+) ops/sec.*\((\d+) of (\d+) found\)')


def db_bench(database, library, *arguments):
    command = ['db_bench', f'--db={database}', f'--num={KEYS}', '--value_size=400', '--seed=7',
               '--compression_type=none', '--use_direct_reads=true', '--threads=1',
               '--use_direct_io_for_flush_and_compaction=true', '--cache_size=1048576',
               *arguments]
    environment = dict(os.environ)
    if library:
        command.append('--fs_uri=kaio://')
        environment['LD_PRELOAD'] = library
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise RuntimeError(answer.stderr + answer.stdout)
    return answer.stdout + answer.stderr


def multiread(database, library):
    """Operations a second, and how many keys were found."""
    output = db_bench(database, library, '--benchmarks=multireadrandom', '--use_existing_db=true',
                      '--multiread_batched=true', '--batch_size=64', '--reads=20000')
    match = MULTIREAD.search(output)
    if not match:
        raise RuntimeError(output)
    return int(match[1]), int(match[2])


def main():
    library = sys.argv[1]
    cases = Cases()
    names = ['db_bench reads by the engine what it wrote by it',
             'its batches of reads are quicker by the engine']
    if not shutil.which('db_bench'):
        for name in names:
            cases.skip(name, 'needs db_bench (package rocksdb-tools)')
        cases.exit()
    parent = os.environ.get('KAIO_TEST_DIR', '/var/tmp')
    with tempfile.TemporaryDirectory(prefix='kaio-test-', dir=parent) as folder:
        db_bench(folder, library, '--benchmarks=fillrandom,compact')
        rates = {'': [], library: []}
        found = {'': set(), library: set()}
        for _ in range(ROUNDS):
            for way in ('', library):
                rate, count = multiread(folder, way)
                rates[way].append(rate)
                found[way].add(count)
    same = found[''] == found[library] and len(found['']) == 1
    cases.tell(names[0], [] if same else [f'{found[""]} and {found[library]} keys were found'])
    ratio = statistics.median(rates[library]) / statistics.median(rates[''])
    told = f'{statistics.median(rates[library])} keys a second, {ratio:.2f} times its own'
    cases.tell(names[1], [] if ratio >= AT_LEAST else [told], told)
    cases.exit()


if __name__ == '__main__':
    main()
