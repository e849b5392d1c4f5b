# SPDX-License-Identifier: MIT
"""Lines that test/report_cases.py counts, and the exit code."""

import sys


class Cases:
    def __init__(self):
        self.failed_count = 0
        self.told_count = 0

    def tell(self, name, problems, what_was_checked=''):
        """One case: passed if there are no problems (a list of strings)."""
        self.told_count += 1
        if problems:
            self.failed_count += 1
            for problem in problems:
                print(f'  {problem}')
            shown = '; '.join(problems[:3]) + ('; ...' if len(problems) > 3 else '')
            print(f'fail: {name}: {shown}')
        else:
            print(f'pass: {name}' + (f': {what_was_checked}' if what_was_checked else ''))

    def skip(self, name, reason):
        self.told_count += 1
        print(f'skip: {name}: {reason}')

    def exit(self):
        sys.exit(1 if self.failed_count or not self.told_count else 0)
