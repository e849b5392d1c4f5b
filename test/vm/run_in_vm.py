#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs tests of a build on another kernel, in a virtual machine, and writes the log that
`meson test` would have written, for report_cases.py.

Usage: run_in_vm.py KERNEL CACHE BUILD_DIRECTORY LIMIT_S TEST...
KERNEL is 6.1 or another version that the package lists know; CACHE a folder for what is
downloaded and made; the log is CACHE/meson-logs/testlog.json.
Exit codes: 0 the tests ran; 1 the machine did not come up, or died; 77 there can be none
here. What is wrong is said on stdout.

The guest has one file system in memory, made of busybox, the programs with the libraries
that they use, each under the path it has here, and the drivers; and a disk with ext4.
"""

import json
import lzma
import os
import pathlib
import platform
import shlex
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # in the source tree
from kernel import Kernel, Unavailable, find_program  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent
# A test takes that many times as long: without KVM each instruction is translated.
SLOWNESS = {'kvm': 1, 'tcg': 6}
BOOT_LIMIT_S = {'kvm': 60, 'tcg': 240}
DISK_BYTES = 4 << 30
# A busy machine without KVM fails the kernel's own check of its timer.
KERNEL_OPTIONS = ('console=ttyS0 panic=-1 loglevel=5 mitigations=off no_timer_check '
                  'nowatchdog')


def tests_of(build_directory, names):
    answer = subprocess.run(['meson', 'introspect', '--tests', build_directory],
                            capture_output=True, text=True, check=True)
    known = {test['name']: test for test in json.loads(answer.stdout)}
    return [known[name] for name in names]


def is_program(path):
    """Not a script, whose interpreter the guest does not have."""
    with open(path, 'rb') as file:
        return file.read(4) == b'\x7fELF' and 'python' not in os.path.basename(path)


class Root:
    """The guest's files, gathered in a folder."""

    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # With merged /usr here, the paths of libraries are links of folders.
        for name in ('bin', 'sbin', 'lib', 'lib64'):
            (folder / 'usr' / name).mkdir(parents=True)
            (folder / name).symlink_to(f'usr/{name}')

    def path(self, inside):
        made = self.folder / str(inside).lstrip('/')
        made.parent.mkdir(parents=True, exist_ok=True)
        return made

    def add(self, source, inside=None, strip=False):
        target = self.path(inside or source)
        if target.exists():
            return
        shutil.copy(source, target)
        if strip and shutil.which('strip'):
            subprocess.run(['strip', '--strip-debug', target], capture_output=True, check=False)

    def add_program(self, source, inside=None):
        self.add(source, inside, strip=True)
        answer = subprocess.run(['ldd', source], capture_output=True, text=True, check=False)
        for line in answer.stdout.splitlines():
            words = line.split()
            paths = [word for word in words if word.startswith('/')]
            if paths:
                self.add(os.path.realpath(paths[0]), paths[0], strip=True)

    def write(self, inside, text, mode=0o644):
        self.path(inside).write_text(text, encoding='utf-8')
        self.path(inside).chmod(mode)

    def pack(self, archive):
        """As the kernel wants it: a cpio archive that root owns."""
        names = '\n'.join(str(path.relative_to(self.folder))
                          for path in sorted(self.folder.rglob('*')))
        with open(archive, 'wb') as file:
            subprocess.run([find_program('cpio'), '--quiet', '-o', '-H', 'newc', '-R', '0:0'],
                           input=names.encode(), stdout=file, cwd=self.folder, check=True)


def script_of(test):
    variables = [f'export {key}={shlex.quote(value)}' for key, value in test['env'].items()]
    command = ' '.join(shlex.quote(part) for part in test['cmd'])
    limit_s = test['timeout'] * max(SLOWNESS.values())
    return '\n'.join(['#!/bin/sh', *variables, f'exec timeout -k 10 {limit_s} {command}', ''])


def make_root(folder, kernel, tests):
    root = Root(folder)
    busybox = find_program('busybox')
    root.add_program(busybox, '/bin/busybox')
    root.add(FOLDER / 'init', '/init')
    for name in ('dmsetup', 'mkfs.xfs', 'mkfs.btrfs'):
        root.add_program(find_program(name), f'/usr/sbin/{name}')
    modules = []
    for number, (path, options) in enumerate(kernel.modules()):
        name = f'{number:03}-{os.path.basename(path)}'
        if name.endswith('.xz'):
            name = name.removesuffix('.xz')
            root.path(f'/kaio/drivers/{name}').write_bytes(lzma.open(path).read())
        else:
            root.add(path, f'/kaio/drivers/{name}')
        modules.append(f'/kaio/drivers/{name} {options}\n')
    root.write('/kaio/modules', ''.join(modules))
    root.write('/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n')
    root.write('/etc/group', 'root:x:0:\n')
    for number, test in enumerate(tests):
        if not is_program(test['cmd'][0]):
            continue
        root.add_program(test['cmd'][0])
        root.write(f'/kaio/tests/{number:03}', script_of(test), 0o755)
    return root


def make_disk(path):
    with open(path, 'wb') as file:
        file.truncate(DISK_BYTES)
    subprocess.run([find_program('mkfs.ext4'), '-q', '-F', '-E', 'lazy_itable_init=1', path],
                   check=True, capture_output=True)


