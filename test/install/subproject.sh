#!/bin/bash
# SPDX-License-Identifier: MIT
# A program that builds kaio along as a subproject of Meson's.
# Usage: subproject.sh SOURCE_ROOT BUILD_ROOT
# shellcheck source=test/install/cases.sh
source "$(dirname "$0")/cases.sh"

project=$scratch/consumer
mkdir -p "$project/meson/subprojects"
cp "$sources"/*.{c,cc} "$project"
cp "$sources"/meson/* "$project/meson" 2>/dev/null
ln -s "$source_root" "$project/meson/subprojects/kaio"

directory=$scratch/build
programs=({reads,reads_beside}_{c,cpp} engine)
check() { # CASE
  local name=$1 language
  builds "$name" ninja -C "$directory" "${programs[@]}" || return
  for language in c cpp; do
    runs_on kaio "$name, $language" "$directory/reads_$language"
    runs "$name with libkaio, $language" "$directory/reads_beside_$language"
  done
  runs "$name with the engine" "$directory/engine"
}
# One directory for both: what the libraries are made of is compiled once.
builds 'a subproject' meson setup "$directory" "$project/meson" \
  --force-fallback-for=kaio,kaio-posix,kaio-engine --optimization=0 --unity=on --unity-size=11 &&
  check 'a subproject'
builds 'a static subproject' meson configure "$directory" -Dstatic=true &&
  check 'a static subproject'
finish
