#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example of a copy tool copies what there is, holes too, or leaves nothing behind.

Usage: check_aio_cp.py PROGRAM
"""

import contextlib
import ctypes
import mmap
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'structure'))
from cases import Cases  # noqa: E402

BLOCK_BYTES = 512 * 1024
MEGABYTE = 1 << 20


def run(*command, **options):
    return subprocess.run([str(word) for word in command], text=True, capture_output=True,
                          timeout=60, **options)


def may(*command):
    """What it says if it works, as it does only for root, and not everywhere."""
    with contextlib.suppress(FileNotFoundError):
        done = run(*command)
        return done.stdout.strip() or 'done' if done.returncode == 0 else ''
    return ''


def extents(path):
    """Of what is not a hole."""
    found = []
    with path.open('rb') as file:
        offset = 0
        with contextlib.suppress(OSError):  # ENXIO
            while True:
                begin = os.lseek(file.fileno(), offset, os.SEEK_DATA)
                offset = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
                found.append((begin, offset))
    return found


def first_difference(one, other):
    """Of files that may be mostly holes."""
    if one.stat().st_size != other.stat().st_size:
        return f'{one.stat().st_size} and {other.stat().st_size} bytes'
    with one.open('rb') as first, other.open('rb') as second:
        for begin, end in extents(one) + extents(other):
            first.seek(begin)
            second.seek(begin)
            if first.read(end - begin) != second.read(end - begin):
                return f'they differ between {begin} and {end}'
    return ''


class Copies:
    def __init__(self, cases, program, folder):
        self.cases, self.program, self.folder = cases, program, folder
        self.source, self.target = folder / 'source', folder / 'target'

    def leftovers(self):
        return [f'{path.name} is left' for path in self.folder.glob('**/*.incomplete')]

    def succeeds(self, what, *options, keeps_holes=True):
        done = run(self.program, '--check', *options, self.source, self.target)
        found = self.leftovers()
        if done.returncode != 0 or done.stdout or done.stderr:
            found.append(f'{done.returncode}: {done.stdout}{done.stderr}')
        else:
            difference = first_difference(self.source, self.target)
            found += [difference] if difference else []
            if keeps_holes and extents(self.source) != extents(self.target):
                found.append(f'the holes are not where they were: {extents(self.target)[:9]} '
                             f'in place of {extents(self.source)[:9]}')
        self.cases.tell(f'aio-cp copies {what}', found)

    def fails(self, what, error, *arguments, may_remain=(), code=1, **options):
        done = run(self.program, *arguments, **options)
        found = [one for one in self.leftovers() if one not in may_remain]
        if done.returncode != code or not re.search(error, done.stderr):
            found.append(f'{done.returncode}: {done.stdout}{done.stderr}')
        self.cases.tell(f'aio-cp tells of {what}', found)


def write_at(path, size, places):
    with path.open('wb') as file:
        file.truncate(size)
        for offset, count in places:
            file.seek(offset)
            file.write(random.Random(offset).randbytes(count))


def check_copies(copies):
    for size in (0, 1, 4095, 4096, 4097, BLOCK_BYTES, 5_000_123):
        copies.source.write_bytes(random.Random(size).randbytes(size))
        copies.succeeds(f'{size} bytes')
    for what, size, places in (
            ('one hole', 40 * MEGABYTE, ()),
            ('a hole at the start', 9 * MEGABYTE + 17, ((9 * MEGABYTE, 17),)),
            ('a hole at the end', 1 << 36, ((0, 5),)),
            ('small pieces', 8 * MEGABYTE + 999, [(n * 16384 + 100, 50) for n in range(500)]),
            ('large pieces', 1 << 32, [(n * 7_000_003, 3_000_001) for n in range(5)])):
        write_at(copies.source, size, places)
        copies.succeeds(f'a file with {what}')
    copies.source.write_bytes(b'x' * MEGABYTE)
    write_at(copies.folder / 'other', MEGABYTE, ())
    copies.target.unlink()
    copies.target.symlink_to('other')
    copies.succeeds('to where a link leads', keeps_holes=False)
    copies.cases.tell('aio-cp leaves the link',
                      [] if copies.target.is_symlink() else ['it is gone'])
    copies.target.unlink()


def check_modes(copies):
    found = []
    copies.source.write_bytes(b'x')
    copies.source.chmod(0o664)
    for before, wanted in ((None, 0o640), (0o606, 0o606)):
        copies.target.unlink(missing_ok=True)
        if before is not None:
            copies.target.touch()
            copies.target.chmod(before)
        run(copies.program, copies.source, copies.target, preexec_fn=lambda: os.umask(0o027))
        mode = copies.target.stat().st_mode & 0o7777
        if mode != wanted:
            found.append(f'{mode:o} in place of {wanted:o}')
    copies.cases.tell('aio-cp gives a new file the permissions of the source, and keeps those of '
                      'one that is there', found)


def check_refusals(copies):
    source, target, folder = copies.source, copies.target, copies.folder
    source.write_bytes(b'source')
    target.write_bytes(b'target')
    (folder / 'link').symlink_to('source')
    (folder / 'hard link').hardlink_to(source)
    (folder / 'folder').mkdir()
    os.mkfifo(folder / 'pipe')
    for name in ('source', 'link', 'hard link'):
        copies.fails(f'itself as {name}', 'are the same file', source, folder / name)
    copies.fails('a directory to copy', 'folder: is a directory', folder / 'folder', target)
    copies.fails('a directory as the target', 'folder: is a directory', source, folder / 'folder')
    copies.fails('a pipe to copy', 'pipe: is neither', folder / 'pipe', target)
    copies.fails('a pipe as the target', 'pipe: is not a file', source, folder / 'pipe')
    copies.fails('a missing file', 'missing: No such file', folder / 'missing', target)
    copies.fails('a missing directory', 'No such file', source, folder / 'missing/target')
    copies.fails('missing arguments', 'Usage', source, code=2)
    copies.fails('an unknown option', 'Usage', '--chekc', source, target, code=2)
    (folder / 'target.incomplete').write_bytes(b'of another')
    copies.fails('another one at work', 'target.incomplete: File exists', source, target,
                 may_remain=['target.incomplete is left'])
    (folder / 'target.incomplete').unlink()

    def like_others():
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: root may read anything
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP

    source.chmod(0)
    copies.fails('a file that may not be read', 'source: Permission denied', source, target,
                 preexec_fn=like_others)
    source.chmod(0o644)
    copies.cases.tell('aio-cp leaves the target as it was when it fails',
                      [] if target.read_bytes() == b'target' else ['it has changed'])
    for name in ('link', 'hard link', 'pipe'):
        (folder / name).unlink()


def check_full_disk(copies):
    disk = copies.folder / 'disk'
    disk.mkdir()
    if not may('mount', '-t', 'tmpfs', '-o', 'size=2m', 'none', disk):
        return copies.cases.skip('aio-cp tells of a full disk', 'may not mount a file system')
    try:
        copies.source.write_bytes(os.urandom(MEGABYTE + 5))
        copies.target = disk / 'target'
        copies.succeeds('to another file system', keeps_holes=False)
        copies.source.write_bytes(os.urandom(3 * MEGABYTE))
        before = copies.target.read_bytes()
        copies.fails('a full disk', 'target.incomplete: No space left', copies.source,
                     copies.target)
        copies.cases.tell('aio-cp keeps the old file when the disk is full',
                          [] if copies.target.read_bytes() == before else ['it has changed'])
    finally:
        copies.target = copies.folder / 'target'
        subprocess.run(['umount', disk], check=True)


def check_bad_device(copies):
    """Whose end is missing: the file under it has become shorter."""
    backing = copies.folder / 'backing'
    backing.write_bytes(random.Random(1).randbytes(4 * MEGABYTE))
    device = may('losetup', '--find', '--show', '--direct-io=off', backing)
    if not device:
        return copies.cases.skip('aio-cp tells of a device that cannot be read',
                                 'may not make a loop device')
    try:
        done = run(copies.program, '--check', device, copies.target)
        copies.cases.tell('aio-cp copies a device', [] if done.returncode == 0 and
                          copies.target.read_bytes() == backing.read_bytes() else [done.stderr])
        os.truncate(backing, 3 * MEGABYTE)
        copies.fails('a device that cannot be read', f'{device}: Input/output error', device,
                     copies.target)
    finally:
        subprocess.run(['losetup', '--detach', device], check=True)


def incomplete_of(copies, process):
    """Once it has been begun, and is being written. None: it is over already."""
    path = copies.folder / 'target.incomplete'
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > 0:
                return path
    return None


def check_interrupt(copies):
    copies.source.write_bytes(os.urandom(MEGABYTE) * 64)
    copies.target.write_bytes(b'target')
    found, interrupted_count = [], 0
    for number in range(6):
        with subprocess.Popen([copies.program, copies.source, copies.target], text=True,
                              stderr=subprocess.PIPE) as process:
            incomplete_of(copies, process)
            process.send_signal((signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[number % 3])
            _, errors = process.communicate(timeout=60)
        if process.returncode == 1 and errors == 'aio-cp: interrupted\n':
            interrupted_count += 1
            if copies.target.read_bytes() != b'target':
                found.append('the old file has changed')
        elif process.returncode != 0:
            found.append(f'{process.returncode}: {errors}')
        copies.target.write_bytes(b'target')
    if interrupted_count == 0:
        found.append('it was always done before')
    copies.cases.tell('aio-cp leaves the old file alone when it is interrupted',
                      found + copies.leftovers(), f'{interrupted_count} times')


def check_corruption(copies):
    """What is written is changed again, as by a device that is broken."""
    copies.source.write_bytes(b'x' * 32 * MEGABYTE)
    copies.target.unlink(missing_ok=True)
    place = 1234 * 4096
    block = mmap.mmap(-1, 4096)
    block.write(b'x' * 99 + b'y' * 3997)
    with subprocess.Popen([copies.program, '--check', copies.source, copies.target], text=True,
                          stderr=subprocess.PIPE) as process:
        path, is_over = incomplete_of(copies, process), threading.Event()

        def corrupt():
            # Not through the page cache: the kernel reports an error when that gets in the way.
            fd = os.open(path, os.O_RDWR | os.O_DIRECT)
            while not is_over.is_set():
                os.pwritev(fd, [block], place)
                time.sleep(0.0005)
            os.close(fd)

        thread = threading.Thread(target=corrupt)
        if path is not None:
            thread.start()
        _, errors = process.communicate(timeout=60)
        is_over.set()
        if path is not None:
            thread.join()
    found = copies.leftovers()
    if process.returncode != 1 or f'differ at byte {place + 99}\n' not in errors:
        found.append(f'{process.returncode}: {errors}')
    if copies.target.exists():
        found.append('the bad copy got its name')
    copies.cases.tell('aio-cp --check finds what is not as it was written', found)


def check_compare(copies):
    write_at(copies.source, 3 * MEGABYTE + 5, ((0, 5000), (2 * MEGABYTE, 4096)))
    found = []
    for what, place, size in (('same', None, 0), ('data', 4999, 0), ('hole', MEGABYTE + 77, 0),
                              ('end', 3 * MEGABYTE + 4, 0), ('longer', None, 1)):
        run(copies.program, copies.source, copies.target)
        with copies.target.open('rb+') as file:
            file.truncate(3 * MEGABYTE + 5 + size)
            if place is not None:
                file.seek(place)
                byte = file.read(1)
                file.seek(place)
                file.write(bytes([byte[0] ^ 1]))
        for one, other in ((copies.source, copies.target), (copies.target, copies.source)):
            done = run(copies.program, '--compare', one, other)
            wanted = {'same': '', 'longer': 'differ in length\n'}.get(
                what, f'differ at byte {place}\n')
            if done.returncode != (what != 'same') or not done.stderr.endswith(wanted):
                found.append(f'{what}: {done.returncode}: {done.stderr}')
    copies.cases.tell('aio-cp --compare finds the first byte that differs', found)


def check_progress(copies):
    copies.source.write_bytes(bytes(MEGABYTE))
    done = run(copies.program, '--progress', '--check', copies.source, copies.target)
    copies.cases.tell('aio-cp says how far it is', [] if re.fullmatch(
        r'(copying: +\d+ %, \d+ MB/s\n)*copying: 100 %, \d+ MB/s\n'
        r'(comparing: +\d+ %, \d+ MB/s\n)*comparing: 100 %, \d+ MB/s\n', done.stderr)
        else [done.stderr])


def main():
    program = os.path.abspath(sys.argv[1])
    cases = Cases()
    # Where O_DIRECT works, which is not so on every tmpfs.
    parent = os.environ.get('KAIO_TEST_DIR', '/var/tmp')
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        copies = Copies(cases, program, pathlib.Path(folder))
        check_copies(copies)
        check_modes(copies)
        check_refusals(copies)
        check_full_disk(copies)
        check_bad_device(copies)
        check_interrupt(copies)
        check_corruption(copies)
        check_compare(copies)
        check_progress(copies)
    cases.exit()


if __name__ == '__main__':
    main()
