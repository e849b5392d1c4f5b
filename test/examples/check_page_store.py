#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example of a page store reads back what it wrote, tells of each page that is not right, and
says how long reads took.

Usage: check_page_store.py PROGRAM
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'structure'))
from cases import Cases  # noqa: E402

PAGE_BYTES = 8192
TIMES = r' +(\d+) reads, median +(\d+) us, 99 % within +(\d+) us'
OUTPUT = (r'scheduler of the device: ([\w-]+); [^\n]+\n(the file system has no [^\n]+\n)?'
          rf'alone{TIMES}\n'
          rf'beside a scan{TIMES}, scan +(\d+) MB/s\n'
          rf'beside a scan, with priorities{TIMES}, scan +(\d+) MB/s\n')


def run(*command):
    return subprocess.run([str(word) for word in command], text=True, capture_output=True,
                          timeout=100)


def check_whole(cases, program, store):
    for page_count in (1, 63, 64, 65, 1300):
        done = run(program, 'create', store, page_count)
        found = [] if done.returncode == 0 and not done.stdout + done.stderr else [done.stderr]
        if store.stat().st_size != page_count * PAGE_BYTES:
            found.append(f'the file has {store.stat().st_size} bytes')
        pages = store.read_bytes()
        if len({pages[place:place + PAGE_BYTES] for place in range(0, len(pages), PAGE_BYTES)}) \
                != page_count:
            found.append('there are pages that are the same')
        done = run(program, 'measure', store, '0.2')
        said = re.fullmatch(OUTPUT, done.stdout)
        if done.returncode != 0 or not said:
            found.append(f'{done.returncode}: {done.stdout}{done.stderr}')
        else:
            for count, median, most in (said.groups()[place:place + 3] for place in (2, 5, 9)):
                # One after the other: so many of such a length have to fit.
                if not 0 < int(count) * int(median) / 2 < 400_000 or int(median) > int(most):
                    found.append(f'{count} reads of {median} us, and {most}, are not possible')
        cases.tell(f'page_store measures {page_count} pages', found)


def check_damage(cases, program, store):
    """By the scan, as the reads of single pages hardly come upon it."""
    run(program, 'create', store, 1300)
    good = store.read_bytes()

    def page(number):
        return good[number * PAGE_BYTES:][:PAGE_BYTES]

    def with_page(number, content):
        return good[:number * PAGE_BYTES] + content + good[(number + 1) * PAGE_BYTES:]

    def flipped(number, place):
        damaged = bytearray(page(number))
        damaged[place] ^= 0x10
        return with_page(number, bytes(damaged))

    zeros = bytes(PAGE_BYTES)
    for what, content, error in (
            ('its last byte', flipped(1299, PAGE_BYTES - 1), 'page 1299 is damaged'),
            ('its number', flipped(700, 0), 'page 700 is damaged'),
            ('its checksum', flipped(64, 15), 'page 64 is damaged'),
            ('a page in the place of another', with_page(900, page(901)),
             'page 901 is where page 900 should be'),
            ('a page that was never written', with_page(0, zeros), 'page 0 is damaged'),
            ('every page, by reads of single ones', page(1299) * 1300,
             r'page 1299 is where page \d+ should be'),
            ('half a page at the end', good[:-100], 'no file of whole pages'),
            ('no page', b'', 'no file of whole pages')):
        store.write_bytes(content)
        done = run(program, 'measure', store, '0.05')
        cases.tell(f'page_store tells of {what}', [] if done.returncode == 1 and re.fullmatch(
            f'page_store: (this is )?{error}\n', done.stderr) else
            [f'{done.returncode}: {done.stderr}'])


def check_refusals(cases, program, folder):
    for what, arguments, code, error in (
            ('a missing file', ('measure', folder / 'missing'), 1, 'No such file'),
            ('a directory', ('create', folder, '3'), 1, 'Is a directory'),
            ('no pages', ('create', folder / 'store', '0'), 1, '0 is no number above 0'),
            ('a word for a number', ('create', folder / 'store', '3x'), 1, '3x is no number'),
            ('an unknown command', ('destroy', folder / 'store'), 2, 'Usage: ')):
        done = run(program, *arguments)
        cases.tell(f'page_store tells of {what}', [] if done.returncode == code and
                   error in done.stderr else [f'{done.returncode}: {done.stderr}'])


def main():
    program = os.path.abspath(sys.argv[1])
    cases = Cases()
    # Where O_DIRECT works, which is not so on every tmpfs.
    parent = os.environ.get('KAIO_TEST_DIR', '/var/tmp')
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        store = pathlib.Path(folder, 'store')
        check_whole(cases, program, store)
        check_damage(cases, program, store)
        check_refusals(cases, program, pathlib.Path(folder))
    cases.exit()


if __name__ == '__main__':
    main()
