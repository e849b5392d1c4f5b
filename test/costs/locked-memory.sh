#!/bin/bash
# SPDX-License-Identifier: MIT
# What a burst of writes locks where all memory is locked: locked_memory.c, five times, as much
# depends on which thread comes first.
# Usage: locked-memory.sh SOURCE_ROOT LIBRARY PROGRAM
set -uo pipefail
# shellcheck source=test/real/cases.sh disable=SC1091
source "$(dirname "$0")/../real/cases.sh"

program=$1
name="a burst of writes locks little memory"
((EUID == 0)) || { skip "$name" "locking all memory needs root"; finish; }
wrong=0 last=
for _ in 1 2 3 4 5; do
  last=$("$program" "$scratch/file" 2>&1) || ((++wrong))
done
if ((wrong == 0)); then pass "$name"; else fail "$name" "$wrong of 5 times"; fi
printf '  %s\n' "$last"
finish
