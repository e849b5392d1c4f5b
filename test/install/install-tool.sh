#!/bin/bash
# SPDX-License-Identifier: MIT
# tools/install, into a prefix that the loader does not search, and below a DESTDIR.
# Usage: install-tool.sh SOURCE_ROOT BUILD_ROOT
# shellcheck source=test/install/cases.sh
source "$(dirname "$0")/cases.sh"
install=$source_root/tools/install

expects() { # CASE TEXT
  if grep -qF -- "$2" "$scratch/log"; then
    pass "$1"
  else
    fail "$1" "it does not say '$2': $(show "$scratch/log")"
  fi
}

# Where the system's own libraries are.
system_libraries=$(dirname "$(ldconfig -p | sed -n 's/.*libstdc++\.so\.6 .* => //p' | head -n 1)")
[[ $system_libraries == /usr/* ]] || system_libraries=/usr$system_libraries
prefix=$scratch/prefix
if builds 'tools/install' "$install" --no-packages --prefix "$prefix"; then
  expects 'it ends with a program that ran' '64 bytes read by kaio'
  expects 'it says where the library is' "export LD_LIBRARY_PATH=$prefix/lib"
  for file in lib/libkaio-posix.so lib/libkaio.a lib/pkgconfig/kaio.pc bin/aio-run; do
    [[ -e $prefix/$file ]] || fail 'its files' "$file is missing"
  done
fi
builds 'tools/install below a directory' "$install" --no-packages --prefix /usr \
  --destdir "$scratch/destination" &&
  if [[ -e $scratch/destination/usr/bin/aio-run && ! -e $scratch/destination$prefix &&
    -e $scratch/destination$system_libraries/libkaio.so.0 ]]; then
    pass 'tools/install below a directory'
  else
    fail 'tools/install below a directory' 'the files are not there'
  fi
if "$install" --prefix >"$scratch/log" 2>&1 || (($? != 2)); then
  fail 'wrong usage' 'it did not end with 2'
else
  pass 'wrong usage'
fi
finish
