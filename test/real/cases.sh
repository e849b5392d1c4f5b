# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# For the scripts beside it, on top of test/support/cases.sh: a scratch directory, a loop
# device, and the proof that a program really ran on kaio. Sourced, with the source root and
# the library as the script's first arguments.

# shellcheck source=test/support/cases.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/../support/cases.sh"
source_root=$1
export KAIO_LIBRARY=$2
shift 2

is_long=${KAIO_TEST_LONG:-0}
scratch=$(mktemp -d "${KAIO_TEST_DIR:-/var/tmp}/kaio-real-XXXXXX") || exit 1
memory_scratch=
loop=
clean_up() {
  [[ -n $loop ]] && losetup --detach "$loop"
  rm -rf "$scratch" ${memory_scratch:+"$memory_scratch"}
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

is_tmpfs() { [[ $(stat -f -c %T "$1" 2>/dev/null) == tmpfs ]]; }

make_memory_scratch() {
  is_tmpfs /dev/shm && memory_scratch=$(mktemp -d /dev/shm/kaio-real-XXXXXX)
}

# Sets `loop` to a loop device over a file of MEBIBYTES on tmpfs.
make_loop_device() { # MEBIBYTES
  make_memory_scratch || return
  truncate -s "$1M" "$memory_scratch/backing" &&
    loop=$(losetup --find --show "$memory_scratch/backing")
}

# The program on kaio, its stderr with kaio's statistics in $scratch/errors and its
# stdout in $scratch/output. A hang ends after LIMIT seconds as exit code 124 or 137.
on_kaio() { # LIMIT COMMAND...
  local limit_s=$1 job
  shift
  has_used_kernel_aio=no
  timeout --kill-after=5 "$limit_s" \
    "$source_root/tools/aio-run" --stats "$@" >"$scratch/output" 2>"$scratch/errors" &
  job=$!
  while kill -0 "$job" 2>/dev/null; do
    [[ $has_used_kernel_aio == no ]] && has_kernel_context "$job" && has_used_kernel_aio=yes
    sleep 0.02
  done
  wait "$job"
}

# Whether a descendant of the process has a context of kernel AIO now, which its
# memory map shows and the C library's POSIX AIO never has. It is the proof for
# processes that end by _exit() and so print no statistics.
has_kernel_context() { # PID
  local process
  for process in $(ps -e -o pid=,ppid= | awk -v root="$1" '
      { parent[$1] = $2 }
      END {
        for (one in parent) {
          for (up = one; up in parent && up != root;) up = parent[up]
          if (up == root) print one
        }
      }'); do
    grep -q '\[aio\]' "/proc/$process/maps" 2>/dev/null && return
  done
  return 1
}

# What the processes of on_kaio submitted that told so, all together.
submitted_count() {
  sed -n 's/^kaio:.*\bsubmitted \([0-9]\+\).*/\1/p' "$scratch/errors" |
    awk '{ sum += $1 } END { print sum + 0 }'
}
