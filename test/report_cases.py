#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts test cases in a log of `meson test`, and tells of those that failed or
were left out.

Meson counts programs; a program here holds hundreds of cases. Each line of
testlog.json has what one program wrote to stdout. A Boost.Test program, run with
BOOST_TEST_LOG_LEVEL=test_suite, names a case when it enters and when it leaves
it, so that the log also tells which case a crash or a time-out ended. Scripts
print `pass: NAME`, `fail: NAME: WHY` and `skip: NAME: WHY`. Any other program is
one case.

Usage: report_cases.py CONFIGURATION BUILD_DIRECTORY COUNTS
Tells on stdout; appends a line `passed failed skipped` to the file COUNTS.
"""

import json
import re
import shlex
import subprocess
import sys

# The reasons by which test/support leaves out a case that makes no sense for a route
# or a kernel: such a case is neither passed nor skipped, it does not exist there.
DOES_NOT_APPLY = re.compile('says nothing about this (route|kernel)')

MODULE = re.compile(r'(Entering|Leaving) test module "')
UNIT = re.compile(r'(Entering|Leaving) test (suite|case) "([^"]*)"')
SKIP = re.compile(r'Test (?:case|suite) "?([^" ]+)"? is skipped because (.*)')
ERROR = re.compile(r'(?:^|: )(?:fatal )?error: in "([^"]*)": (.*)')
SCRIPT = re.compile(r'^(pass|fail|skip): ([^:]+?)(?:: (.*))?$')


class Cases:
    """What became of the cases of one program, in the order of their start."""

    def __init__(self):
        self.entered = []
        self.left = set()
        self.errors = {}
        self.never_ran = []
        self.skipped = {}
        self.inapplicable = set()

    def enter(self, name):
        if name not in self.entered:
            self.entered.append(name)

    def skip(self, name, reason):
        if DOES_NOT_APPLY.search(reason):
            self.inapplicable.add(name)
        else:
            self.skipped[name] = reason.replace('precondition failed: ', '').strip()

    def fail(self, name, message):
        self.enter(name)
        self.errors.setdefault(name, []).append(message)

    def failed_count(self):
        return len(self.errors) + len(self.never_ran)

    def passed(self):
        return [name for name in self.entered if name in self.left and name not in self.errors]


def read_boost_log(text, cases):
    # A case may run its own program again, whose log then lies inside ours: the
    # path of a case starts at the innermost module.
    path = []
    complete = False
    failed_case = None
    for line in text.splitlines():
        # Which of its data a case failed with follows its error.
        if failed_case and line.startswith('    ') and line.strip():
            cases.errors[failed_case][-1] += f' [{line.strip()}]'
            continue
        if not line.startswith('Failure occurred in'):
            failed_case = None
        if match := MODULE.search(line):
            if match[1] == 'Entering':
                path.append(None)
            else:
                while path and path.pop() is not None:
                    pass
                complete = not path
        elif match := UNIT.search(line):
            action, kind, name = match.groups()
            if action == 'Entering':
                path.append(name)
                if kind == 'case':
                    cases.enter(case_path(path))
            else:
                while path and path[-1] not in (name, None):
                    path.pop()
                if kind == 'case':
                    cases.left.add(case_path(path))
                if path and path[-1] == name:
                    path.pop()
        elif match := SKIP.search(line):
            cases.skip(match[1], match[2])
        elif match := ERROR.search(line):
            failed_case = match[1]
            cases.fail(failed_case, line.strip())
    return complete


def case_path(path):
    start = len(path) - path[::-1].index(None) if None in path else 0
    return '/'.join(path[start:])


def list_boost_cases(command, build_directory):
    """All cases of the program, by its --list_content (which indents by depth)."""
    try:
        answer = subprocess.run(command + ['--list_content'], stdin=subprocess.DEVNULL,
                                cwd=build_directory, capture_output=True, text=True, timeout=30,
                                check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = [(len(line) - len(line.lstrip()), line.strip())
             for line in (answer.stderr + answer.stdout).splitlines() if line.strip()]
    names, path = [], []
    for place, (depth, text) in enumerate(lines):
        if not re.fullmatch(r'[^\s*]+\*?(:.*)?', text):
            continue
        path = [one for one in path if one[0] < depth] + [(depth, text.split('*')[0])]
        has_children = place + 1 < len(lines) and lines[place + 1][0] > depth
        if not has_children and '*' in text:
            names.append('/'.join(name for _, name in path))
    return names


def read_program(test, build_directory):
    cases = Cases()
    stdout = test.get('stdout') or ''
    ending = how_it_ended(test)
    if MODULE.search(stdout):
        complete = read_boost_log(stdout, cases)
        for name in cases.entered:
            if name not in cases.left and name not in cases.errors:
                cases.fail(name, f'{ending} in this case')
        if not complete:
            known = set(cases.entered) | set(cases.skipped) | cases.inapplicable
            cases.never_ran = [name for name in list_boost_cases(test['command'], build_directory)
                               if name not in known]
    elif any(SCRIPT.match(line) for line in stdout.splitlines()):
        for line in stdout.splitlines():
            if match := SCRIPT.match(line):
                result, name, why = match.groups()
                if result == 'skip':
                    cases.skip(name, why or 'no reason given')
                elif result == 'fail':
                    cases.fail(name, why or 'failed')
                else:
                    cases.enter(name)
                    cases.left.add(name)
    elif test['returncode'] == 77 or test['result'] == 'SKIP':
        cases.skip(test['name'], stdout.strip() or 'exit code 77')
    elif test['result'] == 'OK':
        cases.enter(test['name'])
        cases.left.add(test['name'])
    if test['result'] not in ('OK', 'SKIP', 'EXPECTEDFAIL') and not cases.failed_count():
        cases.fail(test['name'], ending)
    return cases


def how_it_ended(test):
    if test['result'] == 'TIMEOUT':
        return 'the program was stopped after its time limit'
    if test['returncode'] < 0:
        return f'the program was killed by signal {-test["returncode"]}'
    return f'the program ended with exit code {test["returncode"]}'


def how_to_repeat(test, name, is_boost, build_directory):
    if 'repeat' in test:  # run_in_vm.py knows better
        return test['repeat']
    settings = [f'{key}={shlex.quote(value)}' for key, value in sorted(test['env'].items())
                if key.startswith(('KAIO_', 'ASAN_', 'UBSAN_', 'TSAN_'))]
    command = settings + [shlex.quote(part) for part in test['command']]
    if is_boost and name != test['name']:
        command.append('--run_test=' + shlex.quote(name))
    # Meson runs tests there, and gives paths relative to it.
    return f'cd {shlex.quote(build_directory)} && {" ".join(command)}'


def tell_failures(test, cases, build_directory):
    is_boost = bool(MODULE.search(test.get('stdout') or ''))
    for name, messages in cases.errors.items():
        print(f'FAILED {test["name"]}: {name}')
        for message in messages[:5]:
            print(f'    {message}')
        if len(messages) > 5:
            print(f'    and {len(messages) - 5} more')
        print(f'    repeat: {how_to_repeat(test, name, is_boost, build_directory)}')
    if cases.never_ran:
        some = ', '.join(cases.never_ran[:5]) + (', ...' if len(cases.never_ran) > 5 else '')
        print(f'FAILED {test["name"]}: {len(cases.never_ran)} cases never ran: '
              f'{how_it_ended(test)} before them: {some}')
    if cases.failed_count():
        noise = (test.get('stderr') or '').strip().splitlines()
        noise = [line for line in noise if line and not line.startswith('SKIPPED:')]
        for line in noise[-40:]:
            print(f'    stderr: {line}')


def main():
    configuration, build_directory, counts_path = sys.argv[1:]
    log_path = f'{build_directory}/meson-logs/testlog.json'
    passed = failed = 0
    skipped_for = {}
    inapplicable_count = 0
    try:
        with open(log_path, encoding='utf-8', errors='replace') as log:
            tests = [json.loads(line) for line in log if line.strip()]
    except OSError as error:
        print(f'FAILED {configuration}: no test ran: {error}')
        tests, failed = [], 1
    for test in tests:
        test['name'] = test['name'].split(' / ')[-1]
        cases = read_program(test, build_directory)
        tell_failures(test, cases, build_directory)
        passed += len(cases.passed())
        failed += cases.failed_count()
        inapplicable_count += len(cases.inapplicable)
        for name, reason in cases.skipped.items():
            skipped_for.setdefault((test['name'], reason), []).append(name)
    for (test_name, reason), names in skipped_for.items():
        print(f'SKIPPED {test_name}: {reason}: {", ".join(names)}')
    skipped = sum(map(len, skipped_for.values()))
    if inapplicable_count:
        print(f'({inapplicable_count} cases say nothing about the route or kernel they ran with)')
    print(f'{configuration}: {passed} passed, {failed} failed, {skipped} skipped')
    with open(counts_path, 'a', encoding='utf-8') as counts:
        print(passed, failed, skipped, file=counts)


if __name__ == '__main__':
    main()
