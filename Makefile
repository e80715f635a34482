# Two commands: `make run` serves the starter content, `make test` runs the tests. Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup run test test-all coverage check pictures bench figures clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Inlay needs Python 3.11 or later; say which: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "this Python has no venv; on Debian: apt-get install python3-venv"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready requirements-test.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	@touch $@

run: setup
	$(BIN)/inlay serve --demo

pictures: $(VENV)/.ready-browser
	tests/browser/install.sh
	$(BIN)/python -m tests.browser.pictures

check: setup
	$(BIN)/inlay check

# Tests start hundreds of processes: each finds the code compiled.
test test-all coverage: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/.ready-test
	$(BIN)/ruff check app tests bench
	$(BIN)/python -m pytest -q -n 2 --dist loadfile tests

$(VENV)/.ready-browser: $(VENV)/.ready-test requirements-browser.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-browser.lock
	@touch $@

test-all: $(VENV)/.ready-browser
	tests/browser/install.sh
	$(BIN)/python -m pytest -q -rs -n 2 --dist loadfile -m long tests --ignore tests/browser
	$(BIN)/python -m pytest -q -rs -n 2 --dist loadfile -m long tests/browser

coverage: $(VENV)/.ready-test
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -q -n 2 tests --ignore tests/browser
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

bench: $(VENV)/.ready-test
	$(BIN)/python -m bench

figures: $(VENV)/.ready-test
	$(BIN)/python -m bench figures $(ONLY)

clean:
	rm -rf $(VENV) build *.egg-info
