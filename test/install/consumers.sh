#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs that use an installed kaio, by all the ways in which programs find a library, in C
# and in C++, shared and static.
# Usage: consumers.sh SOURCE_ROOT BUILD_ROOT
# shellcheck source=test/install/cases.sh
source "$(dirname "$0")/cases.sh"
install_build
read -ra c <<<"${CC:-cc}"
read -ra cxx <<<"${CXX:-c++}"
cp "$sources/reads.c" "$scratch/reads.cc"
cp "$sources/reads_beside.c" "$scratch/reads_beside.cc"

# The sources that the following are about, in one language and the other.
compile() { # LANGUAGE ARGUMENT...
  local language=$1
  shift
  if [[ $language == C ]]; then "${c[@]}" "$@"; else "${cxx[@]}" "$@"; fi
}
source_of() { # LANGUAGE PROGRAM
  if [[ $1 == C ]]; then echo "$sources/$2.c"; else echo "$scratch/$2.cc"; fi
}

# ---- pkg-config --------------------------------------------------------------

check_pkg_config() { # LANGUAGE
  local language=$1 flags statically beside program=$scratch/program source
  source=$(source_of "$language" reads)
  read -ra flags <<<"$(pkg-config --cflags --libs kaio-posix)"
  read -ra statically <<<"$(pkg-config --static --cflags --libs kaio-posix)"
  builds "$language by pkg-config" compile "$language" "$source" "${flags[@]}" -o "$program" &&
    runs_on kaio "$language by pkg-config" "$program"
  builds "$language by pkg-config first" compile "$language" -Wl,--as-needed "${flags[@]}" \
    "$source" -o "$program" && runs_on kaio "$language by pkg-config first" "$program"
  builds "$language static" compile "$language" -static "$source" "${statically[@]}" \
    -o "$program" && runs_on kaio "$language static" "$program"
  builds "$language static, library first" compile "$language" -static "${statically[@]}" \
    "$source" -o "$program" && runs_on kaio "$language static, library first" "$program"

  source=$(source_of "$language" reads_beside)
  read -ra beside <<<"$(pkg-config --cflags --libs kaio)"
  builds "$language with libkaio" compile "$language" "$source" "${beside[@]}" -o "$program" &&
    runs "$language with libkaio" "$program"
  read -ra beside <<<"$(pkg-config --static --cflags --libs kaio)"
  builds "$language with libkaio, static" compile "$language" -static "$source" "${beside[@]}" \
    -o "$program" && runs "$language with libkaio, static" "$program"
}

# ---- cc -l -------------------------------------------------------------------

check_plain() { # LANGUAGE
  local language=$1 source program=$scratch/program
  local where=(-I"$prefix/include" -L"$library_directory")
  source=$(source_of "$language" reads)
  builds "$language by -l behind" compile "$language" "${where[@]}" "$source" -lkaio-posix \
    -o "$program" && runs_on kaio "$language by -l behind" "$program"
  builds "$language by -l in front" compile "$language" "${where[@]}" -Wl,--no-as-needed \
    -lkaio-posix "$source" -o "$program" && runs_on kaio "$language by -l in front" "$program"
  # Many compilers say --as-needed by themselves.
  builds "$language by -l in front, as needed" compile "$language" "${where[@]}" \
    -Wl,--as-needed -lkaio-posix "$source" -o "$program" &&
    runs_on 'the C library' "$language by -l in front, as needed" "$program"
  builds "$language by the archive" compile "$language" "${where[@]}" "$source" \
    -l:libkaio-posix.a -laio -lstdc++ -pthread -o "$program" &&
    runs_on kaio "$language by the archive" "$program"
}

# ---- The C++ engine ----------------------------------------------------------

check_engine() {
  local flags statically program=$scratch/program source=$sources/engine.cc
  local compile=("${cxx[@]}" -std=c++20)
  read -ra flags <<<"$(pkg-config --cflags --libs kaio-engine)"
  read -ra statically <<<"$(pkg-config --static --cflags --libs kaio-engine)"
  builds 'the engine by pkg-config' "${compile[@]}" "$source" "${flags[@]}" -o "$program" &&
    runs 'the engine by pkg-config' "$program" &&
    needs 'the engine by pkg-config is shared' "$program" libkaio-engine.so.0
  builds 'the engine static' "${compile[@]}" -static "$source" "${statically[@]}" \
    -o "$program" && runs 'the engine static' "$program"
  builds 'the engine by the archive' "${compile[@]}" -I"$prefix/include" "$source" \
    "$library_directory/libkaio-engine.a" -laio -pthread -o "$program" &&
    runs 'the engine by the archive' "$program"
}

needs() { # CASE PROGRAM LIBRARY
  if readelf -d "$2" | grep -q "NEEDED.*\[$3\]"; then
    pass "$1"
  else
    fail "$1" "it does not need $3"
  fi
}

# ---- CMake and Meson ---------------------------------------------------------

check_programs_of() { # CASE BUILD_DIRECTORY LANGUAGE...
  local name=$1 directory=$2 language
  shift 2
  for language in "$@"; do
    runs_on kaio "$name, $language" "$directory/reads_$language"
    runs "$name with libkaio, $language" "$directory/reads_beside_$language"
  done
  runs "$name with the engine" "$directory/engine"
}

