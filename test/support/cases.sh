# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For every test that is a script: results that test/report_cases.py counts, and the exit code.
# Sourced.

failed_count=0
told_count=0

pass() { echo "pass: $1"; ((++told_count)); }
skip() { echo "skip: $1: $2"; ((++told_count)); }
fail() {
  echo "fail: $1: $2"
  ((++told_count))
  ((++failed_count))
}

finish() {
  ((failed_count == 0 && told_count > 0))
  exit
}

# skip_without COMMAND CASE: ends the script when the program is not there.
skip_without() {
  PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null && return
  skip "$2" "$1 is not installed"
  finish
}

# show FILE: its last lines in one.
show() { tail -n 3 "$1" | cut -c 1-200 | tr '\n' ' '; }
