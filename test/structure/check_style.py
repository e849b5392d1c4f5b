#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every file of the repository as .editorconfig says, the C and C++ as .clang-format does.

Usage: check_style.py SOURCE_ROOT
"""

import configparser
import pathlib
import re
import shutil
import subprocess
import sys

from cases import Cases

# Another version breaks lines elsewhere. Debian 12's is the one that counts.
CLANG_FORMAT_MAJOR = 14
FORMATTED = {'.cc', '.h', '.c'}
# Not the repository's: what Meson unpacks, and builds in the source directory.
NOT_OURS = re.compile(
    r'^(\.git/|build[^/]*/|subprojects/(?!packagefiles/|[^/]*\.wrap$|\.gitignore$))')


def files_of(root):
    """What git tracks; of a tarball, or where there is no git, everything."""
    names = []
    if shutil.which('git'):
        listed = subprocess.run(['git', '-C', root, 'ls-files', '-z'],
                                capture_output=True, text=True)
        if listed.returncode == 0:
            names = listed.stdout.split('\0')[:-1]
    if not names:
        names = [str(path.relative_to(root)) for path in root.rglob('*')]
    return sorted(pathlib.Path(root, name) for name in names
                  if not NOT_OURS.match(name) and '__pycache__' not in name
                  and pathlib.Path(root, name).is_file())


def pattern_of(glob):
    """A glob of .editorconfig, for file names."""
    text = re.escape(glob).replace(r'\*', '.*').replace(r'\{', '(').replace(r'\}', ')')
    return re.compile('^' + text.replace(',', '|') + '$')


def read_editorconfig(path):
    parser = configparser.ConfigParser()
    parser.read_string('[preamble]\n' + path.read_text())
    return [(pattern_of(section), dict(parser[section]))
            for section in parser.sections() if section != 'preamble']


def rules_for(path, sections):
    rules = {}
    for pattern, settings in sections:
        if pattern.match(path.name):
            rules.update(settings)
    return rules


def departures(content, rules):
    """What of the file's text is not as its rules say, each as 'LINE: what'."""
    try:
        text = content.decode(rules['charset'])
    except UnicodeDecodeError as error:
        return [f'1: not {rules["charset"]}: {error}']
    found = []
    if rules['insert_final_newline'] == 'true' and text and not text.endswith('\n'):
        found.append(f'{text.count(chr(10)) + 1}: no newline at the end')
    limit = int(rules.get('max_line_length', '0'))
    for number, line in enumerate(text.split('\n'), 1):
        if rules['end_of_line'] == 'lf' and line.endswith('\r'):
            found.append(f'{number}: ends with a carriage return')
        elif rules['trim_trailing_whitespace'] == 'true' and line != line.rstrip():
            found.append(f'{number}: ends with white space')
        if rules['indent_style'] == 'space' and line.startswith('\t'):
            found.append(f'{number}: is indented by a tab')
        if limit and len(line) > limit:
            found.append(f'{number}: has {len(line)} characters, more than {limit}')
    return found


def against_editorconfig(root, files):
    sections = read_editorconfig(root / '.editorconfig')
    problems, checked_count = [], 0
    for path in files:
        content = path.read_bytes()
        if b'\0' in content:  # a picture
            continue
        checked_count += 1
        problems += [f'{path.relative_to(root)}:{what}'
                     for what in departures(content, rules_for(path, sections))]
    return problems, checked_count


def clang_format():
    """The program, or why there is none."""
    for name in (f'clang-format-{CLANG_FORMAT_MAJOR}', 'clang-format'):
        program = shutil.which(name)
        if not program:
            continue
        version = subprocess.run([program, '--version'], capture_output=True, text=True).stdout
        match = re.search(r'version (\d+)', version)
        if match and int(match[1]) == CLANG_FORMAT_MAJOR:
            return program, ''
    return None, f'needs clang-format {CLANG_FORMAT_MAJOR}'


def against_clang_format(program, root, files):
    problems = []
    for start in range(0, len(files), 50):
        part = [str(path) for path in files[start:start + 50]]
        told = subprocess.run([program, '--dry-run', *part], cwd=root,
                              capture_output=True, text=True)
        if told.returncode != 0:
            problems.append(told.stderr.strip())
        problems += [line.removeprefix(f'{root}/') + f': run {program} -i'
                     for line in told.stderr.splitlines() if 'Wclang-format-violations' in line]
    return problems


def main():
    cases = Cases()
    root = pathlib.Path(sys.argv[1]).resolve()
    files = files_of(root)

    problems, checked_count = against_editorconfig(root, files)
    cases.tell('files_are_as_editorconfig_says', problems, f'{checked_count} files')

    formatted = [path for path in files if path.suffix in FORMATTED]
    program, reason = clang_format()
    if program:
        cases.tell('sources_are_as_clang_format_writes_them',
                   against_clang_format(program, root, formatted), f'{len(formatted)} files')
    else:
        cases.skip('sources_are_as_clang_format_writes_them', reason)
    cases.exit()


main()