check_cmake() { # CASE OPTION...
  local name=$1 directory=$scratch/cmake where=(-DCMAKE_PREFIX_PATH="$prefix")
  shift
  rm -rf "$directory"
  # Meson takes lib64 on a Debian without dpkg-dev, and CMake does not look there.
  [[ ${library_directory##*/} != lib64 ]] || where+=(-Dkaio_DIR="$library_directory/cmake/kaio")
  # By itself CMake takes make, which a machine that has Meson may lack.
  builds "$name" cmake -G Ninja -S "$sources/cmake" -B "$directory" "${where[@]}" "$@" &&
    builds "$name" cmake --build "$directory" || return
  check_programs_of "$name" "$directory" c cxx
}

check_meson() { # CASE OPTION...
  local name=$1 directory=$scratch/meson
  shift
  rm -rf "$directory"
  builds "$name" meson setup "$directory" "$sources/meson" --wrap-mode=nofallback "$@" &&
    builds "$name" ninja -C "$directory" || return
  check_programs_of "$name" "$directory" c cpp
}

# ---- Plugins -----------------------------------------------------------------

check_plugins() {
  local posix beside host=$scratch/host plugin=$scratch/plugin.so
  read -ra posix <<<"$(pkg-config --cflags --libs kaio-posix)"
  read -ra beside <<<"$(pkg-config --cflags --libs kaio)"
  builds 'a host' "${c[@]}" "$sources/host.c" -o "$host" || return

  # The program's own libraries come first, and the C library is one of them.
  builds 'a plugin on kaio-posix' "${c[@]}" -shared -fPIC "$sources/plugin.c" "${posix[@]}" \
    -o "$plugin" || return
  runs_on 'the C library' 'a plugin on kaio-posix in a program without it' "$host" "$plugin"
  runs_on kaio 'a plugin in a program that kaio is preloaded into' \
    "$prefix/bin/aio-run" "$host" "$plugin"
  builds 'a host on kaio-posix' "${c[@]}" "$sources/host.c" "${posix[@]}" -o "$host-on-kaio" &&
    runs_on kaio 'a plugin in a program on kaio-posix' "$host-on-kaio" "$plugin"

  builds 'a plugin on libkaio' "${c[@]}" -DBY_LIBKAIO -shared -fPIC "$sources/plugin.c" \
    "${beside[@]}" -o "$plugin" &&
    runs_on kaio 'a plugin on libkaio' "$host" "$plugin"
}

# ---- What is there -----------------------------------------------------------

check_files() {
  local file missing='' documents=share/doc/kaio
  for file in include/kaio/{aio,prefixed,engine}.h bin/aio-run share/man/man1/aio-bench.1 \
    "$documents"/{LICENSE,README.md,CHANGELOG.md,doc/abi.md}; do
    [[ -e $prefix/$file ]] || missing+=" $file"
  done
  if [[ -z $missing ]]; then pass 'the files'; else fail 'the files' "missing:$missing"; fi
}

# What would be installed of one kind.
check_kind() { # KIND UNWANTED_PATTERN
  local installed
  builds "only $1 libraries" meson setup "$scratch/$1" "$source_root" -Ddefault_library="$1" \
    -Dtests=false -Daio-bench=disabled || return
  installed=$(meson introspect --installed "$scratch/$1" | tr , '\n' | grep -o 'libkaio[^/"]*"$' |
    tr -d '"' | sort -u | tr '\n' ' ')
  if [[ $installed == *libkaio-engine.*libkaio-posix.* && ! $installed =~ $2 ]]; then
    pass "only $1 libraries"
  else
    fail "only $1 libraries" "$installed"
  fi
}

check_sonames() {
  local name found
  for name in kaio kaio-posix kaio-engine; do
    found=$(readelf -d "$library_directory/lib$name.so" | sed -n 's/.*SONAME.*\[\(.*\)\].*/\1/p')
    if [[ $found == lib$name.so.0 && -e $library_directory/$found ]]; then
      pass "the soname of lib$name"
    else
      fail "the soname of lib$name" "it is '$found'"
    fi
  done
}

check_tools() {
  local output
  output=$("$prefix/bin/aio-run" --check 2>&1)
  if [[ $output == *"$library_directory/libkaio-posix.so"* ]]; then
    pass 'aio-run finds the library beside it'
  else
    fail 'aio-run finds the library beside it' "$output"
  fi
}

check_files
check_sonames
check_tools
check_kind shared '\.a'
check_kind static '\.so'
for language in C C++; do
  check_pkg_config "$language"
  check_plain "$language"
done
check_engine
check_plugins
if command -v cmake >/dev/null; then
  check_cmake 'CMake'
  LD_LIBRARY_PATH='' check_cmake 'CMake, static' -DSTATIC=ON
else
  skip 'CMake' 'cmake is not installed'
fi
check_meson 'Meson'
LD_LIBRARY_PATH='' check_meson 'Meson, static' -Dstatic=true -Dprefer_static=true

# An installation with static libraries only.
rm "$library_directory"/lib*.so*
if command -v cmake >/dev/null; then check_cmake 'CMake, nothing shared'; fi
finish
