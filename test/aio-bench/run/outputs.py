#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What aio-bench tells gets where it was asked for, or is an error; in a width that fits.

Usage: outputs.py AIO_BENCH
"""

import fcntl
import json
import os
import pty
import resource
import shutil
import struct
import subprocess
import termios

from bench import LIMIT_SECONDS, PROGRAM, Cases, make_file, run, scratch_directory

SHORT = ['-e', 'kaio,preadv2', '-d', '1', '-t', '0.05', '-r', '2', '-s', '1m']


def outputs_of(directory):
    """Of every command; the results that they read are made here."""
    for name in 'a.json', 'b.json':
        made = run(*SHORT, '--json', name, cwd=directory)
        if made.code != 0:
            raise RuntimeError(made.errors)
    yield from ((name, [*name.split(), '--help'])
                for name in ('', 'run', 'verify', 'plot', 'compare'))
    yield from (('the version', ['--version']), ('the table', SHORT),
                ('JSON', [*SHORT, '--json', '-']), ('CSV', [*SHORT, '--csv', '-']),
                ('verify', ['verify', '-s', '1m', '-t', '0.05', '-e', 'preadv2']),
                ('compare', ['compare', 'a.json', 'b.json', '--threshold', '1000']))
    if shutil.which('gnuplot'):
        yield 'plot', ['plot', 'a.json']


def run_to(arguments, cwd, **streams):
    done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=cwd, stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, timeout=LIMIT_SECONDS, check=False, text=True,
                          **streams)
    problems = [f'exit code {done.returncode}: {done.stderr!r}'] if done.returncode != 1 else []
    # Once, in one line, with what happened.
    told = [line for line in done.stderr.splitlines() if line.startswith('aio-bench: ')]
    if len(told) != 1 or 'standard output cannot be written: ' not in told[0]:
        problems.append(f'it does not say so: {done.stderr!r}')
    return problems


def check_lost(cases, directory):
    for what, arguments in outputs_of(directory):
        with open('/dev/full', 'wb') as full:
            problems = run_to(arguments, directory, stdout=full)
        reading, writing = os.pipe()
        os.close(reading)
        problems += run_to(arguments, directory, stdout=writing)
        os.close(writing)
        problems += run_to(arguments, directory, preexec_fn=lambda: os.close(1))
        cases.tell(f'a report that is lost is an error: {what or "help"}', problems)
    for option in '--json', '--csv':
        cases.tell(f'so is a full disk under {option}', run(
            *SHORT, option, '/dev/full', cwd=directory).problems(1, option, 'No space left'))
    cases.tell('when the table is lost the JSON is there nevertheless', lost_table(directory))


def lost_table(directory):
    # It has room for the heading.
    reading, writing = os.pipe()
    process = subprocess.Popen([PROGRAM, '-e', 'preadv2', '-d', '1', '-t', '0.5', '-r', '1', '-s',
                                '1m', '--json', 'kept.json'], cwd=directory,
                               stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    errors = process.communicate(timeout=LIMIT_SECONDS)[1]
    problems = [] if process.returncode == 1 and 'cannot be written' in errors else \
        [f'exit code {process.returncode}: {errors!r}']
    if json.loads((directory / 'kept.json').read_text())['end'] != 'complete':
        problems.append('it is not')
    return problems


def check_closed(cases, directory):
    """A file that is opened while standard output is closed gets its number."""
    path = make_file(directory / 'precious', 1 << 20)
    before = path.read_bytes()
    run_to([path, *SHORT], directory, preexec_fn=lambda: os.close(1))
    cases.tell('a target never becomes standard output',
               [] if path.read_bytes() == before else ['the report was written into it'])


def check_standard_output(cases, directory):
    for name in '-', '/dev/stdout':
        outcome = run(*SHORT, '--json', name, cwd=directory)
        problems = outcome.problems(0)
        try:
            if json.loads(outcome.output)['end'] != 'complete':
                problems.append('it is not complete')
        except ValueError as error:
            problems.append(f'{error}: {outcome.output[:200]!r}')
        if ' kaio ' not in outcome.errors or 'IOPS' not in outcome.errors:
            problems.append(f'no table on standard error: {outcome.errors!r}')
        cases.tell(f'--json {name} is standard output, and the table goes to standard error',
                   problems + [f'there is a file {left}' for left in os.listdir(directory)
                               if left == '-'])
    outcome = run(*SHORT, '--csv', '-', cwd=directory)
    lines = outcome.output.splitlines()
    cases.tell('--csv - is standard output too', outcome.problems(0) + (
        [] if len(lines) > 2 and lines[0].startswith('run_seconds,') and
        all(line.count(',') == lines[0].count(',') for line in lines) else [outcome.output]))
    cases.tell('two outputs on standard output are refused',
               run(*SHORT, '--json', '-', '--csv', '/dev/stdout', cwd=directory).problems(
                   2, 'both name -'))
    with open(directory / 'a.json', encoding='utf-8') as result:
        done = subprocess.run([PROGRAM, 'compare', 'a.json', '-', '--threshold', '1000'],
                              cwd=directory, stdin=result, capture_output=True, text=True,
                              timeout=LIMIT_SECONDS, check=False)
    cases.tell('compare reads standard input',
               [] if done.returncode == 0 and 'standard input' in done.stdout else
               [f'exit code {done.returncode}: {done.stdout}{done.stderr}'])
    cases.tell('which holds one result',
               run('compare', '-', '-', cwd=directory).problems(2, 'one result'))
    cases.tell('pictures of standard input need a name',
               run('plot', '-', cwd=directory).problems(2, '--output'))


def left_behind(directory):
    return [f'left behind: {name}' for name in os.listdir(directory)
            if name.startswith('aio-bench.')]


def check_file_size_limit(cases, directory):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    for command in ['run', '-e', 'preadv2'], ['run', '-e', 'kaio', '-l', 'write', '--extend',
                                              '-c', 'buffered', '-d', '4'], \
            ['verify', '-e', 'preadv2', '-c', 'buffered']:
        outcome = run(*command, '-t', '0.2', '-s', '8m', cwd=directory, preexec_fn=limit)
        # verify counts it as an I/O that failed.
        code = 4 if command[0] == 'verify' else 1
        cases.tell(f'the limit of a file\'s size is told, and leaves nothing behind: '
                   f'{" ".join(command)}',
                   outcome.problems(code, 'File too large', *(['ulimit -f'] if code == 1 else [])) +
                   left_behind(directory))
    outcome = run(*SHORT, '--json', 'large.json', cwd=directory, preexec_fn=lambda:
                  resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
    cases.tell('what stays below it is done', outcome.problems(0))


def shown_on_terminal(arguments, directory, width):
    main_end, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 40, width, 0, 0))
    process = subprocess.Popen([PROGRAM, *arguments], cwd=directory, stdout=terminal,
                               stderr=subprocess.PIPE)
    os.close(terminal)
    shown = b''
    try:
        while block := os.read(main_end, 4096):
            shown += block
    except OSError:  # the other end is closed
        pass
    process.communicate(timeout=LIMIT_SECONDS)
    os.close(main_end)
    return process.returncode, shown.decode().replace('\r\n', '\n')


def check_widths(cases, directory):
    several = ['-e', 'kaio,libaio', '-n', 'suspend,list,eventfd', '-d', '1,8', '-t', '0.05', '-r',
               '2', '-s', '1m', '-c', 'both']
    # A path is left whole.
    commands = {'run': SHORT, 'long names': several,
                'verify': ['verify', '-s', '1m', '-t', '0.05', '-e', 'preadv2'],
                'compare': ['compare', 'a.json', 'b.json', '--all', '--threshold', '1000']}
    for name, arguments in commands.items():
        for width in 120, 99, 80, 60, 44:
            # Which change it is takes so much.
            if name == 'compare' and width < 52:
                continue
            code, shown = shown_on_terminal(arguments, directory, width)
            problems = [f'exit code {code}: {shown}'] if code else []
            problems += [f'{len(line)} columns: {line!r}' for line in shown.splitlines()
                         if len(line) > width and str(directory) not in line]
            said = ' '.join(shown.split())
            if name == 'run' and width >= 100 and 'No room' in said:
                problems.append('something is left out')
            left_out = 'No room here for MiB/s, submit, switch'
            if name == 'run' and width < 80 and left_out not in said:
                problems.append(f'what is left out is not named: {shown}')
            cases.tell(f'{name} fits a terminal of {width} columns', problems)
    outcome = run(*SHORT, cwd=directory)
    cases.tell('a report that is stored has all columns', outcome.problems(0, 'MiB/s', 'switch') +
               (['something is left out'] if 'No room' in outcome.output else []))


def main():
    cases = Cases()
    with scratch_directory(in_memory=True) as directory:
        check_lost(cases, directory)
        check_closed(cases, directory)
        check_standard_output(cases, directory)
        check_file_size_limit(cases, directory)
        check_widths(cases, directory)
    cases.exit()


main()
