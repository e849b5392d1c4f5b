#!/bin/bash
# SPDX-License-Identifier: MIT
# The Debian packages: made, checked by lintian, and used in a Debian that has nothing else.
# Usage: packages.sh SOURCE_ROOT BUILD_ROOT
# shellcheck source=test/install/cases.sh
source "$(dirname "$0")/cases.sh"
# shellcheck source=test/install/bare.sh disable=SC1091
source "$(dirname "$0")/bare.sh"

for command in dpkg-buildpackage dh lintian; do
  command -v "$command" >/dev/null && continue
  skip 'Debian packages' "$command is not installed"
  finish
done
builds 'Debian packages, without a complaint of lintian' \
  "$source_root/tools/package" --no-packages --lintian --output "$scratch/packages" || finish
pass 'Debian packages, without a complaint of lintian'

make_bare 'a bare Debian'
cp "$scratch"/packages/*.deb "$sources"/{reads,reads_beside,hello}.c \
  "$sources/engine.cc" "$bare/root"

builds 'the tools are installed by apt' inside sh -c \
  'apt-get -qq update && apt-get -qq -y --no-install-recommends \
     install /root/kaio-tools_*.deb /root/libkaio-posix0_*.deb /root/libkaio0_*.deb \
     /root/libkaio-engine0_*.deb' &&
  pass 'the tools are installed by apt'
builds 'aio-run runs there' inside aio-run --stats /bin/true && pass 'aio-run runs there'
builds 'aio-bench runs there' inside aio-bench -e kaio -d 1 -s 1m -t 0.1 -r 1 -c buffered &&
  pass 'aio-bench runs there'

builds 'the -dev package is installed by apt' inside sh -c \
  'apt-get -qq -y --no-install-recommends \
     install /root/libkaio-dev_*.deb g++ libc6-dev pkg-config' &&
  pass 'the -dev package is installed by apt'
for how in '' '-static'; do
  # shellcheck disable=SC2016
  builds "a program${how:+, $how}" inside sh -ec 'cd /root
    cc reads.c $1 $(pkg-config ${1:+--static} --cflags --libs kaio-posix) -o reads
    KAIO_STATS=1 ./reads 2>&1 | grep "submitted 1 "
    cc reads_beside.c $1 $(pkg-config ${1:+--static} --cflags --libs kaio) -o beside
    ./beside
    c++ -std=c++20 engine.cc $1 $(pkg-config ${1:+--static} --cflags --libs kaio-engine) -o engine
    ./engine' sh "$how" && pass "a program${how:+, $how}"
done
builds 'the packages are removed' inside sh -c \
  'apt-get -qq -y purge "kaio-tools" "libkaio*" &&
     ! ls /usr/lib/*/libkaio* 2>/dev/null' && pass 'the packages are removed'
finish
