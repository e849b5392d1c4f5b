#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lets spin exhaust the models beside this file, and find what each mutation breaks.

A model's head comment has a line for each case:

    holds: NAME: FLAGS    there is no way to an error
    fails: NAME: FLAGS    there is one, and spin finds it

where FLAGS are for the preprocessor.

Usage: check_models.py [MODEL.pml...] [-- PATTERN]
"""

import concurrent.futures
import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'structure'))
from cases import Cases  # noqa: E402

CASE = re.compile(r'^ \* (holds|fails): ([^:\n]+)(?:: (.*))?$', re.MULTILINE)
MEMORY_MIB = 6000
# Depth, and bits of the table of states; seconds for one search. The longest takes 20.
THOROUGH = ['-m1000000', '-w24'], 240
# Most searches are over before gcc has compiled what searches, and before the memory for a
# large one is cleared. tcc compiles at once. What fails does so early, if not after long ways.
QUICK = {'holds': (['-m20000', '-w18'], 3), 'fails': (['-m300', '-w18'], 3)}

# What a search says that was too short to find that there is nothing.
TOO_SHORT = re.compile(r'max search depth too small')
# What a failed search says when it is the model that is wrong, not the protocol.
NOT_A_VERDICT = re.compile(r'out of memory|MEMLIM bound|'
                           r'truncated|not recognized|Segmentation|VECTORSZ')
STATES = re.compile(r'^\s*([0-9.e+]+) states, stored', re.MULTILINE)


def run(command, directory, limit_s=240):
    try:
        answer = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit_s,
                                check=False)
    except subprocess.TimeoutExpired:
        return 124, f'truncated: not done in {limit_s} s'
    return answer.returncode, answer.stdout


def search(model, kind, flags):
    """Whether spin went through every state, what it found, and what it said."""
    text = model.read_text()
    with tempfile.TemporaryDirectory(prefix='kaio-model-') as directory:
        shutil.copy(model, directory)
        status, said = run(['spin', '-a', *flags, model.name], directory)
        if status != 0 or 'Error' in said:
            return None, 'spin: ' + said.strip()
        options = ['-w', '-DSAFETY', f'-DMEMLIM={MEMORY_MIB}']
        # A process that stands still while a handler runs is nothing that spin's
        # reduction of orders knows of.
        if 'provided (' in text:
            options.append('-DNOREDUCE')
        for compiler, (limits, limit_s) in ways_to_search(kind):
            status, said = run([*compiler, *options, '-o', 'pan', 'pan.c'], directory)
            if status != 0:
                said = 'compiler: ' + said
                continue
            _, said = run(['./pan', *limits], directory, limit_s)
            errors = verdict_of(said)
            if errors is not None:
                return errors, said
        return None, said.strip()


def verdict_of(said):
    """How many errors there are, or None. One that was found is one, however short the search."""
    errors = re.search(r'errors: (\d+)', said)
    if not errors or not STATES.search(said) or NOT_A_VERDICT.search(said):
        return None
    if errors[1] == '0' and TOO_SHORT.search(said):
        return None
    return int(errors[1])


def ways_to_search(kind):
    """Compilers, and how far each one's program searches: the next where that is not enough."""
    quick = [(['tcc'], QUICK[kind])] if shutil.which('tcc') else []
    return [*quick, ([*optimizer(), '-O2'], THOROUGH)]


def optimizer():
    return os.environ.get('CC', 'cc').split()


def judge(model, kind, flags):
    """The problems with one case, and what was checked."""
    errors, said = search(model, kind, flags)
    repeat = f'repeat: spin -search {" ".join(flags)} {model}'
    if errors is None:
        return [f'no verdict: {said[-300:]}', repeat], ''
    states = STATES.search(said)[1]
    what = (re.search(r'^pan:\d+: (.*)', said, re.MULTILINE) or ['', 'an error'])[1]
    if kind == 'holds':
        return ([what, repeat] if errors else []), f'{states} states'
    return (['the search found nothing wrong', repeat] if not errors else []), what


def main():
    cases = Cases()
    names, _, patterns = ' '.join(sys.argv[1:]).partition('-- ')
    models = [pathlib.Path(name).resolve() for name in names.split()] or sorted(HERE.glob('*.pml'))
    todo = []
    for model in models:
        found = CASE.findall(model.read_text())
        if not {'holds', 'fails'} <= {kind for kind, _, _ in found}:
            cases.tell(model.stem, ['has no case that holds, or none that fails'])
        for kind, name, flags in found:
            title = f'{model.stem}, {name}'
            if not patterns or fnmatch.fnmatchcase(title, f'*{patterns}*'):
                todo.append((title, model, kind, flags.split()))
    if missing := [tool for tool in ('spin', optimizer()[0]) if not shutil.which(tool)]:
        cases.skip('models', f'{missing[0]} is not installed')
        cases.exit()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        futures = [threads.submit(judge, *case) for _, *case in todo]
        for (title, *_), future in zip(todo, futures):
            problems, what = future.result()
            cases.tell(title, problems, what)
            sys.stdout.flush()
    cases.exit()


main()
