#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ctrl-C, termination, and what a terminal is shown.

Usage: interruption.py AIO_BENCH
"""

import json
import os
import pty
import re
import signal
import subprocess
import time

from bench import LIMIT_SECONDS, PROGRAM, Cases, run, scratch_directory

# What takes no more has not waited for the end of the run, on a busy machine too.
AT_ONCE_SECONDS = 10
LONG = ['-e', 'kaio,libaio', '-d', '4', '-t', '0.3', '-r', '100', '-s', '8m', '--json', 'run.json']


def interrupted(directory, arguments, signal_number, after_seconds):
    process = subprocess.Popen([PROGRAM, *arguments], cwd=directory, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    time.sleep(after_seconds)
    began = time.monotonic()
    process.send_signal(signal_number)
    output, errors = process.communicate(timeout=LIMIT_SECONDS)
    return process.returncode, output, errors, time.monotonic() - began


def check_interrupt(cases, directory, name, arguments, signal_number):
    code, output, errors, seconds = interrupted(directory, arguments, signal_number, 2)
    problems = []
    if code != 128 + signal_number:
        problems.append(f'exit code {code}: {errors}')
    if seconds > AT_ONCE_SECONDS:
        problems.append(f'it took {seconds:.1f} s')
    if 'IOPS' not in output or not re.search(r'^ +4 kaio', output, re.MULTILINE):
        problems.append(f'what was measured is not shown: {output!r}')
    if 'interrupted after' not in errors:
        problems.append(f'it does not say so: {errors!r}')
    document = json.loads((directory / 'run.json').read_text())
    if document['end'] != 'interrupted' or not document['results']:
        problems.append(f'JSON: end {document["end"]}, {len(document["results"])} results')
    problems += left_behind(directory)
    cases.tell(name, problems)


def check_long_measurement(cases, directory):
    """One that would take an hour is shown for as long as it ran."""
    arguments = ['-e', 'kaio', '-d', '4', '-t', '3600', '-r', '1', '-s', '8m', '--json', 'run.json']
    code, output, errors, _ = interrupted(directory, arguments, signal.SIGINT, 2)
    problems = [] if code == 130 else [f'exit code {code}: {errors}']
    if not re.search(r'^ +4 kaio', output, re.MULTILINE) or 'as far as it went' not in output:
        problems.append(f'it is not shown: {output!r}')
    document = json.loads((directory / 'run.json').read_text())
    repeats = [repeat for result in document['results'] for repeat in result['repeats']]
    if document['end'] != 'interrupted' or len(repeats) != 1 or \
            not 0 < repeats[0]['seconds'] < 30 or repeats[0]['io_count'] == 0:
        problems.append(f'JSON: end {document["end"]}, {repeats}')
    cases.tell('Ctrl-C shows as far as it went what is measured first', problems)


def check_sleepers(cases, directory):
    """At a low rate most jobs sleep, and a signal wakes one of them."""
    arguments = ['-e', 'kaio', '-d', '4', '-t', '60', '-r', '1', '-s', '8m', '-j', '4',
                 '--rate', '0.2']
    code, _, errors, seconds = interrupted(directory, arguments, signal.SIGINT, 1)
    cases.tell('Ctrl-C wakes jobs that wait for their time',
               ([] if code == 130 else [f'exit code {code}: {errors}']) +
               ([f'it took {seconds:.1f} s'] if seconds > AT_ONCE_SECONDS else []))


def check_ring(cases):
    """It is given completions when it waits for them, and not when it only looks."""
    name = 'Ctrl-C ends what io_uring has in flight'
    with scratch_directory() as directory:  # on a disk, for O_DIRECT
        code, _, errors, seconds = interrupted(
            directory, ['-e', 'io_uring', '-c', 'direct', '-d', '64', '-t', '30', '-r', '1',
                        '-s', '16m'], signal.SIGINT, 1)
    if code in (1, 2):
        cases.skip(name, errors.strip())
        return
    cases.tell(name, ([] if code == 130 else [f'exit code {code}: {errors}']) +
               ([f'it took {seconds:.1f} s'] if seconds > AT_ONCE_SECONDS else []))


def left_behind(directory):
    return [f'left behind: {name}' for name in os.listdir(directory)
            if name.startswith('aio-bench.')]


def stopped_while_filling(directory, number):
    process = subprocess.Popen([PROGRAM, '-s', '2g'], cwd=directory, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # The file is being filled once it is open: its name is gone by then.
    while process.poll() is None and not any(
            '/aio-bench.' in target and size > 0 for target, size in open_files(process.pid)):
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=LIMIT_SECONDS)
    return process, errors


def open_files(pid):
    for number in os.listdir(f'/proc/{pid}/fd'):
        path = f'/proc/{pid}/fd/{number}'
        try:
            yield os.readlink(path), os.stat(path).st_size
        except OSError:  # closed meanwhile
            pass


def check_verify(cases, directory):
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        code, output, errors, seconds = interrupted(
            directory, ['verify', '-e', 'kaio', '-s', '8m', '-t', '60'], number, 1)
        cases.tell(f'{number.name} ends verify',
                   ([] if code == 128 + number and 'interrupted: nothing wrong' in output else
                    [f'exit code {code}: {output}{errors}']) +
                   ([f'it took {seconds:.1f} s'] if seconds > AT_ONCE_SECONDS else []) +
                   left_behind(directory))


def check_early_interrupt(cases, directory):
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        process, errors = stopped_while_filling(directory, number)
        cases.tell(f'{number.name} while the scratch file is filled ends it',
                   ([] if process.returncode == 128 + number and 'nothing was measured' in errors
                    else [f'exit code {process.returncode}: {errors!r}']) + left_behind(directory))
    process, _ = stopped_while_filling(directory, signal.SIGKILL)
    cases.tell('SIGKILL does not leave it behind',
               ([] if process.returncode == -signal.SIGKILL else
                [f'exit code {process.returncode}']) + left_behind(directory))


def check_kill(cases, directory):
    interrupted(directory, LONG, signal.SIGKILL, 0.3)
    cases.tell('not even SIGKILL leaves the scratch file behind', left_behind(directory))


def check_terminal(cases, directory):
    arguments = ['-e', 'kaio', '-d', '4', '-t', '0.8', '-r', '2', '-s', '8m']
    main_end, terminal = pty.openpty()
    process = subprocess.Popen([PROGRAM, *arguments], cwd=directory, stdout=subprocess.DEVNULL,
                               stderr=terminal)
    os.close(terminal)
    shown = b''
    try:
        while block := os.read(main_end, 4096):
            shown += block
    except OSError:  # the other end is closed
        pass
    process.wait(timeout=LIMIT_SECONDS)
    os.close(main_end)
    text = shown.decode()
    problems = [] if re.search(r'1/2 .*kaio: [\d,]+ IOPS, [\d,]+ MiB/s, \d+ s left', text) else \
        [f'no rate and time left: {text!r}']
    if not text.endswith('\r\x1b[K'):
        problems.append('the line stays behind')
    cases.tell('a terminal is shown the rate and the time left', problems)
    outcome = run(*arguments, cwd=directory)
    cases.tell('what is no terminal is shown no progress',
               [f'{outcome.errors!r}'] if outcome.errors or outcome.code else [])


def main():
    cases = Cases()
    # In memory: a disk that is busy with something else could take seconds for a start.
    with scratch_directory(in_memory=True) as directory:
        check_interrupt(cases, directory, 'Ctrl-C ends it and shows what is there', LONG,
                        signal.SIGINT)
        check_interrupt(cases, directory, 'so does SIGTERM, with several jobs', [*LONG, '-j', '2'],
                        signal.SIGTERM)
        check_interrupt(cases, directory, 'and SIGHUP', LONG, signal.SIGHUP)
        check_verify(cases, directory)
        check_long_measurement(cases, directory)
        check_sleepers(cases, directory)
        check_early_interrupt(cases, directory)
        check_kill(cases, directory)
        check_terminal(cases, directory)
    check_ring(cases)
    cases.exit()


main()
