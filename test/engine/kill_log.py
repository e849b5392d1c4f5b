#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills the write-ahead log of the examples at random moments, and opens it again: every record
that was acknowledged is there, and the log goes on behind the last good one.

Usage: kill_log.py PROGRAM [KILLS]
KAIO_SEED repeats a run.
"""

import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

from cases import Cases

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


def main():
    program, kills = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 30
    seed = int(os.environ.get('KAIO_SEED', time.time_ns() % 2**32))
    chance = random.Random(seed)
    cases = Cases()
    problems, acknowledged_count, before = [], 0, 0
    parent = os.environ.get('KAIO_TEST_DIR', '/var/tmp')
    with tempfile.TemporaryDirectory(prefix='kaio-test-', dir=parent) as folder:
        log = pathlib.Path(folder, 'log')
        for kill in range(kills):
            acknowledged = killed_while_writing(program, log, chance.uniform(0, 0.06))
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
                log.unlink()
                before = 0
    print(f'{acknowledged_count} records acknowledged by {kills} writers that were killed, '
          f'seed {seed}')
    cases.tell('what the log acknowledged is there after a kill', problems, f'seed {seed}')
    cases.exit()


if __name__ == '__main__':
    main()
