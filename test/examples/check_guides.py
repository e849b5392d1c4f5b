#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The guides show code and commands that are those of the programs, and links that lead on.

Usage: check_guides.py SOURCE_ROOT
"""

import os
import pathlib
import re
import sys
import textwrap

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'structure'))
from cases import Cases  # noqa: E402

CODE = re.compile(r'^```(c|cpp|sh)\n(.*?)^```', re.M | re.S)
PROGRAM = re.compile(r'\(\.\./examples/([\w./]+\.(?:c|cc))\)')
LINK = re.compile(r'\]\(([^)#]+?)(?:#[^)]*)?\)')


def contains(program, shown):
    """Whether the program has these lines, with any indentation that all have in common."""
    lines, count = program.splitlines(keepends=True), len(shown.splitlines())
    return any(textwrap.dedent(''.join(lines[number:number + count])).rstrip() == shown.rstrip()
               for number in range(len(lines)))


def check_guide(cases, root, guide):
    text = guide.read_text()
    programs = {name: (root / 'examples' / name).read_text() for name in PROGRAM.findall(text)}
    problems, count = [], 0
    for language, shown in CODE.findall(text):
        if language == 'sh':
            # How to build it is said in the program too. Other commands are no matter of it.
            for line in shown.splitlines():
                if re.match(r'(cc|c\+\+) ', line) and not any(
                        f' *   {line}\n' in program or f'//   {line}\n' in program
                        for program in programs.values()):
                    problems.append(f'no program says "{line}"')
            continue
        count += 1
        if not any(contains(program, shown) for program in programs.values()):
            problems.append(f'no program has "{shown.splitlines()[0]}" and what follows')
    if not programs or not count:
        problems.append('it shows no program')
    cases.tell(f'{guide.name} shows what its program does', problems, f'{count} pieces')


root = pathlib.Path(sys.argv[1])
told = Cases()
guides = [*sorted((root / 'doc').glob('from-*.md')), root / 'doc/which-notification.md',
          root / 'doc/engine.md']
for one in guides:
    check_guide(told, root, one)
shown_programs = {name for one in guides for name in PROGRAM.findall(one.read_text())}
there = {str(path.relative_to(root / 'examples')) for path in (root / 'examples').rglob('*')
         if path.suffix in ('.c', '.cc')}
told.tell('each example has a guide', [f'no guide shows {name}'
                                       for name in sorted(there - shown_programs)])
broken = []
for page in [root / 'README.md', *sorted((root / 'doc').rglob('*.md'))]:
    for target in LINK.findall(CODE.sub('', page.read_text())):
        if '://' not in target and not (page.parent / target).exists():
            broken.append(f'{page.relative_to(root)} leads to {target}')
told.tell('links lead to files', broken)
index = (root / 'doc/README.md').read_text()
told.tell('the index has every document', [
    f'doc/README.md lacks {path.name}' for path in sorted((root / 'doc').glob('*.md'))
    if path.name != 'README.md' and f'({path.name})' not in index])
told.exit()
