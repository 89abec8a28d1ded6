# leafscan's chores; `make help` lists them. Each target first sets up what it needs (scripts/set_up.sh).

.DEFAULT_GOAL := help

ifeq ($(wildcard scripts/set_up.sh),)
# Called from another folder, as `make -f FOLDER/Makefile`.
.PHONY: help
$(MAKEFILE_LIST): ;
help:
	@$(MAKE) --no-print-directory -C "$(dir $(lastword $(MAKEFILE_LIST)))"
%:
	@$(MAKE) --no-print-directory -C "$(dir $(lastword $(MAKEFILE_LIST)))" $@
else

.PHONY: help set-up demo test test-native test-python lint bench bench-10m bench-kernels sanitize sanitize-threads soak \
	soak-files-sanitized clean distclean
.NOTPARALLEL:

VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/leafscan-installed
ENGINE := $(shell find CMakeLists.txt native -type f)
CMAKE_FLAGS := -G Ninja -DLEAFSCAN_BUILD_PYTHON=OFF -DLEAFSCAN_BUILD_TESTS=ON

# What Keras runs on here; a library call never sets it.
export KERAS_BACKEND ?= jax

say = @printf '==> %s\n'

help: ## Say what there is to make
	@echo 'make TARGET [ARGS="..."], on Linux and macOS, with Python 3.11 or newer (PYTHON=... names one).'
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-21s %s\n", $$1, $$2}' Makefile

set-up: $(INSTALLED) ## System packages, the environment .venv, the engine; all targets begin with it
	$(say) 'All is set up: .venv holds leafscan and what it needs'

$(INSTALLED): scripts/set_up.sh pyproject.toml $(ENGINE)
	@scripts/set_up.sh
	@touch $@

demo: $(INSTALLED) ## Train on MovieLens, index, retrieve, compare; writes demo/ (ARGS="--help" says more)
	$(say) 'Training and retrieving; tables follow, a plot and a report go to demo/'
	@$(VENV)/bin/leafscan demo $(ARGS)

test: test-native test-python ## All tests: C++, Python, examples in docstrings, coverage

test-native: $(INSTALLED) ## The engine's own tests
	$(say) 'Building and running the C++ tests'
	@cmake -S . -B build/tests $(CMAKE_FLAGS) --log-level=WARNING
	@cmake --build build/tests
	@ctest --test-dir build/tests --output-on-failure

test-python: $(INSTALLED) ## Python's tests and the examples; PyTorch's run where torch is in .venv
	$(say) 'Running the Python tests and the examples in docstrings'
	@$(PY) -m pytest --cov

lint: $(INSTALLED) ## Ruff and mypy, strict
	$(say) 'Checking style and types'
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy

bench: $(INSTALLED) ## Measure leafscan beside its peers (QUICK=1: minutes; ARGS="--help" says more)
	$(say) 'Measuring; tables follow, plots and raw figures go to benchmarks/out/'
	@$(PY) -m benchmarks $(ARGS)

bench-10m: $(INSTALLED) ## Ten million vectors on two cores, and what was promised of them (ARGS="--rows 200000" is quick)
	$(say) 'Making, building and asking; some 8 GiB of memory, ten minutes'
	@$(PY) -m benchmarks.ten_million $(ARGS)

bench-kernels: $(INSTALLED) ## Each kernel beside what bounds it on this machine (ARGS="--sets=all --benchmark_filter=scan")
	$(say) 'Building the kernels and their limits; a minute of measuring follows'
	@cmake -S . -B build/kernels $(CMAKE_FLAGS) --log-level=WARNING \
		-DLEAFSCAN_BUILD_TESTS=OFF -DLEAFSCAN_BUILD_BENCHMARKS=ON
	@cmake --build build/kernels
	@build/kernels/native/benchmarks/leafscan_kernels $(ARGS)

sanitize: $(INSTALLED) ## The engine's own tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(say) 'Building and running the C++ tests with sanitizers'
	@cmake -S . -B build/sanitize $(CMAKE_FLAGS) --log-level=WARNING \
		-DCMAKE_BUILD_TYPE=RelWithDebInfo -DLEAFSCAN_SANITIZE=address,undefined
	@cmake --build build/sanitize
	@UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ctest --test-dir build/sanitize --output-on-failure

# The pool's tests fork beside threads, which the sanitizer would not have; nothing else is let pass.
sanitize-threads: $(INSTALLED) ## The same under ThreadSanitizer (ARGS="-R Concurrent" runs some)
	$(say) 'Building and running the C++ tests with ThreadSanitizer'
	@cmake -S . -B build/sanitize-threads $(CMAKE_FLAGS) --log-level=WARNING \
		-DCMAKE_BUILD_TYPE=RelWithDebInfo -DLEAFSCAN_SANITIZE=thread
	@cmake --build build/sanitize-threads
	@TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:die_after_fork=0 ctest --test-dir build/sanitize-threads --output-on-failure $(ARGS)

soak: $(INSTALLED) ## Try to break it: all subjects, or one of them (ARGS="files --count 1000 --seed 2"; ARGS="--help")
	$(say) 'Soaking; raw results go to soak/out/'
	@$(PY) -m soak $(ARGS)

soak-files-sanitized: $(INSTALLED) ## The subject "files" under the sanitizers; GCC on Linux (ARGS="--count 1000")
	$(say) 'Building the engine with sanitizers, and trying files with it'
	@cmake -S . -B build/soak-sanitized -G Ninja --log-level=WARNING -DCMAKE_CXX_COMPILER=$(CXX) \
		-DPython_EXECUTABLE=$(abspath $(PY)) -DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DLEAFSCAN_SANITIZE=address,undefined
	@cmake --build build/soak-sanitized
	@LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libubsan.so)" \
		ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		$(PY) -m soak files --engine "$$(echo build/soak-sanitized/native/_engine*.so)" \
		--output soak/out/files-sanitized.json $(ARGS)

clean: ## Remove what was built, written by the demo, or cached
	rm -rf build dist demo .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find benchmarks scripts soak src tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## The same, the environment and the benchmarks' data too
	rm -rf $(VENV) benchmarks/out soak/out

endif
