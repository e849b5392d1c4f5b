#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual pages are well formed and leave nothing out.

Usage: check_manual.py SOURCE_ROOT PAGE_DIRECTORY PAGE=NAME,NAME... -- LIBRARY...
Each PAGE is in PAGE_DIRECTORY, and found under the further NAMEs.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'structure'))
from cases import Cases  # noqa: E402

# What mandoc says of pages that are right:
EXPECTED_OF_MANDOC = (
    # The title has to be the name of the function, which is in lower case.
    'lower case character in document title',
    # scdoc ends each paragraph by a macro, also before a heading.
    'skipping paragraph macro',
    # Which other pages are installed here is no matter of this one.
    'referenced manual not found',
    # Nobody reads what scdoc generates.
    'input text line longer than 80 bytes',
)

WIDEST_CODE = 80 - 11  # so far is it indented


def output_of(*command, environment=None):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
    return done.stdout, done.stderr


def plain_text(page):
    """As scdoc wrote it, without markup: names are searched for."""
    text = page.read_text()
    text = re.sub(r'\\f[BIRP]', '', text)
    return text.replace('\\&', '').replace('\\-', '-').replace('\\e', '\\')


def check_rendering(cases, pages):
    if shutil.which('man'):
        problems = []
        for page in pages:
            rendered, said = output_of('man', '--warnings', '-E', 'UTF-8', '-l', '-Z', str(page),
                                       environment={'MANROFFSEQ': ''})
            if said or not rendered:
                problems.append(f'{page.name}: {said.strip() or "man shows nothing"}')
        cases.tell('man renders each page without a warning', problems, f'{len(pages)} pages')
    else:
        cases.skip('man renders each page without a warning', 'man is not installed')
    if shutil.which('mandoc'):
        problems = []
        for page in pages:
            said = ''.join(output_of('mandoc', '-T', 'lint', str(page)))
            problems += [line for line in said.splitlines()
                         if not any(expected in line for expected in EXPECTED_OF_MANDOC)]
        cases.tell('mandoc finds no fault', problems, f'{len(pages)} pages')
    else:
        cases.skip('mandoc finds no fault', 'mandoc is not installed')
    problems = []
    for page in pages:
        for code in re.findall(r'^\.nf\n(.*?)^\.fi$', plain_text(page), re.S | re.M):
            problems += [f'{page.name}: {line}' for line in code.splitlines()
                         if len(line) > WIDEST_CODE]
    cases.tell('code fits a terminal of 80 columns', problems)
    if shutil.which('lexgrog'):
        problems = [f'{page.name}: no name and description' for page in pages
                    if f'{page.stem} - ' not in output_of('lexgrog', str(page))[0]]
        cases.tell('apropos finds each page', problems, f'{len(pages)} pages')
    else:
        cases.skip('apropos finds each page', 'lexgrog of man-db is not installed')


def check_functions(cases, pages, names, libraries):
    """Each exported function has a page that names it; no page names another one."""
    section = {page.stem: page for page in pages if page.suffix == '.3kaio'}
    found_under = {name: page for page, page_names in names.items() for name in page_names
                   if page.suffix == '.3kaio'}
    found_under.update(section)
    exported = set()
    for library in libraries:
        for line in output_of('nm', '-D', '--defined-only', library)[0].splitlines():
            if line.split()[1] in 'TtWi':
                exported.add(line.split()[-1].split('@')[0])
    problems = [f'{name} has no page' for name in sorted(exported - set(found_under))]
    problems += [f'{name} has a page and is not exported'
                 for name in sorted(set(found_under) - exported)]
    for name, page in sorted(found_under.items()):
        if f'{name}(' not in plain_text(page):
            problems.append(f'{page.name} does not name {name}()')
    if not exported:
        problems.append('no library exports anything')
    cases.tell('every exported function has a page', problems, f'{len(exported)} functions')


def check_references(cases, root, pages, names):
    """What a page says to see, in a section of ours, is there."""
    # That of aio-bench is not built where aio-bench is not.
    known = {source.stem for source in (root / 'doc/man').glob('*.scd')}
    for page, page_names in names.items():
        known |= {name + page.suffix for name in page_names}
    ours = re.compile(r'\b([a-z_0-9-]+)\((3kaio)\)|\b(kaio[a-z-]*)\((7)\)|\b(aio-[a-z]+)\((1)\)')
    problems = []
    count = 0
    for page in pages:
        for match in ours.finditer(plain_text(page)):
            name, number = [part for part in match.groups() if part]
            count += 1
            if f'{name}.{number}' not in known:
                problems.append(f'{page.name} refers to {name}({number}), which is not there')
    cases.tell('references lead to pages', problems, f'{count} references')