class Guest:
    def __init__(self, cache, kernel, accelerator):
        self.console = cache / 'console'
        self.results = cache / 'results'
        for path in (self.console, self.results):
            path.write_bytes(b'')
        self.accelerator = accelerator
        processor = 'host' if accelerator == 'kvm' else 'max'
        self.process = subprocess.Popen(
            [find_program('qemu-system-x86_64'), '-nodefaults', '-no-reboot', '-display', 'none',
             '-machine', 'q35', '-accel', accelerator, '-cpu', processor, '-smp', '2',
             '-m', '2048', '-kernel', kernel.image, '-initrd', cache / 'initrd',
             '-append', f'{KERNEL_OPTIONS} kaio.slowness={SLOWNESS[accelerator]}',
             '-serial', f'file:{self.console}',
             '-drive', f'file={cache / "disk"},format=raw,if=virtio,snapshot=on',
             '-device', 'virtio-serial-pci', '-chardev', f'file,id=results,path={self.results}',
             '-device', 'virtserialport,chardev=results'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def said(self):
        return self.results.read_text(encoding='utf-8', errors='replace')

    def is_up(self):
        """Waits until its own program runs; False: it does not, or has ended."""
        until = time.monotonic() + BOOT_LIMIT_S[self.accelerator]
        while time.monotonic() < until and self.process.poll() is None:
            if '@@up' in self.said():
                return True
            time.sleep(0.5)
        return '@@up' in self.said()

    def wait(self, until, count):
        told = time.monotonic()
        while self.process.poll() is None and time.monotonic() < until:
            time.sleep(0.5)
            if time.monotonic() - told >= 30:
                told = time.monotonic()
                said = self.said()
                print(f'... {said.count("@@end")} of {count} tests done in the guest', flush=True)
        return self.process.poll() is not None

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        return self.process.communicate()[1].decode(errors='replace')

    def tail(self):
        lines = self.console.read_text(encoding='utf-8', errors='replace').splitlines()
        return '\n'.join(f'    console: {line.rstrip()}' for line in lines[-30:])


def start(cache, kernel):
    """KVM where it really works: there are machines with a /dev/kvm that does not."""
    complaints = ''
    for accelerator in ('kvm', 'tcg'):
        if accelerator == 'kvm' and not os.access('/dev/kvm', os.R_OK | os.W_OK):
            continue
        guest = Guest(cache, kernel, accelerator)
        if guest.is_up():
            return guest
        complaints += f'{accelerator}: {guest.stop().strip()[-300:]}\n{guest.tail()}\n'
    print(f'the virtual machine does not come up\n{complaints}')
    return None


def log_of(tests, said, repeat):
    """One entry for each test, also for those that never ended or began."""
    runs = {}
    for part in said.split('@@start ')[1:]:
        number, _, rest = part.partition('\n')
        stdout, _, rest = rest.partition('@@stderr\n')
        stderr, ended, rest = rest.partition('@@end ')
        words = rest.split()
        runs[int(number)] = (stdout, stderr, int(words[0]) if ended and words else None)
    for number, test in enumerate(tests):
        stdout, stderr, status = runs.get(number, ('', '', None))
        if not is_program(test['cmd'][0]):
            stdout, status = 'a script, and the guest has only busybox', 77
        if status in (None, 124, 137, 143):
            result = 'TIMEOUT'
        else:
            result = {0: 'OK', 77: 'SKIP'}.get(status, 'FAIL')
        yield {'name': test['name'], 'stdout': stdout, 'stderr': stderr, 'result': result,
               'returncode': -1 if status is None else status, 'env': test['env'],
               'command': test['cmd'], 'repeat': f'{repeat} {test["name"]}'}


def main():
    version, cache, build_directory, limit_s, *names = sys.argv[1:]
    until = time.monotonic() + float(limit_s)
    cache = pathlib.Path(cache).resolve()
    tests = tests_of(build_directory, names)
    try:
        if platform.machine() != 'x86_64':
            raise Unavailable(f'only x86-64 is known here, not {platform.machine()}')
        find_program('qemu-system-x86_64')
        kernel = Kernel(version, cache)
        make_root(cache / 'root', kernel, tests).pack(cache / 'initrd')
        make_disk(cache / 'disk')
    except (Unavailable, OSError, subprocess.TimeoutExpired) as why:
        print(f'no virtual machine: {why}')
        return 77
    guest = start(cache, kernel)
    if guest is None:
        return 1
    print(f'the guest runs Linux {kernel.release}, by {guest.accelerator}', flush=True)
    in_time = guest.wait(until, len(tests))
    guest.stop()
    said = guest.said()
    (cache / 'meson-logs').mkdir(exist_ok=True)
    with open(cache / 'meson-logs/testlog.json', 'w', encoding='utf-8') as log:
        for entry in log_of(tests, said, f'tools/check --vm={version}'):
            log.write(json.dumps(entry) + '\n')
    if '@@done' in said:
        return 0
    why = 'ended too early' if in_time else f'was not done in {limit_s} s'
    print(f'the guest {why}\n{guest.tail()}')
    return 1


if __name__ == '__main__':
    sys.exit(main())
