#!/bin/sh
# Install the programs that check the report's script, style and page into a folder, once per version of their list.
# usage: npm.sh FOLDER      FOLDER/node_modules holds what tests/web/package.json names afterwards
# Nothing of it becomes part of the report or of the package, and none of it may run anything while it is installed.
set -eu

target=$1
here=$(dirname "$0")
list=$here/../tests/web/package.json
cmp -s "$list" "$target/installed.json" && exit 0
"$here/need.sh" node npm
mkdir -p "$target"
cp "$list" "$target/package.json"
(cd "$target" && npm install --ignore-scripts --no-package-lock --no-audit --no-fund --no-update-notifier \
    --loglevel=error </dev/null) || {
    echo "npm could not install what $list names." >&2
    exit 1
}
cp "$list" "$target/installed.json"
