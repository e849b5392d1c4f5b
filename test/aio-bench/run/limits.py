#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each limit that a run can meet is called by its name.

Usage: limits.py AIO_BENCH
"""

import os
import resource
import shutil

from bench import IS_ROOT, PROGRAM, Cases, copy_program, make_file, run, scratch_directory

SHORT = ['-t', '0.05', '-r', '1', '-c', 'buffered']
NOBODY = 65534


def limited(name, value, as_nobody=False):
    """For preexec_fn."""
    def limit():
        if as_nobody:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        resource.setrlimit(name, (value, value))
    return limit


def check_threads(cases, directory, path):
    name = 'too many threads for the user: ulimit -u'
    arguments = [path, '-e', 'threads', '-d', '64', *SHORT]
    # The build may lie where only its owner gets in: another user runs a copy.
    program = copy_program(directory) if IS_ROOT else PROGRAM
    if IS_ROOT and not all(os.stat(place).st_mode & 1 for place in parents_of(program)):
        cases.skip(name, f'another user cannot run {program}')
    else:
        outcome = run(*arguments, cwd=directory, program=program,
                      preexec_fn=limited(resource.RLIMIT_NPROC, 8, as_nobody=IS_ROOT))
        cases.tell(name, outcome.problems(1, 'threads could be', 'ulimit -u'))
    for engine, more in (('threads', ['-d', '256']), ('preadv2', ['-d', '1', '-j', '256'])):
        cases.tell(f'no room for the stacks of {engine}: ulimit -v', run(
            path, '-e', engine, *more, *SHORT, cwd=directory,
            preexec_fn=limited(resource.RLIMIT_AS, 1 << 30)).problems(1, 'ulimit -v'))
    cases.tell('nor for those of verify', run(
        'verify', '-e', 'threads', '-s', '1m', '-t', '0.05', cwd=directory,
        preexec_fn=stack_too_large).problems(1, 'threads could be', 'ulimit -v'))


def stack_too_large():
    resource.setrlimit(resource.RLIMIT_STACK, (1 << 30, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))


def parents_of(path):
    while path != '/':
        path = os.path.dirname(path)
        yield path


def check_memory(cases, directory, path):
    for limit, option in (resource.RLIMIT_AS, '-v'), (resource.RLIMIT_DATA, '-d'):
        cases.tell(f'no memory for the buffers: ulimit {option}', run(
            path, '-e', 'preadv2,threads', '-b', '1m', '-d', '1,512', *SHORT, cwd=directory,
            preexec_fn=limited(limit, 400 << 20)).problems(1, 'no memory', f'ulimit {option}'))


def check_descriptors(cases, directory, path):
    for most in range(4, 14):
        outcome = run(path, '-e', 'libaio', '-n', 'eventfd', '-d', '1', *SHORT, '-j', '16',
                      cwd=directory, preexec_fn=limited(resource.RLIMIT_NOFILE, most))
        problems = outcome.problems(1, 'ulimit -n', f'open files is {most}')
        # The loader itself tells of the lowest limits.
        if outcome.code == 127 or 'error while loading' in outcome.errors:
            continue
        cases.tell(f'{most} open files are too few: ulimit -n', problems)


def check_injected(cases, directory, path):
    """What would take the whole machine's limit to meet."""
    if shutil.which('strace') is None:
        cases.skip('limits of the whole machine', 'strace is not installed')
        return
    for call, error, engine, more, words in (
            ('io_setup', 'EAGAIN', 'libaio', [], ['fs.aio-max-nr', 'sysctl -w']),
            ('io_setup', 'ENOMEM', 'libaio', [], ['no memory']),
            ('io_uring_setup', 'EMFILE', 'io_uring', [], ['ulimit -n']),
            ('io_uring_setup', 'ENFILE', 'io_uring', [], ['fs.file-max']),
            ('eventfd2', 'ENFILE', 'libaio', ['-n', 'eventfd'], ['fs.file-max'])):
        outcome = run(path, '-e', engine, '-d', '1', *more, *SHORT, cwd=directory, before=[
            'strace', '-f', '-o', 'strace.txt', '-e', f'trace={call}', '-e',
            f'inject={call}:error={error}'])
        name = f'{error} of {call} names {words[0]}'
        if 'ptrace' in outcome.errors or 'not permitted here' in outcome.errors:
            cases.skip(name, outcome.errors.strip())
            continue
        cases.tell(name, outcome.problems(1, *words))
    for engine in 'libaio', 'io_uring':
        outcome = run('verify', '-e', engine, '-s', '1m', '-t', '0.05', cwd=directory, before=[
            'strace', '-f', '-o', 'strace.txt', '-e', 'trace=io_setup,io_uring_setup', '-e',
            'inject=io_setup,io_uring_setup:error=ENOMEM'])
        if 'ptrace' in outcome.errors:
            continue
        cases.tell(f'verify says so of {engine}', outcome.problems(1, 'no memory for'))


def main():
    cases = Cases()
    with scratch_directory() as directory:
        directory.chmod(0o755)
        path = make_file(directory / 'file', 8 << 20)
        path.chmod(0o644)
        check_threads(cases, directory, path)
        check_memory(cases, directory, path)
        check_descriptors(cases, directory, path)
        check_injected(cases, directory, path)
    cases.exit()


main()
