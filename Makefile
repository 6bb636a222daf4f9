# The two commands of the README, and the shorter ones behind them. Each does all of its own set-up.
.PHONY: demo test test-servers test-fuzz test-long fuzz setup release dev asan bench bench-replay bench-many soak format lint

demo: release
	.venv/bin/python tests/harness/demo.py $(ARGS)

# All but the moving ones run the binary with AddressSanitizer and UBSan. The live tests mostly wait; the fuzzers run
# beside them, and give way to them.
test: release asan
	ctest --test-dir build/asan --output-on-failure -j2 -L 'unit|process|layers'
	$(MAKE) --no-print-directory -j2 test-servers test-fuzz

test-servers:
	ctest --test-dir build/asan --output-on-failure -L live
	ctest --test-dir build/release --output-on-failure -L 'hardening|moving'

test-fuzz:
	tests/fuzz/build.sh
	tests/fuzz/run.sh

# The other way round: the random writes under the sanitizers, the rest as users run it; and what takes long.
test-long: release asan
	ctest --test-dir build/asan --output-on-failure -L moving
	ctest --test-dir build/release --output-on-failure -L live
	FERRY_FAULTS=1 ctest --test-dir build/release --output-on-failure -L long

# ARGS: targets (all), and libFuzzer's options: make fuzz ARGS="wire entry -max_total_time=3600"
fuzz: asan
	tests/fuzz/build.sh
	tests/fuzz/run.sh $(ARGS)

bench: release
	.venv/bin/python bench/bench.py $(ARGS)

bench-replay: release
	.venv/bin/python bench/replay.py $(ARGS)

bench-many: release
	.venv/bin/python bench/many.py $(ARGS)

soak: release
	.venv/bin/python tests/harness/soak.py $(ARGS)

setup:
	scripts/setup.sh

release dev asan: setup
	cmake --preset $@ > /dev/null
	cmake --build --preset $@

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

lint: release
	git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
	git ls-files "*.c" | grep -v "^tests/" | xargs -P2 -n8 clang-tidy -p build/release --quiet
