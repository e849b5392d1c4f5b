#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What aio-bench says of a command line, a target or a machine that it cannot work with.

Usage: words.py AIO_BENCH
"""

import os
import shutil
import subprocess

from bench import (IS_ROOT, Cases, copy_program, loop_device, make_file, refuse_io_uring, run,
                   scratch_directory)


def check_words(cases, directory):
    cases.tell('help shows examples and exit codes',
               run('--help', cwd=directory).problems(0, 'Examples:', 'Exit codes:', '--destroy'))
    cases.tell('help fits 100 columns',
               [f'too long: {line}' for line in run('--help', cwd=directory).output.splitlines()
                if len(line) > 100])
    cases.tell('the version is told', run('--version', cwd=directory).problems(0, 'aio-bench 0.'))
    cases.tell('an unknown option is refused with the near one',
               run('--dept', '4', cwd=directory).problems(2, "did you mean '--depth'", '--help'))
    cases.tell('run is the command without a name',
               run('run', '--detph=4', cwd=directory).problems(2, "did you mean '--depth'"))
    outcome = run('compare', '--treshold', '3', 'a', 'b', cwd=directory)
    cases.tell('the value of an unknown option is not taken for another one',
               outcome.problems(2, "did you mean '--threshold'") +
               ([f'it is: {outcome.errors}'] if 'b: there is no' in outcome.errors else []))
    cases.tell('an argument too many is called that',
               run('compare', 'a', 'b', 'c', cwd=directory).problems(2, "'c' is one argument too"))
    for word, near in (('verfy', 'verify'), ('plto', 'plot'), ('help', '--help')):
        cases.tell(f'{word} is refused with the near command',
                   run(word, cwd=directory).problems(2, f"did you mean '{near}'"))
    make_file(directory / 'verfy', 8192)
    cases.tell('but not when it is a file',
               run('verfy', '-e', 'preadv2', '-t', '0.01', '-d', '1', cwd=directory).problems(0))
    for arguments, near in ((['-e', 'kiao'], 'kaio'), (['-l', 'randraed'], 'randread'),
                            (['-n', 'singal'], 'signal'), (['-c', 'bufered'], 'buffered'),
                            (['verify', '-e', 'kiao'], 'kaio'),
                            (['verify', '-c', 'bufered'], 'buffered'),
                            (['compare', '--figures', 'rte', 'a', 'b'], 'rate')):
        cases.tell(f'{" ".join(arguments)} is refused with the near word',
                   run(*arguments, cwd=directory).problems(2, f"did you mean '{near}'"))


# What is typed, and what is said of it.
TYPED = {
    '-b -1': "--block-size: '-1' is not a size",
    '--block-size=-1': "--block-size: '-1' is not a size",
    '-b 4k,-1': "--block-size: '4k,-1': '-1' is not a size",
    '-b 4k..': "--block-size: '4k..' is not a range",
    '-b 4k-': "--block-size: '4k-' is not a range",
    '-b 4k-x': "--block-size: '4k-x': 'x' is not a size",
    '-d 1..': "--depth: '1..' is half a range",
    '-d ..8': "--depth: '..8' is half a range",
    '-d -1': "--depth: '-1' is not a number from 1",
    '-d 1,,8': "--depth: '1,,8': '' is not a number from 1",
    '-d 1..0': "--depth: '1..0': '0' is not a number from 1",
    '-d 8,4..2': "--depth: '8,4..2': '4..2' is an empty range",
    '-j -2': "--jobs: '-2' is not",
    '-r -1': "--repeats: '-1' is not",
    '-t -1': "--seconds: '-1' is not a time",
    '-s -1': "--size: '-1' is not a size",
    '--batch -1': "--batch: '-1' is not",
    '--vectors -1': "--vectors: '-1' is not",
    '--fsync -1': "--fsync: '-1' is not",
    '--rate -1': "--rate: '-1' is not a rate",
    '--poisson -.5': "--poisson: '-.5' is not a rate",
    '--amount -1': "--amount: '-1' is not a size",
    '--ramp-up -1': "--ramp-up: '-1' is not a time",
    '--csv-interval -1': "--csv-interval: '-1' is not a time",
    '-l randrw:0': "--load: 'randrw:0': '0' is not a number from 1 to 99",
    '-l read,rnd': "--load: 'read,rnd': 'rnd' is unknown",
    '-n suspend,': "--notify: 'suspend,': '' is unknown",
    '-e kaio,': "--engine: 'kaio,': '' is unknown",
    '-c -1': "--cache: '-1' is unknown",
    'verify -b -1': "--block-size: '-1' is not a size",
    'verify -e kaio,x': "--engine: 'kaio,x': 'x' is unknown",
    'verify --io-size -1': "--io-size: '-1' is half a range",
    'verify --io-size 4k-x': "--io-size: '4k-x': 'x' is not a size",
    'verify -d -1': "--depth: '-1' is not a number",
    'verify --reads -1': "--reads: '-1' is not a number",
    'verify --cancel 101': "--cancel: '101' is not a number",
    'verify --seed -1': "--seed: '-1' is not a number",
    'verify -t -1': "--seconds: '-1' is not a time",
    'compare a b --threshold -1': "--threshold: '-1' is not a percentage",
    'compare a b --figures rate,x': "--figures: 'rate,x': 'x' is unknown",
    '-d': '-d takes a value, LIST: and none is there',
    '--json --csv x': "--json takes a value, FILE: and what follows it is '--csv'",
    '-d 8 -d 16': "--depth is given twice, with '8' and '16': give it once, with a list: "
                  '--depth 8,16',
    '--json a --json b --json c': "--json is given 3 times, with 'a' and 'b' and 'c': give it once",
    'verify -s 1m --size 2m': "--size is given twice, with '1m' and '2m': give it once",
    'compare a b --threshold 1 --threshold 2': '--threshold is given twice',
    'plot a -o b --output c': "--output is given twice, with 'b' and 'c'",
}


def check_typed(cases, directory):
    for words, said in TYPED.items():
        cases.tell(f'what was typed is shown: {words}',
                   run(*words.split(), cwd=directory).problems(2, said))
    for arguments in (['--json', ''], ['-e', ''], ['--csv='], ['verify', '--journal', ''], [''],
                      ['verify', ''], ['plot', ''], ['plot', 'a', '-o', ''], ['compare', '', 'b']):
        cases.tell(f'an empty word is refused: {arguments}',
                   run(*arguments, cwd=directory).problems(2, "is given ''"))


def check_targets(cases, directory):
    cases.tell('a missing device is named',
               run('/dev/nosuchdevice', cwd=directory).problems(
                   1, '/dev/nosuchdevice', 'No such file', 'check the name'))
    cases.tell('a directory is refused with what to do',
               run('/', cwd=directory).problems(2, 'is a directory', 'change to it'))
    cases.tell('a character device is refused',
               run('/dev/zero', cwd=directory).problems(2, 'neither a file nor a block device'))
    small = make_file(directory / 'small', 2048)
    cases.tell('a file smaller than a block is refused',
               run(small, '-c', 'buffered', cwd=directory).problems(2, 'smaller than one block'))
    cases.tell('a size that the target does not have is refused',
               run(small, '-s', '1g', cwd=directory).problems(2, 'is more than'))
    cases.tell('an output that cannot be written is known before anything starts',
               run('--json', '/nosuchdirectory/x.json', cwd=directory).problems(
                   1, '--json: /nosuchdirectory/x.json cannot be written'))
    cases.tell('so is an output that is a directory',
               run('--json', directory, cwd=directory).problems(2, 'is a directory'))
    cases.tell('two outputs in one file are refused',
               run('--json', 'x', '--csv', 'x', cwd=directory).problems(2, 'both name x'))


def check_permissions(cases, directory):
    name = 'a file that may not be read says who may'
    secret = make_file(directory / 'secret', 1 << 20)
    secret.chmod(0)
    if not IS_ROOT:
        cases.tell(name, run(secret, cwd=directory).problems(1, 'Permission denied', 'root'))
    elif shutil.which('setpriv') is None:
        cases.skip(name, 'setpriv is not installed')
    else:
        directory.chmod(0o755)
        as_nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
        # The build, or the place for test files, may lie where only its owner gets in:
        # the program runs from a copy, with the library of its build beside it.
        program = copy_program(directory)
        reachable = subprocess.run([*as_nobody, program, '--version'], cwd=directory,
                                   capture_output=True, check=False).returncode == 0
        if not reachable:
            cases.skip(name, f'{directory} cannot be reached by another user')
            return
        cases.tell(name, run(secret, cwd=directory, before=as_nobody, program=program).problems(
            1, 'Permission denied', 'root'))
        cases.tell('a directory without permission says what to do',
                   run('-s', '1m', cwd=directory, before=as_nobody, program=program).problems(
                       1, 'no scratch file can be made', 'change to a directory'))


def check_alignment(cases, directory):
    name = 'a block size that the device cannot do is refused with one that it can'
    with loop_device(make_file(directory / 'backing', 1 << 20), '--sector-size', '4096') as device:
        if device is None:
            cases.skip(name, 'no loop device can be made here')
            return
        cases.tell(name, run(device, '-b', '512', cwd=directory).problems(
            2, '--block-size 512', 'multiple of 4096', '--cache buffered'))
        cases.tell('pieces that the device cannot do are refused',
                   run(device, '-b', '4k', '--vectors', '2', cwd=directory).problems(
                       2, '--vectors 2', 'multiple of 4096'))


def check_full_disk(cases, directory):
    name = 'a scratch file that does not fit is refused with what to do'
    place = directory / 'small_disk'
    place.mkdir()
    mounted = IS_ROOT and subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=4m', 'none', str(place)],
        capture_output=True, check=False).returncode == 0
    if not mounted:
        cases.skip(name, 'mounting a small disk needs root')
        return
    try:
        cases.tell(name, run(cwd=place).problems(1, 'does not fit', '--size') +
                   [f'left behind: {left}' for left in os.listdir(place)])
    finally:
        subprocess.run(['umount', str(place)], check=True)


def check_refused_engine(cases, directory):
    short = ['-d', '4', '-t', '0.05', '-r', '1', '-s', '1m', '-c', 'buffered']
    try:
        all_engines = run(*short, cwd=directory, preexec_fn=refuse_io_uring)
    except subprocess.SubprocessError:
        cases.skip('io_uring that is refused is left out aloud', 'no seccomp here')
        return
    cases.tell('io_uring that is refused is left out aloud',
               all_engines.problems(0, 'Note: io_uring is ', '4 kaio', '4 libaio') +
               (['it was measured'] if '4 io_uring' in all_engines.output else []))
    cases.tell('io_uring that is refused and was asked for is an error',
               run('-e', 'kaio,io_uring', *short, cwd=directory,
                   preexec_fn=refuse_io_uring).problems(1, 'io_uring is '))


def main():
    cases = Cases()
    with scratch_directory() as directory:
        check_words(cases, directory)
        check_typed(cases, directory)
        check_targets(cases, directory)
        check_permissions(cases, directory)
        check_alignment(cases, directory)
        check_full_disk(cases, directory)
        check_refused_engine(cases, directory)
    cases.exit()


main()
