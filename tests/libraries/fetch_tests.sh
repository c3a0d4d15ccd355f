#!/usr/bin/env bash
# The tests that Debian's Lua libraries ship with their sources, into .library-tests/. What the machine's package
# archive does not have is said and left out: test_three_ways.py skips it.
set -euo pipefail
cd "$(dirname "$0")/../.."

into=$PWD/.library-tests
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/parts" "$work/lists/partial" "$work/sources" "$into"

# The archives that this machine knows, for sources, apart from its own lists: no root is needed.
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] && sed -n 's/^deb /deb-src /p' "$file" >"$work/parts/$(basename "$file" .list).list"
done
for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] && sed 's/^Types:.*/Types: deb-src/' "$file" >"$work/parts/$(basename "$file")"
done
options=(-qq -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$work/parts" -o "Dir::State::lists=$work/lists"
    -o "Dir::Cache::srcpkgcache=" -o "Dir::Cache::pkgcache=" -o "APT::Sandbox::User=$(id -un)")
apt-get "${options[@]}" update || true

cd "$work/sources"
for name in argparse inspect luassert say mediator lpeg penlight busted luacheck; do
    package=lua-$name
    [ "$name" = luacheck ] && package=lua-check
    rm -f -- *.tar.*
    apt-get "${options[@]}" source --download-only --tar-only "$package" >/dev/null 2>&1 || true
    archive=$(find . -name '*.orig.tar.*' ! -name '*.asc' -print -quit)
    if [ -z "$archive" ]; then
        echo "the sources of $package are not to be had"
        continue
    fi
    rm -rf "${into:?}/$name"
    mkdir "$into/$name"
    tar -xf "$archive" --strip-components 1 -C "$into/$name"
done
ls "$into"
