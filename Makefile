# make demo                 draw a sample data set and audit it
# make check DATA=path      audit your own
# make test                 all tests, C++ ones included
# make test-slow            the large and slow ones
# make test-torch           those that need PyTorch, which it installs: several GB
# make test-engines         those that need Ray, Spark or Daft, which it installs: a GB; Java too
# make test-cortex-m        the frame gate on a Cortex-M4 and M7 in the emulator, with its costs
# make test-arm             the kernels and check on emulated ARM; all that there is: test-arm-all
# make wheels               wheels for x86-64, 64- and 32-bit ARM and musl, and the sdist, in dist/
# make lint                 style and types
# make sanitize             C++ tests under the address and thread sanitizers
# make bench                the benchmarks, with their peers
# make clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# The requirements of an extra, without building the package again to learn them.
EXTRA = $(BIN)/python -c 'import sys, tomllib; \
  extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
  print("\n".join(d for name in sys.argv[1:] for d in extras[name]))'
DEMO := fastlabel-demo
SOURCES := pyproject.toml CMakeLists.txt $(shell find cmake csrc python src -type f -not -name '*.pyc')

.PHONY: demo check test test-cpp test-py test-slow test-torch test-engines \
  test-arm test-arm-all test-cortex-m wheels lint sanitize bench clean
.DELETE_ON_ERROR:

$(VENV)/python:
	@PYTHON=$(PYTHON) tools/system-packages.sh
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade pip
	@touch $@

# The package as a user gets it: built into a wheel, installed, not linked to the sources.
$(VENV)/installed: $(VENV)/python $(SOURCES)
	@echo "building fastlabel (the first time also fetches its dependencies)"
	@$(PIP) install .
	@touch $@

$(VENV)/tools: $(VENV)/installed pyproject.toml
	@PYTHON=$(PYTHON) tools/system-packages.sh browser cortex-m
	@echo "fetching the test tools"
	@$(EXTRA) test dev >$(VENV)/requirements.txt
	@$(PIP) install -r $(VENV)/requirements.txt cmake ninja
# Without its dependencies: it asks for the OpenCV with windows, over the one that is there.
	@$(PIP) install --no-deps sahi
	@touch $@

demo: $(VENV)/installed
	@rm -rf $(DEMO)
	@$(BIN)/fastlabel sample $(DEMO)/data
	@$(BIN)/fastlabel check $(DEMO)/data --deploy edge-640 --truth $(DEMO)/data/truth.json \
	  --out $(DEMO)/report --fail-on never

check: $(VENV)/installed
	@test -n "$(DATA)" || { echo "which data set? make check DATA=path" >&2; exit 2; }
	@$(BIN)/fastlabel check "$(DATA)" $(ARGS)

test: test-cpp test-py

test-cpp: $(VENV)/tools
	@$(BIN)/cmake -S . -B build/cpp -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
	  -DFASTLABEL_TESTS=ON >build-cpp.log 2>&1 || { cat build-cpp.log; rm -f build-cpp.log; exit 1; }
	@rm -f build-cpp.log
	@$(BIN)/cmake --build build/cpp
	@$(BIN)/ctest --test-dir build/cpp --output-on-failure

test-py: $(VENV)/tools
	@$(BIN)/python -m pytest -n logical --dist loadfile -m "not slow"

test-slow: $(VENV)/tools
	@$(BIN)/python -m pytest -m slow

# PyTorch is large and no dependency: it comes into the environment for these tests alone.
$(VENV)/torch: $(VENV)/tools
	@echo "fetching PyTorch"
	@$(PIP) install torch
	@touch $@

test-torch: $(VENV)/torch
	@$(BIN)/python -m pytest -m torch

# The engines are large and extras: they come into the environment for these tests alone.
$(VENV)/engines: $(VENV)/tools
	@echo "fetching Ray, Spark and Daft"
	@$(EXTRA) ray spark daft >$(VENV)/requirements-engines.txt
	@$(PIP) install -r $(VENV)/requirements-engines.txt
	@touch $@

test-engines: $(VENV)/engines
	@$(BIN)/python -m pytest -m engines

test-cortex-m: $(VENV)/tools
	@$(BIN)/python -m pytest -rs -v tests/gate/test_cortex_m.py

# What builds and checks wheels for other machines: a compiler is half of it.
$(VENV)/wheel-tools: $(VENV)/tools tools/wheels/requirements.txt
	@echo "fetching the tools for wheels"
	@$(PIP) install -r tools/wheels/requirements.txt
	@touch $@

$(VENV)/arm: $(VENV)/wheel-tools
	@PYTHON=$(PYTHON) tools/system-packages.sh arm
	@touch $@

test-arm: $(VENV)/arm
	@PYTHON=$(CURDIR)/$(BIN)/python tools/wheels/test-arm.sh

test-arm-all: $(VENV)/arm
	@PYTHON=$(CURDIR)/$(BIN)/python tools/wheels/test-arm.sh all

wheels: $(VENV)/wheel-tools
	@PYTHON=$(PYTHON) tools/system-packages.sh wheels
	@PYTHON=$(CURDIR)/$(BIN)/python tools/wheels/build.sh \
	  x86_64 aarch64 armv7l musl-x86_64 musl-aarch64 sdist

lint: $(VENV)/tools
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

sanitize: $(VENV)/tools
	@for s in address,undefined thread; do \
	  $(BIN)/cmake -S . -B build/$$s -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
	    -DFASTLABEL_TESTS=ON -DFASTLABEL_SANITIZE=$$s >/dev/null && \
	  $(BIN)/cmake --build build/$$s && $(BIN)/ctest --test-dir build/$$s --output-on-failure \
	  || exit 1; \
	done

bench: $(VENV)/tools
	@$(EXTRA) bench >$(VENV)/requirements-bench.txt
	@$(PIP) install -r $(VENV)/requirements-bench.txt
	@$(BIN)/cmake -S . -B build/bench -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
	  -DFASTLABEL_BENCHMARKS=ON >/dev/null
	@$(BIN)/cmake --build build/bench
	@$(BIN)/fastlabel bench --json build/bench/kernels.json
	@$(BIN)/python benchmarks/table.py build/bench/kernels.json
	@$(BIN)/python -m pytest benchmarks --benchmark-columns=min,median,iqr,rounds
	@$(BIN)/python benchmarks/run.py --floor build/bench/scan_floor

clean:
	rm -rf build dist $(VENV) $(DEMO) fastlabel-report
