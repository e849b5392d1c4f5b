#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The order of the folders in src, and the size and heading of files.

Usage: check_layout.py SOURCE_ROOT
"""

import pathlib
import re
import sys

from cases import Cases

# A file includes what stands further down, and its own folder. Folders of one
# line do not know each other.
LEVELS = [
    ['posix/api', 'engine'],
    ['posix/process'],
    ['posix/dispatch'],
    ['posix/wait'],
    ['posix/notify', 'posix/order'],
    ['posix/request'],
    ['core/carry'],
    ['core/kernel', 'core/readiness', 'core/threads'],
    ['core'],
    ['sys'],
]
LEVEL_OF = {folder: level for level, folders in enumerate(LEVELS) for folder in folders}

LARGEST_SOURCE_LINES = 400
LARGEST_ROOT_BUILD_LINES = 80
IN_THE_ROOT = {'README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'meson.build',
               'meson_options.txt', 'src', 'include', 'test', 'tools', 'doc', 'examples',
               'subprojects'}

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def is_allowed(folder, included):
    return folder == included or LEVEL_OF[folder] < LEVEL_OF[included]


def wrong_includes(source):
    problems, include_count = [], 0
    for path in sorted(source.rglob('*')):
        if path.suffix not in ('.cc', '.h', '.c'):
            continue
        folder = str(path.relative_to(source).parent)
        if folder not in LEVEL_OF:
            problems.append(f'{path.relative_to(source)}: in a folder that has no level')
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            include_count += 1
            where = f'src/{path.relative_to(source)}:{number}: includes "{match[1]}"'
            included = pathlib.PurePosixPath(match[1])
            if (source.parent / 'include' / included).is_file():
                continue
            if not (source / included).is_file():
                problems.append(f'{where}, which is no path from src')
            elif str(included.parent) not in LEVEL_OF:
                problems.append(f'{where} of a folder that has no level')
            elif not is_allowed(folder, str(included.parent)):
                problems.append(f'{where}, and {folder} does not come before {included.parent}')
    return problems, include_count


def long_files(source):
    lengths = {path.relative_to(source): len(path.read_text().splitlines())
               for path in source.rglob('*') if path.is_file()}
    return [f'src/{path} has {length} lines, more than {LARGEST_SOURCE_LINES}'
            for path, length in sorted(lengths.items()) if length > LARGEST_SOURCE_LINES]


def without_licence(root):
    problems = []
    for folder in ('src', 'include', 'test', 'tools', 'doc', 'examples', '.ci'):
        for path in sorted((root / folder).rglob('*')):
            if not path.is_file() or '__pycache__' in path.parts:
                continue
            try:
                head = path.read_text().splitlines()[:2]
            except UnicodeDecodeError:
                continue
            if not any('SPDX-License-Identifier: MIT' in line for line in head):
                problems.append(f'{path.relative_to(root)} does not begin with its licence')
    return problems


def strays(root):
    return [f'{path.name} does not belong in the root' for path in sorted(root.iterdir())
            if not path.name.startswith(('.', 'build')) and path.name not in IN_THE_ROOT]


def main():
    root = pathlib.Path(sys.argv[1])
    source = root / 'src'
    cases = Cases()
    problems, count = wrong_includes(source)
    if count == 0:
        problems.append('no include was found at all')
    cases.tell('includes only go down the list of folders', problems, f'{count} includes')
    cases.tell('no file in src is too long', long_files(source))
    lines = len((root / 'meson.build').read_text().splitlines())
    cases.tell('the root build file is short', [f'it has {lines} lines']
               if lines >= LARGEST_ROOT_BUILD_LINES else [], f'{lines} lines')
    cases.tell('every file begins with its licence', without_licence(root))
    cases.tell('nothing else lies in the root', strays(root))
    cases.exit()


main()