def check_declarations(cases, root, pages):
    """What the header defines is told of: flags, kinds of notification, statistics."""
    header = (root / 'include/kaio/aio.h').read_text()
    text = '\n'.join(plain_text(page) for page in pages)
    names = re.findall(r'#\s*define (AIO_OP2_\w+|SIGEV_\w+|LIO_(?:READV|WRITEV))', header)
    statistics = re.search(r'struct kaio_statistics \{(.*?)\n\};', header, re.S)[1]
    members = re.findall(r'uint64_t (\w+);', statistics)
    problems = [f'{name} is told of nowhere' for name in names
                if not re.search(rf'\b{name}\b', text)]
    page = next(page for page in pages if page.stem == 'kaio_get_statistics')
    problems += [f'{page.name} lacks {name}' for name in members
                 if not re.search(rf'\b{name}\b', plain_text(page))]
    if len(names) < 8 or len(members) < 25:
        problems.append(f'the header has only {names} and {members}')
    cases.tell('the pages have what the header defines', problems,
               f'{len(names)} constants, {len(members)} counters')


def check_options(cases, root, pages):
    page = next(page for page in pages if page.name == 'kaio.7')
    # The line that begins the paragraph of an option, by variable.
    heads = {match[1]: match[0] for match in
             re.finditer(r'^(KAIO_[A-Z_]+) \(\w+\): .*$', plain_text(page), re.M)}
    source = (root / 'src/posix/process/options.cc').read_text()
    options = re.findall(r'\{"(\w+)", "(KAIO_\w+)",\s*"([^"]*)"', source)
    problems = [] if options else ['options.cc has no options that can be read']
    for name, variable, values in options:
        head = heads.pop(variable, None)
        if head is None:
            problems.append(f'kaio(7) lacks {variable}')
            continue
        if f'({name})' not in head:
            problems.append(f'kaio(7) does not say that {variable} is {name}')
        words = re.findall(r'\d+|\b(?!a\b|an\b|or\b|number\b|of\b|from\b|to\b|seconds\b|'
                           r'microseconds\b)[a-z]+', values)
        for word in words:
            if not re.search(rf'\b{word}\b', head):
                problems.append(f'kaio(7) does not say that {variable} may be {word}')
    problems += [f'kaio(7) has {variable}, which is no option' for variable in heads]
    # Those that are read elsewhere: in the libraries, and by aio-run.
    elsewhere = set()
    for path in [*(root / 'src').rglob('*.cc'), root / 'tools/aio-run']:
        elsewhere |= set(re.findall(r'getenv\("(KAIO_\w+)"\)|\$\{?(KAIO_\w+)', path.read_text()))
    text = '\n'.join(plain_text(page) for page in pages)
    for variable in {one for pair in elsewhere for one in pair if one}:
        if not re.search(rf'\b{variable}\b', text):
            problems.append(f'{variable} is told of nowhere')
    cases.tell('kaio(7) has every option, with its values', problems, f'{len(options)} options')


def check_engine(cases, root, pages):
    """kaio-engine(7) has the classes that the library exports functions of, and its errors."""
    text = plain_text(next(page for page in pages if page.name == 'kaio-engine.7'))
    names = []
    include = root / 'include/kaio'
    for header in [include / 'engine.h', include / 'testing.h', *(include / 'engine').glob('*.h')]:
        names += re.findall(r'^(?:class|struct) KAIO_ENGINE_API (\w+) ', header.read_text(), re.M)
    problems = [] if len(names) > 8 else [f'the headers have only {names}']
    problems += [f'kaio-engine.7 lacks {name}' for name in names
                 if not re.search(rf'\b{name}\b', text)]
    cases.tell('kaio-engine(7) has every class', problems, f'{len(names)} classes')


root = pathlib.Path(sys.argv[1])
directory = pathlib.Path(sys.argv[2])
separator = sys.argv.index('--')
names_of_pages = {}
for argument in sys.argv[3:separator]:
    name, _, others = argument.partition('=')
    names_of_pages[directory / name] = [other for other in others.split(',') if other]
all_pages = list(names_of_pages)
told = Cases()
check_rendering(told, all_pages)
check_functions(told, all_pages, names_of_pages, sys.argv[separator + 1:])
check_references(told, root, all_pages, names_of_pages)
check_declarations(told, root, all_pages)
check_options(told, root, all_pages)
check_engine(told, root, all_pages)
told.exit()
