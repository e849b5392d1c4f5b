#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The pages of the commands, and their completions, have the options that --help has.

Usage: check_commands.py SOURCE_ROOT PAGE_DIRECTORY AIO_BENCH
AIO_BENCH may be `-`: it was not built.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'structure'))
from cases import Cases  # noqa: E402

LONGEST_HELP_LINE = 100
LONG_OPTION = re.compile(r'--[a-z][a-z-]+')


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, timeout=60)


def help_of(command):
    done = run(*command, '--help')
    if done.returncode != 0:
        sys.exit(f'fail: {" ".join(command)} --help: it ends with {done.returncode}')
    return done.stdout


def offered_by(text):
    """Options begin their line, as `  -e,--engine LIST  ...`; those of examples do not."""
    found = set()
    for line in text.splitlines():
        match = re.match(r'  ((?:-\w, ?)?--[a-z][a-z-]+)', line)
        if match:
            found |= set(LONG_OPTION.findall(match[1]))
    return found


def documented_in(page, section):
    """Options that a paragraph of the section begins with."""
    text = page.read_text().replace('\\-', '-').replace('\\&', '')
    text = re.sub(r'\\f[BIRP]', '', text)
    sections = dict(re.findall(r'^\.SH "?([A-Z ]+?)"?\n(.*?)(?=^\.SH |\Z)', text, re.S | re.M))
    heads = re.findall(r'^(-.*)\n\.RS', sections.get(section, ''), re.M)
    return {option for head in heads for option in LONG_OPTION.findall(head)}


def completed_by_bash(script, function, words):
    """What the function offers for the last of the words."""
    program = ('source "$1"; shift; function=$1; shift; COMP_WORDS=("$@"); '
               'COMP_CWORD=$(($# - 1)); compopt() { :; }; "$function"; '
               'printf "%s\\n" "${COMPREPLY[@]}"')
    done = run('bash', '--norc', '-c', program, 'bash', str(script), function, *words)
    return set(done.stdout.split())


def completed_by_zsh(script, words):
    """What it hands to _arguments, in place of which a function prints that."""
    program = ('script=$1; shift; words=("$@"); CURRENT=$#; _arguments() { print -rl -- "$@" }; '
               'complete_it() { source "$script" }; complete_it')
    done = run('zsh', '-f', '-c', program, 'zsh', str(script), *words)
    return {option for line in done.stdout.splitlines() if not line.startswith((':', '*:', '1:'))
            for option in LONG_OPTION.findall(re.sub(r'\[.*|^\([^)]*\)', '', line))}


def differences(wanted, got, what):
    problems = [f'{what} lacks {option}' for option in sorted(wanted - got)]
    return problems + [f'{what} has {option}, and --help does not'
                       for option in sorted(got - wanted)]


def check(cases, name, command, page, section, words):
    """One command: its page, and what follows its words on the command line."""
    text = help_of(command)
    longest = max(map(len, text.splitlines()))
    cases.tell(f'{name} --help fits {LONGEST_HELP_LINE} columns',
               [f'a line has {longest}'] if longest > LONGEST_HELP_LINE else [])
    offered = offered_by(text)
    problems = [] if len(offered) > 1 else ['--help shows no options']
    documented = documented_in(page, section)
    # Each command has it, and one place is enough.
    common = set() if section in ('OPTIONS', 'RUN') else {'--help'}
    cases.tell(f'the manual page has the options of {name}',
               problems + differences(offered - common, documented, page.name),
               f'{len(offered)} options')
    scripts = root / 'tools/completions'
    program = words[0]
    function = '_' + program.replace('-', '_')
    got = completed_by_bash(scripts / f'{program}.bash', function, [*words, '-'])
    got = {option.rstrip('=') for option in got}
    cases.tell(f'bash completes the options of {name}', differences(offered, got, 'bash'))
    if shutil.which('zsh'):
        got = completed_by_zsh(scripts / f'_{program}', [*words, '-'])
        cases.tell(f'zsh completes the options of {name}', differences(offered, got, 'zsh'))
    else:
        cases.skip(f'zsh completes the options of {name}', 'zsh is not installed')


def check_values(cases, offered_values, words):
    """Completed values are those that --help tells of."""
    got = completed_by_bash(root / 'tools/completions/aio-bench.bash', '_aio_bench', [*words, ''])
    cases.tell(f'bash completes the values of {" ".join(words)}',
               [] if got == offered_values else [f'it offers {sorted(got)}'])


root = pathlib.Path(sys.argv[1])
directory = pathlib.Path(sys.argv[2])
bench = sys.argv[3]
told = Cases()
check(told, 'aio-run', [str(root / 'tools/aio-run')], directory / 'aio-run.1', 'OPTIONS',
      ['aio-run'])
got_ways = completed_by_bash(root / 'tools/completions/aio-run.bash', '_aio_run',
                             ['aio-run', '--route', '=', 'po'])
told.tell('bash completes the ways of aio-run --route', [] if got_ways == {'poll', 'pool'}
          else [f'it offers {sorted(got_ways)}'])
if bench == '-':
    told.skip('aio-bench', 'it was not built')
else:
    for of_bench, heading in (('run', 'RUN'), ('verify', 'VERIFY'), ('plot', 'PLOT'),
                              ('compare', 'COMPARE')):
        check(told, f'aio-bench {of_bench}', [bench, of_bench], directory / 'aio-bench.1', heading,
              ['aio-bench', of_bench])
    words_of_help = re.sub(r'\s+', ' ', help_of([bench, 'run']))
    check_values(told, set(re.search(r'any of (\S+)', words_of_help)[1].split(',')),
                 ['aio-bench', '-e'])
    check_values(told, set(re.findall(r'\w+', re.search(
        r'completion by (.*?) or (\w+) \(suspend', words_of_help)[0])) - {'completion', 'by', 'or'},
                 ['aio-bench', 'run', '--notify'])
told.exit()
