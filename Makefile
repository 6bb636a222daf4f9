# Each command does all of its own set-up. `make help` lists them.
.PHONY: help demo install deb rpm release-tarball test test-packages test-servers test-fuzz test-skipped test-long fuzz release dev asan bench bench-peers bench-replay bench-many bench-ends bench-cutover bench-verify bench-beside soak \
  format lint clean setup-build setup-servers setup-test setup-lint setup-deb setup-rpm setup-packages

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

# It builds no more than it runs. Two at once take turns at the build.
demo: setup-build setup-servers ## migrate between two local servers under a writer, and compare: ARGS="--server /path/to/mongod"
	@mkdir -p build
	flock build sh -c 'cmake --preset release > /dev/null && cmake --build --preset release --target mongoferry floor'
	.venv/bin/python tests/harness/demo.py $(ARGS)

export FERRY_SKIPPED := $(CURDIR)/build/skipped

# All but the moving ones run the binary with AddressSanitizer and UBSan. The live tests mostly wait; the fuzzers run
# beside them, and give way to them.
test: setup-build setup-servers setup-test release asan ## every test that needs no more than this machine
	rm -f $(FERRY_SKIPPED)
	ctest --test-dir build/asan --output-on-failure -j2 -L 'unit|process|layers'
	$(MAKE) --no-print-directory -j2 test-servers test-fuzz
	@$(MAKE) --no-print-directory test-skipped

test-servers:
	ctest --test-dir build/asan --output-on-failure -L live
	ctest --test-dir build/release --output-on-failure -L 'hardening|moving'

test-fuzz:
	tests/fuzz/build.sh
	tests/fuzz/run.sh --same

test-skipped:
	@echo "Skipped, with the number of tests and why:"
	@sort $(FERRY_SKIPPED) 2> /dev/null | uniq -c | sort -rn | grep . || echo "      0"

# The other way round: the random writes under the sanitizers, the rest as users run it; and what takes long.
test-long: setup-build setup-servers setup-test release asan ## what takes long: random writes under the sanitizers, faults, failovers
	rm -f $(FERRY_SKIPPED)
	ctest --test-dir build/asan --output-on-failure -L moving
	ctest --test-dir build/release --output-on-failure -L live
	FERRY_FAULTS=1 ctest --test-dir build/release --output-on-failure -L long
	@$(MAKE) --no-print-directory test-skipped

fuzz: setup-build setup-test asan ## the fuzz targets, each time another search: ARGS="wire entry -max_total_time=3600"
	tests/fuzz/build.sh
	tests/fuzz/run.sh $(ARGS)

bench: setup-build setup-servers release ## the copy beside the servers' own floor: ARGS="--server /path/to/mongod"
	.venv/bin/python bench/bench.py $(ARGS)

bench-peers: setup-build setup-servers release ## the copy beside mongodump and mongorestore, where they are on PATH
	.venv/bin/python bench/peers.py $(ARGS)

bench-replay: setup-build setup-servers release ## the same for the replay of an oplog
	.venv/bin/python bench/replay.py $(ARGS)

bench-many: setup-build setup-servers release ## the same for many collections
	.venv/bin/python bench/many.py $(ARGS)

bench-ends: setup-build setup-servers release ## how long the start, the hand-off and a stop take
	.venv/bin/python bench/ends.py $(ARGS)

bench-cutover: setup-build setup-servers release ## how long a cut-over takes
	.venv/bin/python bench/cutover.py $(ARGS)

bench-verify: setup-build setup-servers release ## a verification beside two bare scans at once
	.venv/bin/python bench/verify.py $(ARGS)

bench-beside: setup-build setup-servers release ## what --verify costs the replay
	.venv/bin/python bench/beside.py $(ARGS)

soak: setup-build setup-servers release ## follow random writes under kills and faults: ARGS="--minutes 60"
	.venv/bin/python tests/harness/soak.py $(ARGS)

setup-build setup-servers setup-test setup-lint setup-deb setup-rpm setup-packages:
	@scripts/setup.sh $(patsubst setup-%,%,$@)

release: setup-build ## build what users run, in build/release
dev: setup-build ## build with debug information
asan: setup-build ## build with AddressSanitizer and UBSan
release dev asan:
	cmake --preset $@ > /dev/null
	cmake --build --preset $@

PREFIX ?= /usr/local

# It builds only what is not there: as root it would build again what a user has built.
install: ## install what `make release` built: PREFIX=/usr/local DESTDIR=
	@test -x build/release/mongoferry || $(MAKE) --no-print-directory release
	DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"

# For Debian, and for the rpm system that it is made on: an rpm made on Debian requires Debian's names of libraries.
# An older one goes first, so that README's `mongoferry_*.deb` is one file.
deb: setup-deb release ## a Debian package, in build/release/packages
	rm -f build/release/packages/*.deb
	cd build/release && cpack -G DEB
rpm: setup-rpm release ## the same as an rpm
	rm -f build/release/packages/*.rpm
	cd build/release && cpack -G RPM

release-tarball: release ## the sources and the list of their libraries (SBOM), in build/release-tarball; the same bytes each time
	scripts/release.sh build/release-tarball

test-packages: setup-servers setup-packages release ## README on a fresh Debian root: build, install, migrate by the unit, purge
	.venv/bin/python -m pytest -q -p no:cacheprovider tests/packages $(ARGS)

format: setup-lint ## clang-format over all files
	git ls-files '*.c' '*.h' | xargs clang-format -i

lint: setup-lint release ## clang-format and clang-tidy
	git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
	git ls-files "*.c" | grep -v "^tests/" | xargs -P2 -n8 clang-tidy -p build/release --quiet

clean: ## remove all that was built; .venv and .tools stay
	rm -rf build
