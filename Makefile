# The ways to use this tree, one step a line. CONTRIBUTING.md says where things go.
#
#   make lab         install what is missing, build, bootstrap once on loopback, compare both ends' key
#   make check       the quick checks, while you work
#   make test        everything CI checks, quickest first
#   make bench       measure; ends with target/bench/summary.json and summary.svg
#   make fuzz        a million runs of every fuzz target (nightly); make fuzz RUNS=1000 for fewer
#   make clean-lab   forget the lab's subscribers and associations

.PHONY: lab check test bench fuzz clean-lab python-tests
.DEFAULT_GOAL := lab

# rustup puts cargo there; a shell from before the installation does not know it yet.
export PATH := $(PATH):$(HOME)/.cargo/bin
need-cargo = $(eval problem := $(shell PATH='$(PATH)' scripts/need-cargo))$(if $(problem),$(error $(problem)))

clippy = cargo clippy --locked --all-targets
target = $(or $(CARGO_TARGET_DIR),target)
python = $(target)/python

lab:
	$(need-cargo)
	scripts/install build
	cargo build --locked -p ksnaf
	cargo run --locked --quiet -p ksnaf -- lab --once --set data_dir=$(target)/lab

check:
	$(need-cargo)
	scripts/install build check
	scripts/check-tree
	cargo fmt --all --check
	$(clippy) --workspace -- -D warnings
	if cargo deny --version >/dev/null 2>&1; then cargo deny --locked check --hide-inclusion-graph bans licenses sources; fi

test:
	$(need-cargo)
	scripts/install build check test
	scripts/check-tree
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	$(MAKE) --no-print-directory python-tests
	$(clippy) --workspace -- -D warnings
	$(clippy) -p ksnaf --no-default-features -- -D warnings
	$(clippy) -p ksnaf --no-default-features --features pcsc -- -D warnings
	$(clippy) -p ksnaf --no-default-features --features sim -- -D warnings
	RUSTDOCFLAGS='-D warnings -A rustdoc::private-intra-doc-links' cargo doc --locked --workspace --no-deps --document-private-items
	scripts/fuzz replay
	cargo test --locked --workspace
	$(python)/bin/python scripts/check-claims docs/conformance.md docs/ser.md

bench:
	$(need-cargo)
	scripts/install build check
	rm -rf $(target)/bench
	cargo bench --locked --bench '*'
	scripts/bench-summary $(target)/bench

fuzz:
	$(need-cargo)
	scripts/install build test
	scripts/fuzz $(RUNS)

clean-lab:
	rm -rf $(target)/lab

python-tests: $(python)/installed
	$(python)/bin/python -m unittest discover --start-directory tests/python

$(python)/installed: tests/python/requirements.txt
	rm -rf $(python)
	python3 -m venv $(python)
	$(python)/bin/pip install --quiet --requirement tests/python/requirements.txt
	touch $@
