# Every target has one line in `make help`.
SHELL := /bin/bash
PRESET ?= release
BUILD := build/$(PRESET)
PREFIX ?= /usr/local
DEMO_DIR ?= out/demo
PROGRAMS := genesis genesis-aggregator genesis-worker genesis-federated
# Folders whose code reads bytes that came from elsewhere.
SANITIZED := crypto spec tabular wire aggregation rounds http k8s
# Folders whose code several threads run.
THREADED := aggregation metrics http k8s aggregator
empty :=
space := $(empty) $(empty)

.DEFAULT_GOAL := help
.PHONY: help deps build test test-unit test-sanitized test-threads test-e2e fuzz demo images cluster-up cluster-demo cluster-down install \
  bench manifests lint format clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

deps: ## Install what building needs (Debian packages, with sudo where needed)
	@scripts/deps

$(BUILD)/build.ninja:
	@cmake --preset $(PRESET) $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache) >/dev/null

build: deps $(BUILD)/build.ninja ## Build everything (PRESET=release|debug|asan|tsan)
	@cmake --build $(BUILD)

test: build test-sanitized fuzz ## Run all tests, and fuzz for a minute
	@scripts/judges
	@tests/cluster/prepare
	@ctest --test-dir $(BUILD) --output-on-failure -j 2

test-unit: build ## Run the unit tests alone
	@ctest --test-dir $(BUILD) --output-on-failure -j 2 -L unit

test-sanitized: build ## Run the tests of parsers and server under address and undefined-behaviour sanitizers
	@cmake --preset asan $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache) >/dev/null
	@cmake --build build/asan --target genesis-aggregator $(addprefix test_,$(SANITIZED))
	@ctest --test-dir build/asan --output-on-failure -j 2 --progress \
	  -R '^($(subst $(space),|,$(strip $(SANITIZED)))): '
	@tests/bench/server_load.py $(BUILD)/bin --clients 50 --aggregator build/asan/bin/genesis-aggregator

test-threads: build ## Run the tests of server and clients under the thread sanitizer
	@cmake --preset tsan $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache) >/dev/null
	@cmake --build build/tsan --target genesis-aggregator $(addprefix test_,$(THREADED))
	@ctest --test-dir build/tsan --output-on-failure -j 2 --progress -R '^($(subst $(space),|,$(strip $(THREADED)))): '
	@tests/bench/server_load.py $(BUILD)/bin --clients 50 --aggregator build/tsan/bin/genesis-aggregator

fuzz: SECONDS ?= 60
fuzz: deps ## Fuzz all parsers of bytes from elsewhere (SECONDS=60 in all)
	@cmake --preset fuzz $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache) >/dev/null
	@cmake --build build/fuzz --target fuzz
	@scripts/fuzz build/fuzz $(SECONDS)

demo: deps $(BUILD)/build.ninja ## Train four sites on UCI Adult and show what came out
	@cmake --build $(BUILD) --target $(PROGRAMS)
	@$(BUILD)/bin/genesis run -f manifests/samples/adult.yaml --output-dir $(DEMO_DIR) --holdout data/adult/holdout.csv.gz

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

install: build ## Install programs under PREFIX (/usr/local)
	@cmake --install $(BUILD) --prefix $(PREFIX)

bench: build ## Measure steps, sampling and aggregation against this machine's limits
	@scripts/bench $(BUILD)

manifests: ## Make the chart's templates and the copies of the CRD anew
	@scripts/manifests

lint: ## Check the layout of the code with clang-format 14
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format-14 --dry-run --Werror

format: ## Lay out the code with clang-format 14
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format-14 -i

clean: ## Remove build folders and outputs
	@rm -rf build out
