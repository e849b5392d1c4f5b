#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of the engine's guide do what it says.

Usage: check_engine_examples.py NAME=PROGRAM...
"""

import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'structure'))
from cases import Cases  # noqa: E402

BLOCK_BYTES = 4096
SIZES = (0, 1, BLOCK_BYTES, 3_000_123)


def run(*command, text=''):
    return subprocess.run([str(word) for word in command], text=True, input=text, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def problems(done, output, code=0, errors=''):
    found = []
    if done.returncode != code:
        found.append(f'exit code {done.returncode} in place of {code}: {done.stderr[:300]}')
    if not re.fullmatch(output, done.stdout):
        found.append(f'it said {done.stdout[:300]!r}')
    if not re.search(errors, done.stderr):
        found.append(f'it did not say {errors}: {done.stderr[:300]}')
    return found


def check_readers(cases, programs, source):
    """Each reads all of a file, whatever its length."""
    for size in SIZES:
        content = random.Random(size).randbytes(size)
        source.write_bytes(content)
        for name, output in (('checksum', f'{sum(content)}\n'), ('event_loop', f'{size} bytes\n'),
                             ('several_threads', f'{size} bytes\n')):
            cases.tell(f'{name} reads {size} bytes', problems(run(programs[name], source), output))
    for name in ('checksum', 'several_threads'):
        cases.tell(f'{name} tells of a directory', problems(
            run(programs[name], source.parent), '', 1, 'Is a directory'))
    for name in programs:
        cases.tell(f'{name} tells of missing arguments', problems(
            run(programs[name]), '', 2, '[Uu]sage: '))


def check_interrupt(cases, program, source):
    """A large file that takes no room."""
    with source.open('wb') as file:
        file.truncate(1 << 40)
    with subprocess.Popen([program, source], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        process.stderr.readline()  # it is under way
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    source.unlink()
    cases.tell('event_loop ends early when it is interrupted',
               [] if process.returncode == 0 and re.fullmatch(r'\d+ bytes\n', output)
               and int(output.split()[0]) < 1 << 40 else [f'{process.returncode}: {output}'])


def check_random_reads(cases, program, source):
    source.write_bytes(os.urandom(BLOCK_BYTES * 64))
    for count in (0, 3, 500):
        cases.tell(f'random_reads reads {count} blocks', problems(
            run(program, source, count), rf'{count} reads, (\d+|-?nan) in a second\n',
            errors=f'submitted {count}, completed {count} '))
    source.write_bytes(b'')
    cases.tell('random_reads tells of a file without a block', problems(
        run(program, source), '', 1, 'less than a block'))


def check_durable_append(cases, program, log):
    wanted = []
    for counts, lines in (((8, 16, 20), range(20)), ((3,), range(3)), ((), range(0))):
        wanted += [f'line {number}' for number in lines]
        done = run(program, log, text=''.join(f'line {number}\n' for number in lines))
        found = problems(done, ''.join(f'{count} lines are durable\n' for count in counts))
        content = log.read_bytes()
        if [line for line in content.replace(b'\0', b'').decode().splitlines()] != wanted:
            found.append('the log is not what was to be written')
        if content.find(f'{wanted[-1]}\n'.encode()) != (len(wanted) - 1) * BLOCK_BYTES and \
                wanted.count(wanted[-1]) == 1:
            found.append('its lines are not at the beginnings of blocks')
        cases.tell(f'durable_append appends {len(lines)} lines', found)
    cases.tell('durable_append tells of what cannot be a log', problems(
        run(program, '/dev/full', text='x\n'), '', 1, 'No such device'))


def check_deadlines(cases, program, source):
    source.write_bytes(bytes(BLOCK_BYTES))
    read_end, write_end = os.pipe()
    reads = r'(the read takes too long, and goes on\n)?' \
            r'a read that the kernel has (cannot be|has been) cancelled: \d+ bytes\n'
    for what, output in (('nothing comes', 'with a deadline: its time is over\n'
                                           'with a stop token: cancelled\n'),
                         ('something is there', 'with a deadline: it came\n'
                                                'with a stop token: it came\n')):
        start = time.monotonic()
        done = subprocess.run([program, source, '50'], text=True, stdin=read_end, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        found = problems(done, output + reads)
        if what == 'nothing comes' and time.monotonic() - start < 0.1:
            found.append('it did not wait')
        cases.tell(f'deadlines and stop requests end waits where {what}', found)
        os.write(write_end, b'x')
    os.close(read_end)
    os.close(write_end)


def check_commit_rate(cases, program, source):
    """Each way writes records over what was there."""
    size = 4 << 20
    for way in ('groups', 'together', 'buffered', 'direct'):
        source.write_bytes(b'x' * size)
        by = 'one thread, 4 at a time' if way == 'together' else f'4 threads, {way}'
        found = problems(run(program, way, source, '4', '0.3'),
                         rf'[1-9]\d* records a second by {by}\n')
        content = source.read_bytes()
        if len(content) != size or not content.startswith(bytes(BLOCK_BYTES)):
            found.append('the file is not as it should be')
        cases.tell(f'commit_rate measures {way}', found)
    source.write_bytes(b'x')
    cases.tell('commit_rate tells of a file that is too short', problems(
        run(program, 'groups', source), '', 1, 'too short'))


examples = {name: os.path.abspath(path) for name, path in
            (argument.split('=') for argument in sys.argv[1:])}
told = Cases()
# Where O_DIRECT works, which is not so on every tmpfs.
with tempfile.TemporaryDirectory(dir=os.environ.get('KAIO_TEST_DIR', '/var/tmp')) as directory:
    where = pathlib.Path(directory)
    check_readers(told, examples, where / 'source')
    check_interrupt(told, examples['event_loop'], where / 'large')
    check_random_reads(told, examples['random_reads'], where / 'blocks')
    check_durable_append(told, examples['durable_append'], where / 'log')
    check_deadlines(told, examples['deadlines'], where / 'block')
    check_commit_rate(told, examples['commit_rate'], where / 'records')
told.exit()
