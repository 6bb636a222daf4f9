#!/bin/sh
# Packs the sources of HEAD: release.sh FOLDER. The same commit gives the same bytes on every machine (with the same gzip).
# Beside the tarball it puts the list of libraries (SBOM) of the build in build/release, and the checksums of both.
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$1"
folder=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

version=$(cmake -P cmake/version.cmake)
name=mongoferry-$version
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct HEAD)
git diff --quiet HEAD || echo "release: what is not committed is left out" >&2

mkdir "$work/$name"
git archive --format=tar HEAD | tar -x -C "$work/$name"
printf '%s\n%s\n' "$version" "$(git describe --tags --always HEAD)" > "$work/$name/.release"
LC_ALL=C tar -C "$work" --format=gnu --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
  --mode='u+rwX,go+rX,go-w' -cf - "$name" | gzip -9n > "$folder/$name.tar.gz"
cp build/release/mongoferry.cdx.json "$folder/$name.cdx.json"
(cd "$folder" && sha256sum "$name.tar.gz" "$name.cdx.json" > SHA256SUMS)
echo "$folder/$name.tar.gz"
