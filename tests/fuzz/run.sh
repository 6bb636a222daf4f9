#!/bin/sh
# Runs fuzz targets, 50 seconds each, beside whatever else runs: fuzz/run.sh [--fallback FOLDER] [TARGET...] [-libFuzzerOption...]
# With libFuzzer's builds (build/fuzz) if they are there, else with those in the fallback's folder, which say what they are.
# What was found lies in build/fuzz/found; what is learnt on the way in build/fuzz/corpus.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
fallback=$root/build/asan/tests
targets=
options=
while [ $# -gt 0 ]; do
  case $1 in
  --fallback) fallback=$2 && shift ;;
  -*) options="$options $1" ;;
  *) targets="$targets $1" ;;
  esac
  shift
done
[ -n "$targets" ] || targets=$(ls "$root/tests/fuzz/corpus")
found=$root/build/fuzz/found
mkdir -p "$found"
status=0
for target in $targets; do
  program=$root/build/fuzz/tests/fuzz_$target
  [ -x "$program" ] || program=$fallback/fuzz_$target
  learnt=$root/build/fuzz/corpus/$target
  mkdir -p "$learnt"
  echo "fuzz: $program"
  # shellcheck disable=SC2086
  nice -n 19 "$program" -max_total_time=50 -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="$found/$target-" $options "$learnt" "$root/tests/fuzz/corpus/$target" > "$found/$target.log" 2>&1 ||
    { status=1 && echo "fuzz: $target failed, see $found"; }
  tail -n "$([ $status -eq 0 ] && echo 6 || echo 40)" "$found/$target.log"
done
exit $status
