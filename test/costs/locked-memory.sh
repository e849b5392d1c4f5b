#!/bin/bash
# SPDX-License-Identifier: MIT
# What a burst of writes locks where all memory is locked: locked_memory.c, five times, as much
# depends on which thread comes first; and an ordinary user's, who may lock 8 MiB.
# Usage: locked-memory.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/real/cases.sh disable=SC1091
source "$(dirname "$0")/../real/cases.sh"

program=$1
five_times() { # NAME ARGUMENT...
  local name=$1 wrong=0 last
  shift
  for _ in 1 2 3 4 5; do
    last=$("$program" "$scratch/file" "$@" 2>&1)
    case $? in
    0) ;;
    77)
      skip "$name" "less may be locked here"
      return
      ;;
    *)
      ((++wrong))
      printf '%s\n' "$last"
      ;;
    esac
  done
  if ((wrong == 0)); then pass "$name"; else fail "$name" "$wrong of 5 times"; fi
}

if ((EUID == 0)); then
  five_times "a burst of writes locks little memory"
else
  skip "a burst of writes locks little memory" "locking all memory needs root"
fi
five_times "a user who may lock 8 MiB can write and be called" user
finish
