#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The reference of the headers is made without a warning, and has every function of C and every
class of the engine.

Usage: check_reference.py SOURCE_ROOT DOXYGEN DOXYFILE LIBRARY...
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'structure'))
from cases import Cases  # noqa: E402


def exported_by(library):
    listed = subprocess.run(['nm', '-D', '--defined-only', library], check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    names = {line.split()[-1].split('@')[0] for line in listed.splitlines()
             if line.split()[1] in 'TtWi'}
    # The names for programs with 64-bit offsets, which <aio.h> chooses by itself.
    return {name for name in names if not name.endswith('64')}


root, doxygen, doxyfile, *libraries = sys.argv[1:]
told = Cases()
with tempfile.TemporaryDirectory() as directory:
    settings = pathlib.Path(doxyfile).read_text()
    settings += f'OUTPUT_DIRECTORY = {directory}\nGENERATE_HTML = NO\nGENERATE_XML = YES\n'
    done = subprocess.run([doxygen, '-'], input=settings, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    problems = [line for line in done.stdout.splitlines() if line]
    if done.returncode != 0 and not problems:
        problems = [f'doxygen ends with {done.returncode}']
    told.tell('doxygen warns of nothing', problems)
    documented, described, classes = set(), set(), set()
    for page in pathlib.Path(directory, 'xml').glob('*.xml'):
        for part in xml.etree.ElementTree.parse(page).iter('compounddef'):
            name = part.find('compoundname').text
            if part.get('kind') in ('class', 'struct'):
                classes.add(name)
            for member in part.iter('memberdef'):
                text = ''.join(member.find('briefdescription').itertext())
                if member.get('kind') != 'function' or not text.strip():
                    continue
                if name.startswith('kaio'):
                    described.add(name)
                else:
                    documented.add(member.find('name').text)
wanted = set().union(*(exported_by(library) for library in libraries))
told.tell('the reference has every exported function',
          [f'it lacks {name}()' for name in sorted(wanted - documented)] +
          [f'it has {name}(), which is not exported' for name in sorted(documented - wanted)],
          f'{len(wanted)} functions')
of_the_engine = set()
include = pathlib.Path(root, 'include/kaio')
for header in [include / 'engine.h', *(include / 'engine').glob('*.h')]:
    of_the_engine |= set(re.findall(r'^(?:class|struct) (?:KAIO_ENGINE_API )?(\w+) (?:final )?\{',
                                    header.read_text(), re.M))
problems = [f'it lacks {name}' for name in sorted(of_the_engine) if f'kaio::{name}' not in classes]
problems += [f'no function of {name} is described' for name in ('Engine', 'Operation', 'Chain')
             if f'kaio::{name}' not in described]
told.tell('the reference has every class of the engine', problems, f'{len(of_the_engine)} classes')
told.exit()
