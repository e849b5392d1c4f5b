#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""aio-bench does not write to what it was not told to, nor to what is in use.

Usage: safety.py AIO_BENCH
"""

import hashlib
import os
import shutil
import subprocess

from bench import PROGRAM, Cases, loop_device, make_file, run, scratch_directory

SHORT = ['-e', 'kaio', '-d', '4', '-t', '0.05', '-r', '1', '-l', 'randwrite', '-s', '1m']


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Guarded:
    """A file whose content tells whether anything was written."""

    def __init__(self, cases, path):
        self.cases = cases
        self.path = path
        self.before = digest(path)

    def stays(self, name, outcome, code, *texts):
        os.sync()
        changed = digest(self.path) != self.before
        self.cases.tell(name, outcome.problems(code, *texts) +
                        (['it was written to'] if changed else []))

    def is_written(self, name, outcome):
        os.sync()
        changed = digest(self.path) != self.before
        self.cases.tell(name, outcome.problems(0) + ([] if changed else ['nothing was written']))
        self.before = digest(self.path)


def check_file(cases, directory):
    path = make_file(directory / 'precious', 2 << 20)
    file = Guarded(cases, path)
    file.stays('reading a file leaves it alone',
               run(path, '-d', '4', '-t', '0.05', '-r', '1', cwd=directory), 0, 'File ')
    file.stays('a load that writes does not touch a file by itself',
               run(path, *SHORT, cwd=directory), 2, f'--destroy={path}')
    file.stays('--write alone is not enough', run(path, *SHORT, '--write', cwd=directory), 2,
               f'--destroy={path}')
    file.stays('--destroy alone is not enough',
               run(path, *SHORT, f'--destroy={path}', cwd=directory), 2, '--write')
    file.stays('--destroy has to name the same', run(
        path, *SHORT, '--write', '--destroy=precious', cwd=directory), 2, 'not one of the targets')
    file.is_written('the target may come last',
                    run(*SHORT, '--write', f'--destroy={path}', path, cwd=directory))
    file.is_written('with both words it is written',
                    run(path, *SHORT, '--write', f'--destroy={path}', cwd=directory))
    cases.tell('a file keeps its size', [] if path.stat().st_size == 2 << 20 else
               [f'{path.stat().st_size} bytes'])
    return path


def check_backing(cases, directory, path):
    name = 'a file under a loop device is in use'
    with loop_device(path) as device:
        if device is None:
            cases.skip(name, 'no loop device can be made here')
            return
        Guarded(cases, path).stays(
            name, run(path, *SHORT, '--write', f'--destroy={path}', cwd=directory), 1,
            f'is under {device}')


def check_outputs(cases, directory, path):
    """What was meant to be measured is not written over with its figures."""
    file = Guarded(cases, path)
    link = directory / 'link'
    link.symlink_to(path)
    for option in '--json', '--csv':
        file.stays(f'{option} does not write over a target',
                   run(path, option, path, cwd=directory), 2, 'is to be measured')
        file.stays(f'{option} does not do so by another name',
                   run(path, option, link, cwd=directory), 2, 'is to be measured')
    with loop_device(path) as device:
        if device is None:
            cases.skip('--json does not write to a device', 'no loop device can be made here')
            return
        for option in '--json', '--csv':
            file.stays(f'{option} does not write to a device',
                       run(option, device, cwd=directory), 2, 'is a block device')


def check_device(cases, directory, path):
    with loop_device(path) as device:
        if device is None:
            cases.skip('devices that are in use', 'no loop device can be made here')
            return
        write = [device, *SHORT, '--write', f'--destroy={device}']
        disk = Guarded(cases, path)
        disk.stays('a load that writes does not touch a device by itself',
                   run(device, *SHORT, cwd=directory), 2, f'--destroy={device}')
        disk.is_written('with both words a device is written', run(*write, cwd=directory))
        holder = os.open(device, os.O_RDONLY | os.O_EXCL)
        disk.stays('a device that another program holds is refused', run(*write, cwd=directory), 1,
                   'busy', '--force')
        disk.is_written('--force does it nevertheless', run(*write, '--force', cwd=directory))
        os.close(holder)


def check_read_only(cases, directory):
    path = make_file(directory / 'read-only', 2 << 20)
    file = Guarded(cases, path)
    with loop_device(path, '--read-only') as device:
        if device is None:
            cases.skip('a read-only device', 'no loop device can be made here')
        else:
            write = ['--write', f'--destroy={device}', '--csv', 'started.csv']
            file.stays('a read-only device is refused before anything starts',
                       run(device, *SHORT, *write, cwd=directory), 1, 'is a read-only device')
            file.stays('--force does not change that',
                       run(device, *SHORT, *write, '--force', cwd=directory), 1,
                       'is a read-only device')
            file.stays('verify refuses it too',
                       run('verify', device, *write[:2], cwd=directory), 1, 'is a read-only device')
            file.stays('a read-only device can be read',
                       run(device, '-d', '4', '-t', '0.05', '-r', '1', cwd=directory), 0)
            cases.tell('nothing was measured before', ['there is a log'] if
                       (directory / 'started.csv').exists() else [])
    name = 'a file that is marked immutable is refused with what to do'
    if shutil.which('chattr') is None or subprocess.run(
            ['chattr', '+i', path], capture_output=True, check=False).returncode != 0:
        cases.skip(name, 'no file can be marked here')
        return
    try:
        file.stays(name, run(path, *SHORT, '--write', f'--destroy={path}', cwd=directory), 1,
                   'chattr -ia')
    finally:
        subprocess.run(['chattr', '-i', path], check=True)


def check_mounted(cases, directory):
    names = ['a mounted device is refused', 'a mounted device may be read, with a warning']
    backing = make_file(directory / 'disk', 8 << 20)
    with loop_device(backing) as device:
        if device is None or shutil.which('mkfs.ext4') is None:
            for name in names:
                cases.skip(name, 'no loop device or no mkfs.ext4 here')
            return
        subprocess.run(['mkfs.ext4', '-q', '-F', device], check=True)
        place = directory / 'a mount'
        place.mkdir()
        if subprocess.run(['mount', '-o', 'ro', device, str(place)], capture_output=True,
                          check=False).returncode != 0:
            for name in names:
                cases.skip(name, 'nothing can be mounted here')
            return
        try:
            mounted = f'{device} is mounted on {place}'
            Guarded(cases, backing).stays(
                names[0], run(device, *SHORT, '--write', f'--destroy={device}', cwd=directory), 1,
                mounted)
            cases.tell(names[1], [] if mounted in ' '.join(
                run(device, '-d', '4', '-t', '0.05', '-r', '1', cwd=directory).output.split())
                else ['no warning'])
        finally:
            subprocess.run(['umount', str(place)], check=True)


def check_partitioned(cases, directory):
    name = 'a disk with partitions is refused'
    backing = make_file(directory / 'partitioned', 16 << 20)
    with loop_device(backing, '--partscan') as device:
        if device is None or shutil.which('addpart') is None or subprocess.run(
                ['addpart', device, '1', '2048', '8192'], capture_output=True,
                check=False).returncode != 0:
            cases.skip(name, 'no loop device can be given a partition here')
            return
        partition = f'{os.path.basename(device)}p1'
        Guarded(cases, backing).stays(
            name, run(device, *SHORT, '--write', f'--destroy={device}', cwd=directory), 1,
            'has partitions', partition)


def check_beside(cases, directory):
    """Others that use the same disk change the figures, but nothing that is written."""
    name = 'a partition beside a mounted one may be written, with a warning'
    backing = make_file(directory / 'shared', 16 << 20)
    with loop_device(backing, '--partscan') as device:
        place = directory / 'beside'
        place.mkdir()
        made = device is not None and shutil.which('addpart') is not None and all(
            subprocess.run(command, capture_output=True, check=False).returncode == 0
            for command in (['addpart', device, '1', '2048', '8192'],
                            ['addpart', device, '2', '16384', '8192'],
                            ['mkfs.ext4', '-q', '-F', f'{device}p1'],
                            ['mount', '-o', 'ro', f'{device}p1', str(place)]))
        if not made:
            cases.skip(name, 'no loop device can be given partitions here')
            return
        try:
            outcome = run(f'{device}p2', *SHORT, '--write', f'--destroy={device}p2', cwd=directory)
            said = ' '.join(outcome.output.split())
            cases.tell(name, outcome.problems(0) +
                       ([] if f'{device}p1 is mounted on {place}, which is on' in said else [said]))
        finally:
            subprocess.run(['umount', str(place)], check=True)


def check_locked_for_others(cases, directory, path):
    """While it writes, a device is held exclusively."""
    name = 'a device that is written is kept from others'
    with loop_device(path) as device:
        if device is None:
            cases.skip(name, 'no loop device can be made here')
            return
        command = [device, *SHORT[:4], '-t', '2', *SHORT[6:], '--write', f'--destroy={device}']
        process = subprocess.Popen([PROGRAM, *command], cwd=directory, stdout=subprocess.PIPE,
                                   text=True)
        process.stdout.readline()  # the heading: the target is open
        try:
            os.close(os.open(device, os.O_RDONLY | os.O_EXCL))
            problems = ['O_EXCL succeeded beside it']
        except OSError:
            problems = []
        process.communicate()
        cases.tell(name, problems + ([f'exit code {process.returncode}']
                                     if process.returncode else []))


def main():
    cases = Cases()
    with scratch_directory() as directory:
        path = check_file(cases, directory)
        check_outputs(cases, directory, path)
        check_backing(cases, directory, path)
        check_device(cases, directory, path)
        check_locked_for_others(cases, directory, path)
        check_read_only(cases, directory)
        check_mounted(cases, directory)
        check_partitioned(cases, directory)
        check_beside(cases, directory)
    cases.exit()


main()
