#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds with none of the system's packages: by the wraps of subprojects/. Their sources would
# be downloaded; here they are unpacked from Debian's source packages of the same software.
# Usage: wraps.sh SOURCE_ROOT BUILD_ROOT
# shellcheck source=test/install/cases.sh
source "$(dirname "$0")/cases.sh"

# apt with lists of its own, so that the machine's stay as they are.
fetch_sources() { # PACKAGE...
  local list=$scratch/apt/list
  mkdir -p "$scratch/apt/lists/partial" "$scratch/sources"
  echo 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]' \
    'http://deb.debian.org/debian bookworm main' >"$list"
  local options=(-qq -o "Dir::Etc::SourceList=$list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$scratch/apt/lists" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update &&
    (cd "$scratch/sources" && apt-get "${options[@]}" source --download-only "$@")
}

# As `meson subprojects` would have unpacked them, in a copy of the project.
unpack() { # PACKAGE WRAP
  local directory patch
  directory=$project/subprojects/$(sed -n 's/^directory = //p' "$source_root/subprojects/$2.wrap")
  patch=$(sed -n 's/^patch_directory = //p' "$source_root/subprojects/$2.wrap")
  mkdir "$directory" &&
    tar -xf "$scratch/sources/$1"_*.orig.tar.?z --strip-components=1 -C "$directory" || return
  [[ -z $patch ]] || cp -r "$source_root/subprojects/packagefiles/$patch/." "$directory"
}

if ! command -v apt-get >/dev/null || ((EUID != 0)); then
  skip 'the wraps' 'the sources are fetched by apt-get, as root'
  finish
fi
if ! fetch_sources libaio liburing fmtlib nlohmann-json3 >"$scratch/log" 2>&1; then
  skip 'the wraps' "the sources could not be fetched: $(show "$scratch/log")"
  finish
fi

project=$scratch/kaio
builds 'a copy of the sources' clone_sources "$project" || finish
builds 'unpacking' unpack libaio libaio && builds 'unpacking' unpack liburing liburing &&
  builds 'unpacking' unpack fmtlib fmt && builds 'unpacking' unpack nlohmann-json3 nlohmann_json ||
  finish
# Its release has headers in one folder, and the distribution has that folder.
mkdir "$project/subprojects/boost_1_81_0" &&
  ln -s /usr/include/boost "$project/subprojects/boost_1_81_0/boost" &&
  cp "$source_root"/subprojects/packagefiles/boost/* "$project/subprojects/boost_1_81_0"

# tried NAME COMMAND...
tried() {
  local name=$1
  builds "$@" && pass "$name"
}
build=$scratch/build
version=$(sed -n "s/^  version: '\(.*\)',/\1/p" "$source_root/meson.build")
tried 'all is configured by the wraps' meson setup "$build" "$project" --optimization=0 \
  --force-fallback-for=libaio,liburing,fmt,nlohmann_json,boost -Daio-bench=enabled &&
  tried 'all is built by the wraps' \
    ninja -C "$build" tools/aio-bench/aio-bench test/unit/unit-core src/libkaio.a \
      "src/libkaio-posix.so.$version" &&
  tried 'the tests run by the wraps' "$build/test/unit/unit-core" &&
  tried 'aio-bench runs by the wraps' "$build/tools/aio-bench/aio-bench" --version || finish
if ldd "$build/tools/aio-bench/aio-bench" | grep -E 'liburing|libfmt|libaio'; then
  fail 'nothing of the system' 'aio-bench needs a library of the system'
else
  pass 'nothing of the system'
fi
# What is built along is inside the archive.
if nm "$build/src/libkaio.a" 2>&1 | grep ' [TW] io_submit$' >/dev/null; then
  pass 'the archive has libaio in it'
else
  fail 'the archive has libaio in it' 'there is no io_submit'
fi
finish
