#!/bin/sh
# dut.sh NAME: a board without hardware. A shell on standard input and output, in
# namespaces of its own, in a root of its own made of this host's programs.
set -e
if [ "${2:-}" != inside ]; then
    user=
    [ "$(id -u)" = 0 ] || user=--map-root-user
    # shellcheck disable=SC2086
    exec unshare $user --mount --pid --fork --kill-child --uts "$0" "$1" inside
fi
hostname "$1"
root=$(mktemp -d)
mount -t tmpfs tmpfs "$root"
for directory in bin sbin lib lib64 usr etc dev; do
    [ -d "/$directory" ] || continue
    mkdir "$root/$directory"
    mount --rbind "/$directory" "$root/$directory"
done
mkdir -p "$root/proc" "$root/tmp" "$root/root" "$root/var/lib/lava/dispatcher/tmp"
mount -t proc proc "$root/proc"
# Where the dispatcher puts the overlay: the board copies it from there.
mount --rbind "${LAVA_DOWNLOADS:-/var/lib/lava/dispatcher/tmp}" "$root/var/lib/lava/dispatcher/tmp"
cd "$root"
exec chroot . /usr/bin/env -i TERM=dumb HOME=/root \
    PATH=/bin:/sbin:/usr/bin:/usr/sbin PS1="root@$1:# " /bin/sh -i
