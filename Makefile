# Every target has one line in `make help`.
SHELL := /bin/bash
PRESET ?= release
BUILD := build/$(PRESET)
PREFIX ?= /usr/local
DEMO_DIR ?= out/demo
PROGRAMS := genesis genesis-aggregator genesis-worker genesis-federated
# Folders whose code reads bytes that came from elsewhere.
SANITIZED := crypto secure spec tabular wire aggregation rounds http k8s
# Folders whose code several threads run.
THREADED := aggregation metrics http k8s aggregator
empty :=
space := $(empty) $(empty)
# A compiler cache serves every work tree: it sees paths within one as relative.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
LAUNCHER := $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
# Tests of ctest whose names begin with one of these folders.
tests_of = '^($(subst $(space),|,$(strip $(1)))): '

.DEFAULT_GOAL := help
.PHONY: help deps wheel test-python build build-sanitized test test-full soak test-unit test-sanitized test-threads test-properties test-strategies \
  test-seeds test-tables test-private test-sabotage test-pages test-e2e fuzz demo demo-private images cluster-up cluster-demo cluster-down install dist bench manifests cli-reference lint format clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

deps: ## Install what building needs (Debian packages, with sudo where needed)
	@scripts/deps

$(BUILD)/build.ninja:
	@cmake --preset $(PRESET) $(LAUNCHER) >/dev/null

build: deps $(BUILD)/build.ninja ## Build everything (PRESET=release|debug|asan|tsan)
	@cmake --build $(BUILD)

build-sanitized: deps ## Build what test-sanitized and fuzz run (clang)
	@cmake --preset asan $(LAUNCHER) >/dev/null
	@cmake --build build/asan --target genesis-aggregator fuzz $(addprefix test_,$(SANITIZED))

test: deps ## Run all tests, lint, and fuzz for a minute (scripts/test says how each part went)
	@[ "$$(id -u)" != 0 ] || scripts/deps-cluster
	@scripts/test --build $(BUILD)

test-full: deps ## Run all tests and those that take hours: more cases, strategies and seeds, other sanitizers
	@[ "$$(id -u)" != 0 ] || scripts/deps-cluster
	@scripts/test --build $(BUILD) --full

soak: SOAK_MINUTES ?= 30
soak: build ## Kill random trainings and besiege others, side by side (SOAK_MINUTES=30, SOAK_SEED=1)
	@tests/chaos/soak.py $(BUILD)/bin $(BUILD)/tests/chaos/libkillpoint.so --minutes $(SOAK_MINUTES) $(if $(SOAK_SEED),--seed $(SOAK_SEED)) & kills=$$!; \
	  tests/soak/siege.py $(BUILD)/bin --judge-times --minutes $(SOAK_MINUTES) $(if $(SOAK_SEED),--seed $(SOAK_SEED)); siege=$$?; \
	  wait $$kills && exit $$siege

test-unit: build ## Run the unit tests alone
	@ctest --test-dir $(BUILD) --output-on-failure -j 2 -L unit

test-sanitized: build build-sanitized ## Run the tests of parsers and server under address and undefined-behaviour sanitizers
	@ctest --test-dir build/asan --output-on-failure -j 2 -R $(call tests_of,$(SANITIZED))
	@tests/bench/server_load.py $(BUILD)/bin --clients 50 --aggregator build/asan/bin/genesis-aggregator

test-threads: build ## Run the tests of server and clients under the thread sanitizer
	@cmake --preset tsan $(LAUNCHER) >/dev/null
	@cmake --build build/tsan --target genesis-aggregator $(addprefix test_,$(THREADED))
	@ctest --test-dir build/tsan --output-on-failure -j 2 -R $(call tests_of,$(THREADED))
	@tests/bench/server_load.py $(BUILD)/bin --clients 50 --aggregator build/tsan/bin/genesis-aggregator

test-properties: CASES ?= 2000
test-properties: build ## Run the property tests with more cases and five seeds (CASES=2000)
	@scripts/properties $(BUILD)/bin $(CASES)

test-strategies: build ## Kill aggregator and worker at all named points with each strategy of aggregation and method
	@for strategy in fedavg fedprox median; do \
	  STRATEGY=$$strategy python3 tests/chaos/chaos_test.py $(BUILD)/bin $(BUILD)/tests/chaos/libkillpoint.so || exit; done
	@METHOD=autoregressive python3 tests/chaos/chaos_test.py $(BUILD)/bin $(BUILD)/tests/chaos/libkillpoint.so

