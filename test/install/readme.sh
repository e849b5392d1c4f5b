#!/bin/bash
# SPDX-License-Identifier: MIT
# Goes through README.md on a bare Debian that has nothing but the sources, from top to
# bottom and without a hand: each command of its blocks `sh`, and the programs of its blocks
# `c` and `cpp`, which its commands compile and run.
# Usage: readme.sh SOURCE_ROOT BUILD_ROOT
# README_WITH_CHECK=1 runs the whole of tools/check, and README_PROCESSORS=LIST (of taskset)
# only uses these processors. The sources are in /root, whose mode is 0700, and / is no mount
# point: as in many a container.
# shellcheck source=test/install/cases.sh
source "$(dirname "$0")/cases.sh"
# shellcheck source=test/install/bare.sh disable=SC1091
source "$(dirname "$0")/bare.sh"
# shellcheck source=test/install/readme_blocks.sh disable=SC1091
source "$(dirname "$0")/readme_blocks.sh"

limit_s=1200 # of one command

# The commands that are not run as they stand. In each line: the command without its comment,
# what is run in its place or - for nothing, and why.
exceptions() {
  cat <<'END'
tools/check :: tools/check unit structure :: all of it takes half an hour: README_WITH_CHECK=1
sysctl -w fs.aio-max-nr=1048576 :: - :: it would change the machine that the test runs on
bpftrace -p PID /usr/local/share/kaio/latency.bt :: - :: test/observe/probes.sh runs it where it can
tools/compare :: tools/compare --rounds 1 --seconds 0.1 :: 7 rounds of a second take a quarter of an hour
END
}

# ---- What is run -------------------------------------------------------------

# By which exit code besides 0 a command only answers what it was asked.
answer_of() { # COMMAND
  case $1 in
  *'aio-run --check '*) echo 1 ;;  # something does not go the kernel's way
  'aio-bench compare '*) echo 3 ;; # something got worse
  esac
}

# Sets in_its_place and why for a command that is not run as it stands.
look_up() { # COMMAND
  local command rest
  while IFS= read -r rest; do
    command=${rest%% :: *} rest=${rest#* :: }
    [[ $command == "$1" ]] || continue
    in_its_place=${rest%% :: *} why=${rest#* :: }
    return
  done < <(exceptions)
  return 1
}

try_command() { # COMMAND
  local command=$1 directory=/root/try in_its_place why begin=$SECONDS limit=$limit_s
  if [[ $command == tools/check && ${README_WITH_CHECK:-0} == 1 ]]; then
    limit=$((4 * limit_s))
  elif look_up "$command"; then
    if [[ $in_its_place == - ]]; then
      skip "$1" "$why"
      return
    fi
    command=$in_its_place
  elif [[ $command == */dev/nvme* && -z $loop ]]; then
    skip "$1" 'there is no loop device to take the place of this one'
    return
  fi
  [[ $command != tools/* ]] || directory=/root/kaio
  inside ${README_PROCESSORS:+taskset --cpu-list "$README_PROCESSORS"} \
    timeout --kill-after=20 "$limit" \
    bash -o pipefail -c "cd $directory; $command" >"$scratch/log" 2>&1
  local status=$?
  # For whoever reads the log: how it looked, and how long it took.
  echo "$ $command    # $((SECONDS - begin)) s"
  tail -n 25 "$scratch/log" | cut -c 1-160 | sed 's/^/    /'
  if ((status != 0)) && [[ $status != "$(answer_of "$command")" ]]; then
    fail "$command" "it ended with $status: $(show "$scratch/log")"
  elif [[ $command == *@(KAIO_STATS=1|--stats)* ]] && ! grep -q 'submitted [1-9]' "$scratch/log"; then
    fail "$command" "kaio carried out nothing: $(show "$scratch/log")"
  else
    pass "$command"
  fi
  [[ $command == "$1" ]] || skip "$1" "$why; $command was run in its place"
}

# The device that README measures is a loop device, so that nothing is lost by it.
loop=
make_device() {
  truncate -s 256M "$scratch/disk" && loop=$(losetup --find --show "$scratch/disk") &&
    mknod "$bare/dev/nvme0n1" b "0x$(stat -c %t "$loop")" "0x$(stat -c %T "$loop")"
}

# ---- README as it should be --------------------------------------------------

readme=$source_root/README.md
blocks=$scratch/blocks
mkdir "$blocks"
problems=$(extract_blocks "$blocks" <"$readme")
if [[ -z $problems ]] && compgen -G "$blocks/*.sh" >/dev/null; then
  pass 'the blocks of README have a language'
else
  fail 'the blocks of README have a language' "${problems:-there are none}"
  finish
fi
mapfile -t commands < <(for block in "$blocks"/*.sh; do commands_of "$block"; done)

stale=$(exceptions | sed 's/ :: .*//' | grep -vxFf <(printf '%s\n' "${commands[@]}"))
if [[ -z $stale ]]; then
  pass 'what is not run as it stands is in README'
else
  fail 'what is not run as it stands is in README' "it is not: $stale"
fi
programs=()
for block in "$blocks"/*.{c,cpp}; do
  [[ -e $block ]] || continue
  name=$(name_of "$block")
  if [[ -n $name ]] && grep -qwF -- "$name" <<<"$(printf '%s\n' "${commands[@]}")"; then
    programs+=("$name")
    cp "$block" "$scratch/$name"
    pass "README compiles $name"
  else
    fail 'README compiles its programs' "not the one that begins $(head -n 1 "$block")"
  fi
done

# ---- From top to bottom ------------------------------------------------------

make_bare 'README on a bare Debian'
trap '[[ -z $loop ]] || losetup --detach "$loop"; rm -rf "$scratch"' EXIT
make_loop_nodes
make_device || loop=
clone_sources "$bare/root/kaio" || { fail 'a clone of the sources' 'it cannot be made' && finish; }
mkdir -p "$bare/root/try" "$bare/var/lib/db"
chmod 0700 "$bare/root"
for name in ${programs[@]+"${programs[@]}"}; do mv "$scratch/$name" "$bare/root/try"; done
for command in "${commands[@]}"; do try_command "$command"; done
finish
