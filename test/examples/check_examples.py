#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of the guides do what the guides say, on every way.

Usage: check_examples.py LIBRARY COPY_FILE_PLAIN NAME=PROGRAM...
"""

import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'structure'))
from cases import Cases  # noqa: E402

BLOCK_BYTES = 4096
WAYS = ('auto', 'kernel', 'poll', 'pool')


class Ran:
    """A program that has ended, with what kaio counted in it."""

    def __init__(self, command, **environment):
        done = subprocess.run([str(word) for word in command], text=True, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE,
                              env={**os.environ, 'KAIO_STATS': '1', **environment})
        self.code, self.output, self.errors = done.returncode, done.stdout, done.stderr
        self.counts = {name: int(count) for name, count in
                       re.findall(r' ([a-z_]+) (\d+)', self.errors.split('kaio: submitted')[-1])}
        submitted = re.search(r'kaio: submitted (\d+)', self.errors)
        self.counts['submitted'] = int(submitted[1]) if submitted else 0

    def problems(self, code=0, output=None, **counts):
        found = []
        if self.code != code:
            found.append(f'exit code {self.code} in place of {code}: {self.errors[:300]}')
        if output is not None and not re.fullmatch(output, self.output):
            found.append(f'it said {self.output[:200]!r}')
        for name, count in counts.items():
            # What another thread does may be counted when the program has heard of it already,
            # and has ended.
            got, least = self.counts.get(name, 0), count if name == 'submitted' else count // 2
            if not least <= got <= count:
                found.append(f'{name} is {got} in place of {count}')
        return found


def check_copy_file(cases, program, plain, library, scratch):
    source, target = scratch / 'source', scratch / 'target'
    for size in (0, 1, 256 * 1024, 5_000_123):
        source.write_bytes(random.Random(size).randbytes(size))
        # Blocks, one read at the end for each of those that are outstanding, and the fsync.
        block_count = (size + 256 * 1024 - 1) // (256 * 1024)
        for way in WAYS:
            target.write_bytes(b'x' * 10)
            ran = Ran([program, source, target], KAIO_ROUTE=way)
            problems = ran.problems(submitted=2 * block_count + 16 + 1)
            if target.read_bytes() != source.read_bytes():
                problems.append('the copy differs')
            cases.tell(f'copy_file copies {size} bytes by the way {way}', problems)
    for what, environment in (('on the C library', {}), ('preloaded', {'LD_PRELOAD': library})):
        target.unlink()
        ran = Ran([plain, source, target], **environment)
        problems = ran.problems(submitted=2 * 20 + 16 + 1 if environment else 0)
        if target.read_bytes() != source.read_bytes():
            problems.append('the copy differs')
        cases.tell(f'copy_file copies {what}', problems)
    for what, arguments, text in (
            ('a missing file', [scratch / 'missing', target], 'No such file'),
            ('a full disk', [source, '/dev/full'], 'No space left on device'),
            ('a directory', [scratch, target], 'Is a directory')):
        ran = Ran([program, *arguments])
        problems = ran.problems(code=1)
        if text not in ran.errors:
            problems.append(f'it did not say {text}: {ran.errors[:200]}')
        cases.tell(f'copy_file tells of {what}', problems)


def check_random_reads(cases, program, scratch):
    source = scratch / 'blocks'
    source.write_bytes(os.urandom(BLOCK_BYTES * 64))
    for way in WAYS:
        for count in (3, 500):
            ran = Ran([program, source, count], KAIO_ROUTE=way)
            cases.tell(f'random_reads reads {count} blocks by the way {way}', ran.problems(
                output=rf'{count} reads of 4096 bytes, \d+ in a second\n', completed=count))
    source.write_bytes(b'too small')
    cases.tell('random_reads tells of a file without a block', Ran([program, source]).problems(1))
    cases.tell('random_reads tells of a directory', Ran([program, scratch]).problems(1))


def check_commit_log(cases, program, scratch):
    log = scratch / 'log'
    wanted = b''.join(bytes([byte]) * 8 * BLOCK_BYTES for byte in b'abcde')
    for way in WAYS:
        ran = Ran([program, log, 5], KAIO_ROUTE=way)
        problems = ran.problems(output='5 groups of 8 blocks are durable\n', completed=5 * 9,
                                notified_eventfd=5)
        if log.read_bytes() != wanted:
            problems.append('the log is not what was to be written')
        cases.tell(f'commit_log writes its groups by the way {way}', problems)
    cases.tell('commit_log tells of a full disk', Ran([program, '/dev/full', 1]).problems(1))


def check_notifications(cases, program, scratch):
    source = scratch / 'eight'
    source.write_bytes(os.urandom(8 * BLOCK_BYTES))
    output = ''.join(f'{way}: 8 blocks\n' for way in (
        'aio_suspend', 'aio_waitcomplete', 'SIGEV_THREAD', 'SIGEV_SIGNAL', 'SIGEV_EVENTFD'))
    for way in WAYS:
        # Several times: what goes wrong here does so when threads meet.
        problems = [problem for _ in range(10) for problem in
                    Ran([program, source], KAIO_ROUTE=way).problems(
                        output=output, completed=40, notified_thread=8, notified_signal=8,
                        notified_eventfd=8)]
        cases.tell(f'notifications come in five ways by the way {way}', problems)


library_to_preload, copy_file_plain = (os.path.abspath(path) for path in sys.argv[1:3])
programs = {name: os.path.abspath(path) for name, path in
            (argument.split('=') for argument in sys.argv[3:])}
told = Cases()
# Where O_DIRECT works, which is not so on every tmpfs.
with tempfile.TemporaryDirectory(dir=os.environ.get('KAIO_TEST_DIR', '/var/tmp')) as directory:
    where = pathlib.Path(directory)
    check_copy_file(told, programs['copy_file'], copy_file_plain, library_to_preload, where)
    check_random_reads(told, programs['random_reads'], where)
    check_commit_log(told, programs['commit_log'], where)
    check_notifications(told, programs['notifications'], where)
told.exit()
