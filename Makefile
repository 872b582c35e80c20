# Two commands do all the set-up on a fresh machine (Python 3.11 or newer, git, make): `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LAB := $(VENV)/.lab
SITE := $(VENV)/.site
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --use-pep517 --require-hashes
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links --no-header --allow-unsafe
PYTEST := $(BIN)/pytest -n 2 --dist loadgroup --durations=25
# Compiled modules are kept, whatever the shell says: each of the many processes of a test run would compile Prefect anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help days thorough notebooks demo test check lint types rooms fast slow scorecard servers bench bench-money bench-trees bench-reports bench-explain bench-nights bench-engines bench-mappings docs screenshots lock clean site release test-room

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(READY): requirements/lock.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the packages of the lock file (a minute or two, once) …"
	@# As constraints too: without, pip looks at newer releases of what is asked for with an extra, and has no hash for them.
	@# Not compiled ahead: most of it is never imported, and what is, is compiled then.
	@$(INSTALL) -r requirements/lock.txt -c requirements/lock.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)  ## a demonstration platform with faults, audited, with its reports
	@rm -rf demo && mkdir demo
	@$(BIN)/mlm-audit demo create --db sqlite:///demo/demo.db --members 2000 --faults standard --truth demo/truth.json
	@$(BIN)/python -m flows.demo

test: $(READY) servers  ## every test, with linters, types and rooms
	@$(MAKE) --no-print-directory check

check: lint types rooms fast slow  ## what CI runs, the quick parts first

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

rooms: $(READY)
	$(BIN)/lint-imports

# Every folder that holds tests, in itself or below. Folders have the names of the rooms that they test.
TESTED = $(filter-out tests,$(shell find tests -name 'test_*.py' | tr / '\n' | grep -v '\.py$$' | sort -u))

test-room: $(READY)  ## the tests of one room of the package, as in make test-room ROOM=payouts
	$(if $(filter $(ROOM),$(TESTED)),,$(error There are no tests of a room called "$(ROOM)". Set ROOM to one of: $(TESTED)))
	$(PYTEST) $$(find tests -type d -name '$(ROOM)')

days: $(READY) servers  ## a fifth of the fast tests as on two other days, in other zones
	$(BIN)/python -m tests.support.days

release: $(READY)  ## the wheel and the sdist in dist/, tried in an empty environment without the checkout
	$(BIN)/python -m tests.support.release

servers: $(READY)
	@sh tests/support/install_servers.sh $(BIN)/python

thorough: $(READY) servers  ## what CI has no room for: pages of every size and hostility, every notebook in a kernel, a thousand histories of nights; then the whole suite on ten days and on a busy machine
	MLM_AUDIT_SAMPLE=whole $(BIN)/pytest -n 2 --dist loadgroup --timeout 0
	$(BIN)/python -m tests.support.days --all

scorecard: $(READY)  ## every kind of fault alone: found, named rightly, nothing unrelated
	$(BIN)/mlm-audit demo scorecard --seeds 2 --places 4 --markdown docs/scorecard.md

coverage: $(READY)  ## every column of every table changed in every way: found, or declared as what no check can tell
	$(BIN)/mlm-audit demo coverage --seeds 2 --markdown docs/coverage-scorecard.md

$(LAB): $(READY) requirements/lab.txt
	@echo "Installing JupyterLab (a minute, once) …"
	@$(INSTALL) -r requirements/lab.txt -c requirements/lab.txt
	@touch $@

notebooks: $(LAB)  ## the notebooks in JupyterLab, on the demonstration platform unless DATABASE_URL says otherwise
	@test -n "$$DATABASE_URL" || test -f demo/demo.db || $(MAKE) --no-print-directory demo
	@mkdir -p demo/notebooks && cp -n notebooks/*.py demo/notebooks/ && $(BIN)/jupytext --quiet --to ipynb demo/notebooks/*.py
	DATABASE_URL="$${DATABASE_URL:-sqlite:///$(CURDIR)/demo/demo.db}" $(BIN)/jupyter lab demo/notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

docs: $(READY)  ## the generated reference in docs/
	$(BIN)/python -m tests.support.reference

$(SITE): $(READY) requirements/site.txt
	@echo "Installing MkDocs Material (half a minute, once) …"
	@$(INSTALL) -r requirements/site.txt -c requirements/site.txt
	@touch $@

site: $(SITE)  ## the documentation as a site in site/, which needs no network; `python -m http.server -d site` serves it with its search
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "$(CURDIR)/site/index.html"

screenshots: $(READY)  ## pictures of the sample reports, for the README and the docs
	$(BIN)/python -m docs.screenshots

fast: $(READY)  ## the tests that take less than a second each, in 90 seconds: no kills, no many processes, no MariaDB
	$(PYTEST) -m "not slow"

# Three at once, since one of them mostly waits for the servers and services that it started.
slow: $(READY)  ## the other tests: kills, many processes, real servers, browsers
	$(PYTEST) -n 3 -m slow

bench-trees: $(READY)  ## the tree checks next to the floor and to graph libraries
	$(BIN)/python -m benchmarks.trees

bench-money: $(READY)  ## payouts and the sweep next to the driver's floor and to one transaction each
	$(BIN)/python -m benchmarks.money

bench-reports: $(READY)  ## the files of a run with 50,000 breaks next to the query that finds them
	$(BIN)/python -m benchmarks.reports

bench-explain: $(READY)  ## explanations on a million members next to the reads behind them (a SQLite file of 7 GB)
	$(BIN)/python -m benchmarks.explain

bench-nights: $(READY)  ## nights on histories of 1, 10 and 100 million ledger rows (hours, and 50 GB)
	$(BIN)/python -m benchmarks.nights

bench-mappings: $(READY) servers  ## what reading through a mapping costs, on three databases
	$(BIN)/python -m benchmarks.mappings

bench-engines: $(READY)  ## all checks by DuckDB and by Spark on this machine
	$(BIN)/python -m benchmarks.engines

bench: $(READY)  ## the bulk checks next to the floor and to what a user would use instead
	$(BIN)/python -m benchmarks.reconciliation

# The image has a file of its own: a service needs neither Spark nor the tools of the tests, but hatchling, which builds the wheel.
# JupyterLab has one: no test needs it, and a checker that it brings costs each process of Prefect a second.
lock: $(READY)  ## new lock files from pyproject.toml
	$(BIN)/python -m pip install --quiet pip-tools
	$(COMPILE) $(foreach extra,prefect console notebooks spark benchmarks dev,--extra $(extra)) -c requirements/constraints.txt -o requirements/lock.txt pyproject.toml
	$(COMPILE) $(foreach extra,prefect console notebooks,--extra $(extra)) --build-deps-for wheel -c requirements/lock.txt -o requirements/image.txt pyproject.toml
	$(COMPILE) --extra notebooks --extra lab -c requirements/lock.txt -o requirements/lab.txt pyproject.toml
	$(COMPILE) -c requirements/lock.txt -o requirements/site.txt requirements/site.in

clean:
	rm -rf $(VENV) demo runs site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
