#!/bin/sh
# Installs what the build and the tests need: Debian packages, and a virtual environment for the test servers.
# Safe to repeat; asks for nothing where everything is there.
set -eu
cd "$(dirname "$0")/.."
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
missing=
for package in $(cat scripts/packages.txt); do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  echo "setup: installing$missing"
  $sudo apt-get update -q
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
fi
# libFuzzer. Without it the fuzz targets get changed copies of their corpus only, and say so.
if ! tests/fuzz/build.sh --can > /dev/null; then
  echo "setup: installing libFuzzer"
  $sudo apt-get update -q || true
  if ! $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends clang-14 libclang-rt-14-dev; then
    echo "setup: NO libFuzzer, the fuzz tests only replay their corpus with changes"
  fi
fi
if ! cmp -s tests/harness/requirements.txt .venv/installed.txt; then
  echo "setup: making .venv for the test servers"
  python3 -m venv .venv
  .venv/bin/pip install -q --disable-pip-version-check -r tests/harness/requirements.txt
  cp tests/harness/requirements.txt .venv/installed.txt
fi
# A faulty network for the tests. Without it they are skipped, and say so.
toxiproxy=v2.5.0
if [ ! -x .tools/toxiproxy-server ]; then
  echo "setup: building Toxiproxy $toxiproxy"
  command -v go > /dev/null || $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends golang-go || true
  if GOBIN="$PWD/.tools" go install "github.com/Shopify/toxiproxy/v2/cmd/server@$toxiproxy"; then
    mv .tools/server .tools/toxiproxy-server
  else
    echo "setup: no Toxiproxy, the tests of faulty networks are skipped"
  fi
fi