test-seeds: build ## Train the demo with five seeds and ask as much of the rows of each
	@scripts/seeds $(BUILD)/bin/genesis

test-tables: build ## Train on tables that Python packages ship, beside the ctgan package, and on wide and long ones
	@scripts/judges
	@scripts/peers
	@scripts/real-tables $(BUILD)/bin --peer build/peers/bin/python

test-private: build ## Train Adult privately with five seeds; the rows of each have to be as good as is claimed
	@scripts/judges
	@scripts/private-figures $(BUILD)/bin

test-pages: build ## Run each block of commands in README.md and docs (as root)
	@tests/e2e/pages_test.py $(BUILD)/bin .

test-sabotage: ## Break the noise of private trainings in a copy of the sources, and see that the tests notice
	@tests/sabotage/sabotage_test.py

fuzz: SECONDS ?= 60
fuzz: build-sanitized ## Fuzz all parsers of bytes from elsewhere (SECONDS=60 in all)
	@scripts/fuzz build/asan $(SECONDS)

demo: deps $(BUILD)/build.ninja ## Train four sites on UCI Adult and show what came out
	@cmake --build $(BUILD) --target $(PROGRAMS)
	@$(BUILD)/bin/genesis run -f manifests/samples/adult.yaml --output-dir $(DEMO_DIR) --holdout data/adult/holdout.csv.gz

demo-private: deps $(BUILD)/build.ninja ## Train the same sites under differential privacy: plan, quality, ledger, audit
	@cmake --build $(BUILD) --target $(PROGRAMS)
	@scripts/demo-private $(BUILD)/bin/genesis $(DEMO_DIR)-private

images: ## Build the container images (as root; needs no image registry)
	@scripts/images

cluster-up: images ## Start a Kubernetes node here with the images and the operator
	@scripts/deps-cluster
	@tests/cluster/cluster-up
	@KUBECONFIG= tests/cluster/install-operator
	@printf '%s\n' 'next: make cluster-demo                        train the sample, fetch its rows' \
	  '      tests/cluster/net-exec kubectl get ft    kubectl in the network of the node' \
	  '      make cluster-down                        end it all'

cluster-demo: ## Train the sample in the cluster (that of KUBECONFIG, else make cluster-up) and fetch the rows
	@scripts/cluster-demo $(DEMO_DIR)

cluster-down: ## End the node of make cluster-up and remove what it left
	@tests/cluster/cluster-down

test-e2e: images ## Run the end-to-end tests on a Kubernetes node of their own (as root)
	@scripts/deps-cluster
	@tests/cluster/e2e/run

wheel: build ## Build Python wheels that carry their libraries, in build/wheel (as root, that for Python 3.12 up too)
	@scripts/wheel $(BUILD)

test-python: build ## Run the tests of the Python package
	@scripts/python $(BUILD)
	@ctest --test-dir $(BUILD) --output-on-failure -L python

dist: build ## Make Debian packages, chart and bills of materials in out/dist, with checksums
	@scripts/cli-reference $(BUILD)/bin $(BUILD)/cli
	@scripts/dist $(abspath $(BUILD)) $(abspath out/dist)

install: build ## Install programs, completions and man pages under PREFIX (/usr/local)
	@scripts/cli-reference $(BUILD)/bin $(BUILD)/cli
	@cmake --install $(BUILD) --prefix $(PREFIX)

bench: build ## Measure steps, sampling and aggregation against this machine's limits
	@scripts/bench $(BUILD)

manifests: ## Make manifests/, dashboards, references and the copies of the CRD anew (needs helm)
	@scripts/manifests

cli-reference: build ## Make completions, man pages and docs/reference/cli.md from the programs' help
	@scripts/cli-reference $(BUILD)/bin $(BUILD)/cli && cp $(BUILD)/cli/cli.md docs/reference/cli.md

lint: deps ## Check the code with clang-format 14 and clang-tidy 19 (files that differ from main; LINT=all: all)
	@cmake --preset asan $(LAUNCHER) >/dev/null
	@scripts/lint build/asan $(LINT)

format: ## Lay out the code with clang-format 14
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format-14 -i

clean: ## Remove build folders and outputs
	@rm -rf build out
