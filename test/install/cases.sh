# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# For the scripts beside it: results that test/report_cases.py counts, an installation to try,
# and the proof that a program ran on kaio. Sourced, with the source root and the build
# directory as the script's first arguments.

source_root=$1
build_root=$2
sources=$source_root/test/install
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

# Always the same, so that a cache of compilations serves where it holds a build directory.
scratch=$build_root/test/install/$(basename "$0" .sh)
rm -rf "$scratch"
mkdir -p "$scratch" || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP

# show FILE: its last lines in one.
show() { tail -n 3 "$1" | cut -c 1-200 | tr '\n' ' '; }

# builds CASE COMMAND...: the case fails when the command does.
builds() {
  local name=$1
  shift
  "$@" >"$scratch/log" 2>&1 && return
  fail "$name" "$(show "$scratch/log")"
  return 1
}

# What the program's requests were carried out by: kaio, or the C library.
carrier() { # PROGRAM ARGUMENT...
  KAIO_STATS=1 timeout 20 "$@" >"$scratch/output" 2>"$scratch/errors" || {
    echo "nothing: it ended with $?, $(show "$scratch/errors")"
    return
  }
  grep -q '^read$' "$scratch/output" || echo 'nothing was read, '
  if grep -q 'submitted 1 ' "$scratch/errors"; then echo kaio; else echo 'the C library'; fi
}

runs_on() { # WHAT CASE PROGRAM ARGUMENT...
  local wanted=$1 name=$2 found
  shift 2
  found=$(carrier "$@")
  if [[ $found == "$wanted" ]]; then
    pass "$name"
  else
    fail "$name" "its request was carried out by $found"
  fi
}

# Ends well, and counted what it wants to by itself.
runs() { # CASE PROGRAM ARGUMENT...
  local name=$1
  shift
  if timeout 20 "$@" >"$scratch/output" 2>"$scratch/errors" &&
    grep -q '^read$' "$scratch/output"; then
    pass "$name"
  else
    fail "$name" "it ended with $?, $(show "$scratch/errors")"
  fi
}

# Sets `prefix` to where the build is installed to, below a directory that is not its own
# (DESTDIR), and lets the compiler's and the build systems' searches find it.
install_build() {
  local destination=$scratch/installed libdir
  meson install -C "$build_root" --no-rebuild --destdir "$destination" >"$scratch/log" 2>&1 || {
    fail 'meson install' "$(show "$scratch/log")"
    finish
  }
  libdir=$(dirname "$(find "$destination" -name libkaio.a)")
  prefix=$(dirname "$(find "$destination" -name include -type d)")
  export PKG_CONFIG_SYSROOT_DIR=$destination PKG_CONFIG_PATH=$libdir/pkgconfig
  export LD_LIBRARY_PATH=$libdir
  library_directory=$libdir
}
