#!/bin/bash
# SPDX-License-Identifier: MIT
# aio-run --check tells what there is, by making requests; KAIO_LOG tells a program's user.
# Usage: check.sh SOURCE_ROOT LIBRARY REQUESTS REFUSE
set -uo pipefail
# shellcheck source=test/observe/observe_cases.sh disable=SC1091
source "$(dirname "$0")/observe_cases.sh"

run "$aio_run" --check
has_kernel_aio=$status
if ((has_kernel_aio == 0)); then
  expect "the machine is told of" 0 "^library: /" "^the loader takes it" "^machine: Linux" \
    "ok +io_setup grants [0-9]+ events; fs.aio-nr [0-9]+ of fs.aio-max-nr [0-9]+ in use" \
    "ok +io_submit, io_getevents and io_cancel" "^kernel AIO: yes"
else
  skip "the machine is told of" "there is no kernel AIO here"
fi

run "$aio_run" --check "$scratch/none"
expect "a path that is not there is told of" 1 "No such file"
# Whether this file system has O_DIRECT and RWF_NOWAIT, as another program finds out.
run "$aio_run" --check "$scratch"
if grep -q "ok .*RWF_NOWAIT" "$scratch/output" && ((has_kernel_aio == 0)); then
  expect "a directory gets the kernel's way where its file system has all for it" 0 \
    "ok +O_DIRECT" "ok +direct reads, of 16: 16 by kernel AIO" \
    "ok +direct writes into it, of 16: 16 by kernel AIO" "note +direct writes that extend it"
  run "$aio_run" --check "$file"
  expect "so does a file" 0 "ok +direct reads, of 16: 16 by kernel AIO" "note +buffered reads"
  expect_equal "which is not written to" "" "$(tr -d '\0' <"$file")"
else
  skip "a directory gets the kernel's way where its file system has all for it" \
    "$scratch has no O_DIRECT or RWF_NOWAIT"
fi
expect_equal "nothing is left in the directory" "errors file output" \
  "$(cd "$scratch" && echo *)"
if is_tmpfs /dev/shm && ((has_kernel_aio == 0)); then
  run "$aio_run" --check /dev/shm
  expect "tmpfs does not get it, and it is said why" 1 "^/dev/shm: tmpfs" "LOST" "this is memory"
else
  skip "tmpfs does not get it, and it is said why" "/dev/shm is not tmpfs"
fi
run "$aio_run" --check "$requests"
expect "a program is looked at as one" "$status" "requests, as a program: kaio can be preloaded"
if [[ $(file -bL /sbin/ldconfig 2>/dev/null) == *static* ]]; then
  run "$aio_run" --check /sbin/ldconfig
  expect "a static one cannot be used" 1 "is a static program"
else
  skip "a static one cannot be used" "there is none here"
fi
KAIO_ROUTE=pool run "$aio_run" --check
expect "an option that switches kernel AIO off is told of" 1 "LOST +KAIO_ROUTE=pool"

if "$refuse" io_setup EPERM true; then
  run "$refuse" io_setup EPERM "$aio_run" --check "$scratch"
  expect "a filter is told of, with what to change" 1 "LOST +io_setup says Operation not permitted" \
    "seccomp filter is set" "direct reads, of 16: 16 by threads|O_DIRECT: open says"
  run "$refuse" io_submit ENOSYS "$aio_run" --check
  expect "so is one that only refuses to submit" 1 "LOST +refused with .*: io_submit$"

  run "$refuse" io_setup EPERM "$aio_run" --log "$requests" "$file" 50 10 exit
  expect "--log says that contexts are filtered" 0 \
    "^kaio: requests, process [0-9]+: no kernel AIO, requests go by threads: io_setup says EPERM:"
  expect_equal "once" 1 "$(times_said '^kaio: ')"
  run "$refuse" io_submit ENOSYS "$aio_run" --log "$requests" "$file" 50 10 exit
  expect "--log says that submission is filtered" 0 \
    "no kernel AIO any more, requests go by threads: io_submit says ENOSYS: a seccomp filter"
  expect_equal "that once, too" 1 "$(times_said '^kaio: ')"
  run "$refuse" io_setup EPERM "$aio_run" "$requests" "$file" 50 10 exit
  expect_equal "without --log nothing is said" "0 " "$status $(cat "$scratch/errors")"
else
  skip "a filter is told of, with what to change" "no filter can be set here"
fi
run "$aio_run" --log "$requests" "$file" 50 10 exit
if ((has_kernel_aio == 0)); then
  expect_equal "with --log nothing is said where nothing is lost" 0 "$(times_said 'no kernel AIO')"
fi
finish
