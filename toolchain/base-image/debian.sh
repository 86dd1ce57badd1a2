#!/bin/sh
# Makes rootfs/: the smallest Debian of this machine's release (the native parts are compiled here, against its libraries),
# from the mirror that this machine's apt uses, without what no function needs.
set -eu
umask 022
if [ "$(id -u)" -ne 0 ]; then
  echo "TRIBUTARY_LACKS root: only root can make a file system with device nodes and owners" >&2
  exit 1
fi
. /etc/os-release
if [ "${ID:-}" != debian ] || ! command -v apt-get >/dev/null; then
  echo "TRIBUTARY_LACKS debian: this is ${PRETTY_NAME:-an unknown system}" >&2
  exit 1
fi
for tool in debootstrap:debootstrap cmake:cmake g++:g++ make:make autoreconf:autoconf automake:automake libtoolize:libtool xz:xz-utils python3:python3 npm:npm; do
  command -v "${tool%%:*}" >/dev/null || lacks="${lacks:-} ${tool##*:}"
done
python3 -c 'import ensurepip, venv' 2>/dev/null || lacks="${lacks:-} python3-venv"
if [ -n "${lacks:-}" ]; then
  echo "TRIBUTARY_LACKS packages:$lacks" >&2
  exit 1
fi
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Codename: $VERSION_CODENAME" 'Component: main' | head -n 1)
if [ -z "$mirror" ]; then
  echo "TRIBUTARY_LACKS mirror: apt knows no mirror of $VERSION_CODENAME main (/etc/apt/sources.list)" >&2
  exit 1
fi
debootstrap --variant=minbase --include=ca-certificates "$VERSION_CODENAME" rootfs "$mirror"
cd rootfs
# Caches, logs, names and times of the machine that built it, and what is there for people to read.
rm -rf var/cache/* var/log/* var/lib/apt/lists/* var/lib/dpkg/*-old var/lib/systemd tmp/* run/* dev/* proc/* sys/*
rm -rf usr/share/doc usr/share/man usr/share/info usr/share/locale usr/share/lintian usr/share/bug etc/apt/sources.list
rm -f etc/machine-id etc/hostname etc/resolv.conf etc/ld.so.cache etc/passwd- etc/group- etc/shadow- etc/gshadow- etc/.pwd.lock
find . -xdev -name '*.pyc' -delete
chroot . /sbin/ldconfig -X
rm -rf var/cache/ldconfig
# The date of the last change of a password is the day of the build.
sed -i -E 's/^([^:]*:[^:]*):[0-9]+:/\1:0:/' etc/shadow
# Lambda's user. Nobody logs in as it.
echo 'sbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin' >>etc/passwd
echo 'sbx_user1051:x:990:' >>etc/group
