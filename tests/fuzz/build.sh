#!/bin/sh
# Builds the fuzz targets into build/fuzz with the first clang that has libFuzzer. Without one that is no failure: it says so, and
# fuzz/run.sh takes the builds that alone.c feeds. `build.sh --can` only answers by its status.
set -eu
cd "$(dirname "$0")/../.."
for compiler in clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14; do
  if echo 'int LLVMFuzzerTestOneInput(const char *d, long s); int LLVMFuzzerTestOneInput(const char *d, long s) { return d && s < 0; }' |
    "$compiler" -x c -fsanitize=fuzzer,address,undefined - -o /dev/null 2> /dev/null; then
    [ "${1-}" != --can ] || exit 0
    cmake --preset fuzz -DCMAKE_C_COMPILER="$compiler" > /dev/null
    exec nice -n 19 cmake --build --preset fuzz -- -j2
  fi
done
echo "fuzz: NO libFuzzer here (clang and libclang-rt-*-dev): the fuzz targets get changed copies of their corpus only"
rm -rf build/fuzz/tests
[ "${1-}" != --can ]
