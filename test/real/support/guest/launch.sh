#!/bin/sh
# Host side of a guest: the first process of its own pid and mount namespaces (uml.ts starts it so), it builds the
# guest's root and becomes UML. Everything mounted here ends with the guest.
#   ROOT      a Debian root; stays untouched
#   WORK      the guest's folder: share/ (both sides write), seed/ (copied over the root), UML's control socket
#   CHECKOUT, NODE   seen by the guest as /rsprep and /opt/node, read-only
#   DIST      the built program's folder, copied to /opt/rsprep: a build meanwhile does not change it
set -e
mount --make-rprivate /
mount --bind "$WORK" "$WORK"
m=$WORK/mnt
mkdir -p "$m"
mount -t tmpfs -o size=2g,mode=755 rsp-guest "$m"
mkdir "$m/upper" "$m/work" "$m/root"
mount -t overlay -o "lowerdir=$ROOT,upperdir=$m/upper,workdir=$m/work" rsp-guest "$m/root"
cp -a "$WORK/seed/." "$m/root/"
[ ! -d "$DIST" ] || cp -a "$DIST" "$m/root/opt/rsprep"
mkdir -p "$m/root/usr/lib/modules" "$m/root/share" "$m/root/rsprep" "$m/root/opt/node"
mount --bind /usr/lib/uml/modules "$m/root/usr/lib/modules"
mount --bind "$WORK/share" "$m/root/share"
mount --bind "$CHECKOUT" "$m/root/rsprep"
mount -o remount,bind,ro "$m/root/rsprep"
mount --bind "$NODE" "$m/root/opt/node"
mount -o remount,bind,ro "$m/root/opt/node"
# UML's hostfs could write wherever this process may: take the host's files out of its reach.
mount -o remount,bind,ro /
exec linux.uml root=/dev/root rootfstype=hostfs "rootflags=$m/root" rw quiet \
  umid=guest "uml_dir=$WORK/" con=null con0=null,fd:2 ssl=null ssl0=fd:3,fd:4 "$@" </dev/null
