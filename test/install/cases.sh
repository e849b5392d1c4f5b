# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# For the scripts beside it, on top of test/support/cases.sh: an installation to try, and the
# proof that a program ran on kaio. Sourced, with the source root and the build directory as
# the script's first arguments.

# shellcheck source=test/support/cases.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/../support/cases.sh"
source_root=$1
build_root=$2
sources=$source_root/test/install

# Always the same, so that a cache of compilations serves where it holds a build directory.
scratch=$build_root/test/install/$(basename "$0" .sh)
rm -rf "$scratch"
mkdir -p "$scratch" || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP

# builds CASE COMMAND...: the case fails when the command does.
builds() {
  local name=$1
  shift
  "$@" >"$scratch/log" 2>&1 && return
  fail "$name" "$(show "$scratch/log")"
  return 1
}

# The tree under test as a clone of it is, and with what is not committed yet.
clone_sources() { # DIRECTORY
  if git -C "$source_root" rev-parse --git-dir >/dev/null 2>&1; then
    git clone --quiet --depth 1 "file://$source_root" "$1" || return
    git -C "$source_root" diff --quiet HEAD ||
      git -C "$source_root" diff --binary HEAD | git -C "$1" apply || return
    (cd "$source_root" && git ls-files -z --others --exclude-standard |
      xargs -0 --no-run-if-empty cp --parents -t "$1" --)
  else
    mkdir -p "$1" && (cd "$source_root" && find . -mindepth 1 -maxdepth 1 ! -name 'build*' \
      -exec cp -r -t "$1" -- {} +)
  fi
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
