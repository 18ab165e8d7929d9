#!/bin/sh
# Unpack the JSON Schemas of HAR 1.2 (Debian package node-har-schema, 6 kB) into a folder, without installing anything.
# usage: har_schema.sh FOLDER      FOLDER/usr/share/nodejs/har-schema/lib/har.json is there afterwards
# Tests that need them are skipped where this fails, so it never fails itself: it says so.
set -u

target=$1
[ -f "$target/usr/share/nodejs/har-schema/lib/har.json" ] && exit 0
work=$(mktemp -d) || exit 0
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    (cd "$work" && { apt-get -q download node-har-schema || { apt-get -q update && apt-get -q download node-har-schema; }; }) \
        >"$work/log" 2>&1 </dev/null
    for package in "$work"/node-har-schema_*.deb; do
        [ -f "$package" ] && mkdir -p "$target" && dpkg-deb -x "$package" "$target" && exit 0
    done
fi
echo "The HAR schemas could not be fetched (Debian package node-har-schema): the tests that need them are skipped." >&2
