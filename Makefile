# Switchhook. `make` alone says what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run demo test check fmt clippy doc docs sqlx sqlx-check deny advisories dist-sbom test-runtime-role test-postgres clocks screenshots fuzz-api torture bench big clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

run: ## Build, find or start Postgres, migrate, and serve on 127.0.0.1:8080
	@cargo run --release --quiet -- serve --setup

demo: ## Send the sample calls of all platforms to the running service, and show what becomes of them
	@cargo run --release --quiet -- demo

test: ## The whole test suite, over a throw-away Postgres of its own and a real Chromium
	cargo test
	cargo test --test suite -- --ignored --nocapture torture::

check: fmt clippy doc sqlx-check test deny ## Everything that CI runs

fmt: ## Fail on code that is not formatted
	cargo fmt --all --check

docs: ## Print docs/verification.md anew from the table of verification
	SWITCHHOOK_WRITE_DOCS=1 cargo test --quiet --test suite -- verification::the_document

clippy: ## Fail on every warning
	cargo clippy --all-targets --quiet -- --deny warnings
	cargo clippy --no-default-features --quiet -- --deny warnings

doc: ## Fail on documentation that is missing or broken
	RUSTDOCFLAGS="--deny warnings" cargo doc --no-deps --quiet --document-private-items

sqlx: ## Write .sqlx/ anew after a change to sql/ or migrations/
	.ci/sqlx write

sqlx-check: ## Fail if .sqlx/ is not what the statements give
	.ci/sqlx check

advisories: ## Check dependencies against the RustSec advisories; exit 3 and a word where their database cannot be had
	.ci/advisories

dist-sbom: ## Write the bill of materials (CycloneDX) and the third-party notices into target/dist/
	.ci/sbom

deny: ## Fail on licences, bans and sources that .cargo/deny.toml does not allow
	cargo deny check bans licenses sources

test-runtime-role: ## The test suite with the program connected as the runtime role of sql/ops/roles.sql
	SWITCHHOOK_TEST_ROLE=runtime cargo test --test suite

test-postgres: ## The database part of the suite on Postgres 14, 15, 16, 17 and 18 (an hour and more; ARGS=17 for one)
	.ci/test-postgres $(ARGS)

clocks: ## The suite at other hours and days, in nights of changing clocks (hours; ARGS=overview:: for less)
	.ci/clocks $(ARGS)

screenshots: ## Every page into target/screenshots/, light and dark, wide and narrow
	cargo test --test suite -- browser::pages::screenshots --ignored --nocapture

fuzz-api: ## Make up requests out of the API's document for a quarter of an hour, others every time (SEED=1 for the same)
	SWITCHHOOK_FUZZ_EXAMPLES=500 SWITCHHOOK_FUZZ_SECONDS=1800 SWITCHHOOK_FUZZ_SEED=$${SEED:-$$RANDOM} \
	  cargo test --test suite -- fuzz:: --nocapture

torture: ## Break everything around the program, ten minutes without Postgres among it (half an hour; ARGS="--rounds 9" for more)
	.ci/torture $(ARGS)

bench: ## Measure ingest, processing and latency against raw Postgres (some minutes; ARGS=--quick for less)
	cargo bench --bench throughput -- $(ARGS)

big: ## Measure every list and page over a million calls (20 GB of disk for half an hour; ARGS=--quick for less)
	cargo bench --bench throughput -- --only pages $(ARGS)

clean: ## Remove what was built; the data in .switchhook/ stay
	cargo clean
