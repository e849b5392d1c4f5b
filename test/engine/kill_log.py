#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills a program that writes numbered records at random moments, and opens what it wrote again:
every record that was acknowledged is there, and it goes on behind the last good one.

Usage: kill_log.py PROGRAM KILLS
KAIO_SEED repeats a run; KAIO_TEST_LONG=1 kills 200 times and more. The program is the write-ahead
log of the examples, or another one that takes the same arguments.
"""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'structure'))
from cases import Cases  # noqa: E402

COMMITTERS = 16
RECORDS = 100_000  # more than one lives to write
RECORDS_IN_A_LOG = 12_000  # of 64 MiB; then a new one


def last_good(program, log):
    answer = subprocess.run([program, 'check', log], capture_output=True, text=True, check=True)
    return int(answer.stdout)


def killed_while_writing(program, log, wait_s):
    """The numbers that it acknowledged."""
    with subprocess.Popen([program, 'write', log, str(RECORDS), str(COMMITTERS)],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as writer:
        first = writer.stdout.readline()  # it has begun: what follows hits it while it writes
        time.sleep(wait_s)
        writer.kill()
        lines = [first] + writer.stdout.read().splitlines(keepends=True)
    # A line that was cut off is no acknowledgement.
    return [int(line) for line in lines if line.endswith('\n')]


def remove(log):
    if log.is_dir():
        shutil.rmtree(log)
    else:
        log.unlink()


def main():
    program, kills = sys.argv[1], int(sys.argv[2])
    if os.environ.get('KAIO_TEST_LONG') == '1':
        kills = max(kills, 200)
    seed = int(os.environ.get('KAIO_SEED', time.time_ns() % 2**32))
    chance = random.Random(seed)
    cases = Cases()
    problems, acknowledged_count, before = [], 0, 0
    parent = os.environ.get('KAIO_TEST_DIR', '/var/tmp')
    with tempfile.TemporaryDirectory(prefix='kaio-test-', dir=parent) as folder:
        log = pathlib.Path(folder, 'log')
        for kill in range(kills):
            acknowledged = killed_while_writing(program, log, chance.uniform(0, 0.12))
            acknowledged_count += len(acknowledged)
            found = last_good(program, log)
            if not acknowledged or min(acknowledged) != before + 1:
                problems.append(f'kill {kill}: it went on at {min(acknowledged, default=None)} '
                                f'behind {before}')
            if max(acknowledged, default=0) > found:
                problems.append(f'kill {kill}: {max(acknowledged)} was acknowledged, '
                                f'{found} is the last one')
            before = found
            if found > RECORDS_IN_A_LOG:
                remove(log)
                before = 0
    print(f'{acknowledged_count} records acknowledged by {kills} writers that were killed, '
          f'seed {seed}')
    cases.tell('what was acknowledged is there after a kill', problems, f'seed {seed}')
    cases.exit()


if __name__ == '__main__':
    main()
