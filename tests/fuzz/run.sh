#!/bin/sh
# Runs fuzz targets, 50 seconds each, beside whatever else runs:
#   fuzz/run.sh [--same] [--fallback FOLDER] [TARGET...] [-libFuzzerOption...]
# With libFuzzer's builds (build/fuzz) if they are there, else with those in the fallback's folder, which say what they are.
# --same: always the same search, for the tests. It starts from the corpus with one seed, and learns nothing for the next time: a
# change is not refused for what another seed would have found before it. Else each run has a seed of its own, which it prints, and
# goes on from what the runs before it learnt (build/fuzz/corpus). What was found lies in build/fuzz/found.
# The last line has all that is needed to see a failure again: each target that failed, the error, the seed, and the input in Base64.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
fallback=$root/build/asan/tests
targets=
options=
same=
while [ $# -gt 0 ]; do
  case $1 in
  --same) same=-seed=1 ;;
  --fallback) fallback=$2 && shift ;;
  -*) options="$options $1" ;;
  *) targets="$targets $1" ;;
  esac
  shift
done
[ -n "$targets" ] || targets=$(ls "$root/tests/fuzz/corpus")
found=$root/build/fuzz/found
mkdir -p "$found"

# The last error of a log, the seed, and the input that libFuzzer wrote to a file (it shows only those of up to 256 bytes).
describe() {
  error=$(grep -aE 'SUMMARY: |ERROR: |runtime error: ' "$1" | tail -n 1)
  [ -n "$error" ] || error=$(tail -n 1 "$1")
  input=$(sed -n 's/.*Test unit written to //p' "$1" | tail -n 1)
  [ ! -f "$input" ] || error="$error; Base64: $(base64 -w 0 "$input")"
  echo "$error; seed $(seed_of "$1")"
}

seed_of() {
  seed=$(sed -n 's/^INFO: Seed: //p' "$1" | head -n 1)
  echo "${seed:-none}"
}

# -timeout counts seconds on the wall. A process that gives way to all others (nice 19) can wait 10 seconds for a processor, and no
# input takes a whole second of its own: so 60 finds endless loops only. -rss_limit_mb: with AddressSanitizer, which holds back 256 MB
# of freed memory, the largest targets (ddl, members, old_source) have had up to 500 MB in use.
failures=
for target in $targets; do
  program=$root/build/fuzz/tests/fuzz_$target
  [ -x "$program" ] || program=$fallback/fuzz_$target
  log=$found/$target.log
  learnt=$root/build/fuzz/corpus/$target
  if [ -n "$same" ]; then
    learnt=$root/build/fuzz/same/$target
    rm -rf "$learnt"
  fi
  mkdir -p "$learnt"
  echo "fuzz: $program"
  shown=6
  # shellcheck disable=SC2086
  nice -n 19 "$program" -max_total_time=50 -timeout=60 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="$found/$target-" $same $options "$learnt" "$root/tests/fuzz/corpus/$target" > "$log" 2>&1 || {
    shown=40
    failures="${failures:+$failures | }$target: $(describe "$log")"
  }
  tail -n $shown "$log"
  echo "fuzz: $target had the seed $(seed_of "$log")"
done
[ -z "$failures" ] || echo "fuzz: FAILED $failures"
[ -z "$failures" ]
