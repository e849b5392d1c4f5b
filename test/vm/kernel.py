# SPDX-License-Identifier: MIT
"""A kernel of Debian's, unpacked into a folder: never installed on this machine."""

import os
import pathlib
import shutil
import subprocess

# Drivers, in an order in which they can be loaded, with their options. What a kernel has
# built in, or does not have at all, is left out.
MODULES = {
    'virtio_pci': '', 'virtio_blk': '', 'virtio_console': '',
    'crc32c_generic': '', 'crc32c_intel': '', 'xxhash_generic': '', 'ext4': '', 'loop': '',
    'null_blk': 'nr_devices=6 memory_backed=1 gb=1',
    # Two transfers at a time, of some hundredths of a second; errors by number of sector.
    'scsi_debug': 'dev_size_mb=64 max_queue=2 delay=10 '
                  'opts=2 medium_error_start=16384 medium_error_count=512',
    'sd_mod': '',
    'dm-mod': '', 'dm-flakey': '', 'dm-delay': '',
    'zram': 'num_devices=1', 'nbd': 'nbds_max=2',
    'xfs': '', 'btrfs': '', 'fuse': '', 'overlay': '',
}


class Unavailable(Exception):
    """Something that cannot be had here, and no defect of what is tested."""


def find_program(name):
    path = shutil.which(name, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    if path is None:
        raise Unavailable(f'{name} is not installed')
    return path


def _run(command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, **options)


def _package_of(version):
    """The newest package with that kernel: the metapackage knows its name."""
    names = {'6.1': ['linux-image-amd64'], '6.12': ['linux-image-6.12-amd64']}
    for metapackage in names.get(version, []) + [f'linux-image-{version}-amd64']:
        answer = _run([find_program('apt-cache'), 'depends', metapackage])
        for line in answer.stdout.splitlines():
            package = line.strip().removeprefix('Depends: ')
            if package.startswith(f'linux-image-{version}.'):
                return package
    raise Unavailable(f'no package of Linux {version} (apt-cache knows none)')


def _download(package, folder):
    folder.mkdir(parents=True, exist_ok=True)
    command = [find_program('apt-get'), '-qq', 'download', package]
    answer = _run(command, cwd=folder, timeout=300)
    packages = list(folder.glob('*.deb'))
    if answer.returncode != 0 or not packages:
        raise Unavailable(f'{package} cannot be downloaded: {answer.stderr.strip()[-200:]}')
    unpacked = _run([find_program('dpkg-deb'), '-x', packages[0], folder])
    if unpacked.returncode != 0:
        raise Unavailable(f'{package} cannot be unpacked: {unpacked.stderr.strip()[-200:]}')
    packages[0].unlink()


class Kernel:
    def __init__(self, version, cache):
        """`version` as 6.1 or 6.12; what was downloaded stays below `cache`."""
        self.folder = pathlib.Path(cache).resolve() / f'linux-{version}'
        complete = self.folder / 'complete'
        if not complete.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            _download(_package_of(version), self.folder)
        modules = next((self.folder / 'lib/modules').iterdir())
        self.release = modules.name
        self.image = self.folder / 'boot' / f'vmlinuz-{self.release}'
        if not complete.exists():
            _run([find_program('depmod'), '-b', str(self.folder), self.release])
            complete.touch()

    def modules(self):
        """(file, options) of each, what it needs before it."""
        known = {}
        modprobe = find_program('modprobe')
        for name, options in MODULES.items():
            answer = _run([modprobe, '-d', str(self.folder), '-S', self.release,
                           '--show-depends', name])
            for line in answer.stdout.splitlines():
                words = line.split()
                if words[0] == 'insmod':
                    is_last = words[1] in answer.stdout.splitlines()[-1]
                    known.setdefault(words[1], options if is_last else '')
        return list(known.items())
