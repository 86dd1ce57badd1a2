#!/bin/sh
# Puts Node and the runtime interface client where AWS's base image has them, and packs everything as image layers: one that
# all images have, and one that an image for Python functions has on top.
set -eu
umask 022
lang=rootfs/var/lang/bin
runtime=rootfs/var/runtime
client=node_modules/aws-lambda-ric
mkdir -p "$lang" "$runtime/node_modules/aws-lambda-ric" rootfs/var/task rootfs/opt
install -m 755 node_modules/node/bin/node "$lang/node"
strip --strip-unneeded "$lang/node"
install -m 755 bootstrap "$runtime/bootstrap"
install -m 755 lambda-entrypoint.sh rootfs/lambda-entrypoint.sh
for file in index.mjs rapid-client.node package.json LICENSE NOTICE THIRD-PARTY-LICENSES; do
  install -m 644 "$client/$file" "$runtime/node_modules/aws-lambda-ric/$file"
done
# Names of folders and of compiler runs are no part of the program.
strip --strip-unneeded "$runtime/node_modules/aws-lambda-ric/rapid-client.node"
mkdir -p bin
# The same files give the same bytes: order, times, and the owners' numbers are fixed, and gzip notes no name and no time.
pack() {
  tar --create --file=- --directory="$1" --sort=name --mtime=@0 --numeric-owner --format=posix \
    --pax-option=delete=atime,delete=ctime . >"$2.tar"
  gzip --best --no-name --to-stdout "$2.tar" >"bin/$2.tar.gz"
}
pack rootfs layer
pack python python
node manifest.mjs bin layer
node manifest.mjs bin layer python
