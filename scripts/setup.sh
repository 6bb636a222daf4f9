#!/bin/sh
# Installs what is asked for: setup.sh build|servers|test|lint|deb|rpm|packages ...
#   build    compilers and libraries
#   servers  a virtual environment (.venv) with the servers, drivers and data of the demo, the tests and the benches
#   test     Criterion, libFuzzer, a headless Chromium, and Toxiproxy and promtool (.tools)
#   lint     clang-format and clang-tidy
#   deb, rpm what cpack needs to make one
#   packages what tries them: lintian, rpmlint, podman, and debootstrap for a fresh Debian root
# Safe to repeat; does nothing where everything is there.
set -eu
cd "$(dirname "$0")/.."
exec 9< scripts/packages.txt
flock 9 # two at once would get into each other's way
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo

apt() {
  $sudo apt-get update -q
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

install_packages() {
  if ! command -v apt-get > /dev/null; then
    echo "setup: no apt-get here; install by hand what these are called here:" $(sed -n "s/^$1 //p" scripts/packages.txt)
    return
  fi
  missing=
  for package in $(sed -n "s/^$1 //p" scripts/packages.txt); do
    dpkg-query -W -f='${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  if [ -n "$missing" ]; then
    echo "setup: installing$missing"
    # shellcheck disable=SC2086
    apt $missing
  fi
}

install_servers() {
  if ! cmp -s tests/harness/requirements.txt .venv/installed.txt; then
    echo "setup: making .venv for the test servers"
    python3 -m venv .venv
    .venv/bin/pip install -q --disable-pip-version-check -r tests/harness/requirements.txt
    cp tests/harness/requirements.txt .venv/installed.txt
  fi
}

# What tests/packages needs; it goes into the same environment as the servers.
install_schemas() {
  if [ -x .venv/bin/pip ] && ! cmp -s tests/packages/requirements.txt .venv/schemas.txt; then
    .venv/bin/pip install -q --disable-pip-version-check -r tests/packages/requirements.txt
    cp tests/packages/requirements.txt .venv/schemas.txt
  fi
}

# Without it the fuzz targets get changed copies of their corpus only, and say so.
install_fuzzer() {
  if ! tests/fuzz/build.sh --can > /dev/null; then
    echo "setup: installing libFuzzer"
    apt clang-14 libclang-rt-14-dev || echo "setup: NO libFuzzer, the fuzz tests only replay their corpus with changes"
  fi
}

# A faulty network for the tests. Without it they are skipped, and say so.
install_toxiproxy() {
  toxiproxy=v2.5.0
  if [ ! -x .tools/toxiproxy-server ]; then
    echo "setup: building Toxiproxy $toxiproxy"
    command -v go > /dev/null || apt golang-go || true
    if GOBIN="$PWD/.tools" go install "github.com/Shopify/toxiproxy/v2/cmd/server@$toxiproxy"; then
      mv .tools/server .tools/toxiproxy-server
    else
      echo "setup: no Toxiproxy, the tests of faulty networks are skipped"
    fi
  fi
}

# Prometheus' own linter: one program out of Debian's package, which would also start a server. Without it the tests
# that need it are skipped, and say so.
install_promtool() {
  if [ ! -x .tools/promtool ]; then
    echo "setup: fetching promtool"
    folder=$(mktemp -d)
    $sudo apt-get update -q > /dev/null || true
    if (cd "$folder" && apt-get download -q prometheus) &&
      dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb | tar -x -C "$folder" ./usr/bin/promtool; then
      mkdir -p .tools
      mv "$folder/usr/bin/promtool" .tools/
    else
      echo "setup: no promtool, the tests that need it are skipped"
    fi
    rm -rf "$folder"
  fi
}

[ $# -gt 0 ] || set -- build
for part in "$@"; do
  grep -q "^$part " scripts/packages.txt || { echo "setup: there is no part '$part'; see this file's head" >&2 && exit 2; }
  install_packages "$part"
  case $part in
  servers) install_servers ;;
  packages) install_schemas ;;
  test) install_fuzzer && install_toxiproxy && install_promtool ;;
  esac
done
