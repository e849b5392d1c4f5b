#!/bin/bash
# SPDX-License-Identifier: MIT
# tools/release, where everything is committed.
# Usage: release.sh SOURCE_ROOT BUILD_ROOT
# shellcheck source=test/install/cases.sh
source "$(dirname "$0")/cases.sh"

if ! changed=$(git -C "$source_root" status --porcelain 2>&1) || [[ -n $changed ]]; then
  skip 'a release' 'something is not committed, or this is no git repository'
  finish
fi
builds 'a release' "$source_root/tools/release" --no-packages --output "$scratch/release" &&
  if (cd "$scratch/release" && sha256sum --check --quiet ./*.sha256sum); then
    pass 'a release'
  else
    fail 'a release' 'its checksum is wrong'
  fi
finish
