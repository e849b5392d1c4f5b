# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# For the scripts beside it, on top of cases.sh: a Debian that has nothing but itself, in a
# directory that is no mount point, and what is run there. Sourced.

bare=$scratch/bare

# Makes it, of this machine's release; where that cannot be, skips CASE and ends the script.
make_bare() { # CASE
  local release
  ((EUID == 0)) || { skip "$1" 'it takes root' && finish; }
  skip_without debootstrap "$1"
  release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  if ! PATH=$PATH:/usr/sbin debootstrap --variant=minbase "$release" "$bare" \
    >"$scratch/log" 2>&1; then
    skip "$1" "debootstrap failed: $(show "$scratch/log")"
    finish
  fi
  # Nothing of it has to survive a power cut, and apt is much quicker so.
  echo force-unsafe-io >"$bare/etc/dpkg/dpkg.cfg.d/unsafe-io"
}

# Makes nodes of the loop devices, which a container's /dev may lack and a bare one does.
make_loop_nodes() {
  local number
  mknod "$bare/dev/loop-control" c 10 237
  for number in {0..31}; do mknod "$bare/dev/loop$number" b 7 "$number"; done
}

# Runs a command there as root after login. Mounts and processes are in namespaces of their own,
# so nothing of them is left when it ends, in whatever way. The first process is a shell that
# stays, because it has to fetch the orphans.
inside() { # COMMAND ARGUMENT...
  # shellcheck disable=SC2016 # the other shells expand it
  env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    unshare --mount --pid --fork --kill-child --mount-proc="$bare/proc" bash -ec '
      mount -t sysfs sysfs "$0/sys"
      mount -t tmpfs -o mode=1777 tmpfs "$0/dev/shm"
      mount -t devpts -o newinstance,ptmxmode=0666 devpts "$0/dev/pts"
      exec chroot "$0" bash -c "\"\$@\"; exit" bash "$@"' "$bare" "$@" </dev/null
}
