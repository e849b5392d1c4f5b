#!/bin/bash
# SPDX-License-Identifier: MIT
# The programs that README.md shows, compiled and run by the commands that it shows, with this
# build as it is installed. readme.sh runs all of the page, on a bare Debian.
# Usage: readme-programs.sh SOURCE_ROOT BUILD_ROOT
# shellcheck source=test/install/cases.sh
source "$(dirname "$0")/cases.sh"
# shellcheck source=test/install/readme_blocks.sh disable=SC1091
source "$(dirname "$0")/readme_blocks.sh"
install_build

blocks=$scratch/blocks directory=$scratch/try
mkdir "$blocks" "$directory"
problems=$(extract_blocks "$blocks" <"$source_root/README.md")
[[ -z $problems ]] || fail 'the blocks of README have a language' "$problems"

names=()
for block in "$blocks"/*.{c,cpp}; do
  name=$(name_of "$block")
  if [[ -n $name ]]; then
    names+=("$name")
    cp "$block" "$directory/$name"
  else
    fail 'README names its programs' "not the one that begins $(head -n 1 "$block")"
  fi
done

# Compiling, and running what was compiled.
mapfile -t commands < <(for block in "$blocks"/*.sh; do commands_of "$block"; done |
  grep -E '^(cc|c\+\+) |^([A-Z_]+=[^ ]+ )*\./')
for name in "${names[@]}"; do
  compiled=no run=no
  for command in "${commands[@]}"; do
    case $command in
    *"-o ${name%.*}") compiled=yes ;;
    *"./${name%.*} "*) run=yes ;;
    esac
  done
  if [[ $compiled$run == yesyes ]]; then
    pass "README compiles and runs $name"
  else
    fail "README compiles and runs $name" "compiled: $compiled, run: $run"
  fi
done

for command in "${commands[@]}"; do
  if ! (cd "$directory" && timeout 60 bash -c "$command") >"$scratch/log" 2>&1; then
    fail "$command" "$(show "$scratch/log")"
  elif [[ $command == *KAIO_STATS=1* ]] && ! grep -q 'submitted [1-9]' "$scratch/log"; then
    fail "$command" "kaio carried out nothing: $(show "$scratch/log")"
  else
    pass "$command"
  fi
done
finish
