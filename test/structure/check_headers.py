#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each header compiles alone; the public ones in every language and standard that
a program may have: the engine's in C++20 and later, the others in C and C++.

Usage: check_headers.py SOURCE_ROOT -- C_COMPILER... -- CXX_COMPILER...
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

from cases import Cases

WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Werror']
# What <aio.h> itself needs where the standard is strict.
POSIX = '-D_POSIX_C_SOURCE=200809L'

OF_THE_ENGINE = re.compile(r'kaio/(engine\.h|engine/|testing\.h)')


def compile_alone(compiler, language, options, header):
    command = [*compiler, '-x', language, *options, *WARNINGS, '-fsyntax-only', '-']
    # Twice, so that a missing include guard is noticed as well.
    text = f'#include "{header}"\n#include "{header}"\nint kaio_nothing;\n'
    answer = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if answer.returncode == 0:
        return []
    return [line for line in answer.stderr.splitlines() if 'error' in line] or [answer.stderr]


def knows(compiler, standard):
    return subprocess.run([*compiler, '-x', 'c++', f'-std={standard}', '-fsyntax-only', '-'],
                          input='', capture_output=True, text=True, check=False).returncode == 0


def jobs(root, c_compiler, cxx_compiler):
    include = f'-I{root / "include"}'
    engine_standards = ['c++20', 'gnu++20',
                        *(one for one in ('c++23', 'gnu++23') if knows(cxx_compiler, one))]
    for header in sorted((root / 'include').rglob('*.h')):
        name = str(header.relative_to(root / 'include'))
        if OF_THE_ENGINE.match(name):
            for standard in engine_standards:
                yield (f'{name} alone in {standard}', cxx_compiler, 'c++',
                       [f'-std={standard}', include], name)
            continue
        for standard, extra in (('gnu11', []), ('c99', [POSIX]), ('c11', [POSIX]), ('gnu17', [])):
            yield (f'{name} alone in {standard}', c_compiler, 'c',
                   [f'-std={standard}', include, *extra], name)
        for standard in ('c++11', 'gnu++17', 'c++20'):
            yield (f'{name} alone in {standard}', cxx_compiler, 'c++',
                   [f'-std={standard}', include], name)
    for header in sorted((root / 'include').rglob('*.hh')) + sorted((root / 'src').rglob('*.h')):
        base = 'include' if header.suffix == '.hh' else 'src'
        name = str(header.relative_to(root / base))
        yield (f'{base}/{name} alone', cxx_compiler, 'c++',
               ['-std=c++20', '-D_GNU_SOURCE', include, f'-I{root / "src"}'], name)


def main():
    root = pathlib.Path(sys.argv[1])
    separators = [place for place, one in enumerate(sys.argv) if one == '--']
    c_compiler = sys.argv[separators[0] + 1:separators[1]]
    cxx_compiler = sys.argv[separators[1] + 1:]
    cases = Cases()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, result in [(job[0], pool.submit(compile_alone, *job[1:]))
                             for job in jobs(root, c_compiler, cxx_compiler)]:
            cases.tell(name, result.result())
    cases.exit()


main()
