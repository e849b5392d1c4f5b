# SPDX-License-Identifier: MIT
"""For the scripts beside it: aio-bench in a scratch directory, loop devices, and
cases that test/report_cases.py counts."""

import contextlib
import ctypes
import errno
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'structure'))
from cases import Cases  # noqa: E402, F401

PROGRAM = os.path.abspath(sys.argv[1])
IS_ROOT = os.geteuid() == 0
LIMIT_SECONDS = 60


@contextlib.contextmanager
def scratch_directory(in_memory=False):
    parent = os.environ.get('KAIO_TEST_DIR') or '/var/tmp'
    if in_memory and os.access('/dev/shm', os.W_OK):
        parent = '/dev/shm'
    directory = tempfile.mkdtemp(prefix='kaio-bench-', dir=parent)
    try:
        yield pathlib.Path(directory)
    finally:
        shutil.rmtree(directory)


class Outcome:
    def __init__(self, process):
        self.code = process.returncode
        self.output = process.stdout
        self.errors = process.stderr

    def problems(self, code, *texts):
        """What is not as it has to be: the exit code, and what was said."""
        said = self.output + self.errors
        found = [f'exit code {self.code} instead of {code}: {said[-300:]!r}'] \
            if self.code != code else []
        return found + [f'does not say {text!r}: {said[-300:]!r}'
                        for text in texts if text not in said]


def copy_program(directory):
    """One that everybody may run who may enter the directory."""
    folder = directory / 'program'
    folder.mkdir()
    folder.chmod(0o755)
    copy = shutil.copy(PROGRAM, folder)
    libraries = subprocess.run(['ldd', PROGRAM], capture_output=True, text=True, check=False)
    built = [line.split()[2] for line in libraries.stdout.splitlines()
             if 'libkaio' in line and '=> /' in line]
    for library in built:
        shutil.copy(library, folder)
    if not built:
        return copy
    started = folder / 'start'
    started.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={folder} exec {copy} "$@"\n')
    for path in folder.iterdir():
        path.chmod(0o755)
    return str(started)


def run(*arguments, cwd, before=(), program=PROGRAM, **options):
    command = [*before, program, *map(str, arguments)]
    return Outcome(subprocess.run(command, cwd=cwd, capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=LIMIT_SECONDS, check=False,
                                  **options))


def results_of(*arguments, cwd, **options):
    """The JSON of a run that has to succeed."""
    outcome = run(*arguments, '--json', 'result.json', cwd=cwd, **options)
    if outcome.code != 0:
        raise RuntimeError(f'aio-bench {" ".join(map(str, arguments))}: {outcome.errors}')
    return json.loads((pathlib.Path(cwd) / 'result.json').read_text())


def measured_calmly(measure, attempts=3):
    """The problems of what is measured, which a machine that is busy may spoil: then it is
    measured anew. What is wrong is so each time."""
    for _ in range(attempts):
        problems = measure()
        if not problems:
            break
    return problems


def make_file(path, size_bytes):
    path.write_bytes(os.urandom(size_bytes))
    return path


def refuse_io_uring():
    """For preexec_fn: io_uring_setup() fails with EPERM from here on, as in containers."""
    libc = ctypes.CDLL(None, use_errno=True)
    io_uring_setup, refuse = 425, 0x00050000 | errno.EPERM
    code = struct.pack('<' + 'HBBI' * 4,
                       0x20, 0, 0, 0,  # load the number of the call
                       0x15, 0, 1, io_uring_setup,  # another one: skip
                       0x06, 0, 0, refuse,
                       0x06, 0, 0, 0x7fff0000)      # allow
    filter_code = ctypes.create_string_buffer(code, len(code))
    program = struct.pack('@HP', 4, ctypes.addressof(filter_code))
    set_no_new_privileges, set_seccomp, filter_mode = 38, 22, 2
    if libc.prctl(set_no_new_privileges, 1, 0, 0, 0) != 0 or \
            libc.prctl(set_seccomp, filter_mode, ctypes.create_string_buffer(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'no seccomp')


@contextlib.contextmanager
def loop_device(backing, *options):
    """None where none can be made."""
    made = subprocess.run(['losetup', '--find', '--show', *options, str(backing)],
                          capture_output=True, text=True, check=False) if IS_ROOT else None
    if made is None or made.returncode != 0:
        yield None
        return
    device = made.stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(['losetup', '--detach', device], check=True)
