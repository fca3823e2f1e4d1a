# `make` serves the program; `make help` lists the targets.

# The newest supported Python that can make an environment. A name that is found may not run: Debian
# ships Python without venv, and pyenv has a name for versions that are not active.
USABLE := import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))
PYTHON ?= $(shell for each in python3.14 python3.13 python3.12 python3.11 python3 python; do \
  $$each -c '$(USABLE)' 2>/dev/null && echo $$each && break; done)
PY := .venv/bin/python
FLASK := $(PY) -m wizard
# One more than the cores that we count on: tests also wait.
WORKERS ?= 3
# Each worker begins at another place, so that few start the same servers and browsers.
PARALLEL := -n $(WORKERS) --dist worksteal

COUNT ?= 400

# Python starts faster if it keeps what it compiles.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run demo check unit test test-slow test-python coverage mutation lint screenshots pictures lighthouse card bench bench-cost bench-crowd \
        check-data translations audit lock clean help

run: .venv/run.done ## install, then serve on http://127.0.0.1:8000
	@umask 077; $(FLASK) db upgrade && exec $(FLASK) serve

demo: ## serve a separate database with made-up submissions (COUNT=400), fresh each time
demo: export WIZARD_INSTANCE_PATH := instance/demo
demo: export WIZARD_DATABASE_URL :=
demo: export WIZARD_SMTP_URL :=
demo: export WIZARD_PROGRAM_EMAIL := office@example.org
demo: .venv/run.done
	@$(PY) tools/unserved.py $$WIZARD_INSTANCE_PATH && rm -rf $$WIZARD_INSTANCE_PATH && umask 077 \
	  && $(FLASK) db upgrade && $(PY) -m tools.demo --count $(COUNT) && exec $(FLASK) serve

# Side by side: the types take one core for half of the time.
check: .venv/test.done ## run the linters, the types and the unit tests, in less than 40 seconds
	@$(MAKE) --no-print-directory --jobs=2 WORKERS=2 lint unit

unit: .venv/test.done ## run the unit tests
	$(PY) -m pytest $(PARALLEL) tests/unit

# In a new clone, the types take a while; nothing else runs beside them.
test: export MYPY_NUM_WORKERS := 2
test: lint tests/browser/node_modules/done ## install, then run every linter and all tests but the slow ones
	$(PY) -m pytest $(PARALLEL) -m "not slow" --durations=10

coverage: tests/browser/node_modules/done ## run the same tests and print the lines and branches that none runs
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest $(PARALLEL) -m "not slow" --hypothesis-profile thorough
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report --include "wizard/forms/*" --fail-under 100
	$(PY) -m coverage report --fail-under 95

# Only some modules: make mutation ONLY="wizard.forms.saving.* wizard.forms.text.*"
# Only those that differ from a branch or a commit: make mutation SINCE=main
ONLY ?= $(if $(SINCE),$(shell git diff --name-only --diff-filter=d $(SINCE) -- wizard/forms \
  | sed 's|/|.|g; s|py$$|*|'))
mutation: .venv-mutation/done ## change the core in many small ways; print the changes that no test notices
	@test -z "$(SINCE)" -o -n "$(ONLY)" || { echo "Nothing in the core differs from $(SINCE)."; exit 1; }
	.venv-mutation/bin/mutmut run $(ONLY)
	@.venv-mutation/bin/mutmut results | sed '/: not checked$$/d'

.venv-mutation/done: requirements/test.txt requirements/mutation.txt | .venv/test.done
	$(PYTHON) -m venv .venv-mutation
	@.venv-mutation/bin/python tools/install.py $^
	@touch $@

# .pre-commit-config.yaml runs the same commands.
lint: .venv/test.done ## run the linters
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports --no-cache
	$(PY) -m djlint --lint --quiet templates

test-slow: tests/browser/node_modules/done ## run the tests that take minutes: kills, full disks, Firefox, WebKit
	$(PY) -m pytest $(PARALLEL) -m "slow or hypothesis" --hypothesis-profile thorough

# Beside .venv: make test-python PYTHON=python3.12
test-python: .venv-$(notdir $(PYTHON))/done ## run unit and integration tests on SQLite, with another PYTHON
	.venv-$(notdir $(PYTHON))/bin/python -m pytest $(PARALLEL) -m "not slow" -k "not postgresql" \
	  tests/unit tests/integration

.venv-python%/done: requirements/test.txt
	$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python tools/install.py $<
	@touch $@

screenshots: tests/browser/node_modules/done ## write every page and state as a picture to build/screenshots/
	$(PY) -m tests.browser.screenshots

pictures: tests/browser/node_modules/done ## renew the pictures of the page of parts that test-slow compares with
	$(PY) -m tests.browser.pictures

# A quiet machine gives steadier scores.
lighthouse: tests/browser/node_modules/done ## print the Lighthouse scores of the first pages
	$(PY) -m tests.browser.lighthouse

card: .venv/run.done ## draw the icon, and the preview image of shared links
	$(PY) -m tools.card

bench: .venv/test.done ## measure lists, exports and public pages with many submissions
	$(PY) -m tests.load.page_times
	$(PY) -m tests.load.file_times
	$(PY) -m tests.load.many_cases

bench-cost: .venv-bench/done ## measure a request beside bare Flask and django-formtools
	$(PY) -m tests.load.request_cost

bench-crowd: COUNT = 500
bench-crowd: PROCESSES = 1
bench-crowd: .venv/test.done ## measure people who answer at once (COUNT=500 PROCESSES=1)
	$(PY) -m tests.load.concurrent_users --people $(COUNT) --processes $(PROCESSES)

.venv-bench/done: requirements/run.txt requirements/bench.txt | .venv/test.done
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --require-hashes $(^:%=-r %)
	@touch $@

check-data: .venv-data/done ## read the open data files of a made-up store with what others made
	rm -rf build/data && $(PY) -m tests.load.data_files build/data
	.venv-data/bin/python tests/load/check_data.py build/data

.venv-data/done: requirements/data.txt | .venv/test.done
	$(PYTHON) -m venv .venv-data
	@.venv-data/bin/python tools/install.py $<
	@touch $@

# Run it, translate what is new in wizard/translations/es/LC_MESSAGES/messages.po, and run it again
# to compile the translations.
translations: .venv/test.done ## extract, update and compile the translations
	PYTHONPATH=. .venv/bin/pybabel --quiet extract -F babel.cfg --no-location --no-wrap -o $(POT) .
	.venv/bin/pybabel --quiet update -i $(POT) -d wizard/translations --no-wrap --no-fuzzy-matching \
	  --ignore-obsolete --ignore-pot-creation-date
	.venv/bin/pybabel --quiet compile -d wizard/translations

POT := .venv/messages.pot

audit: .venv-audit/done ## look up known vulnerabilities of the served packages (needs a network)
	.venv-audit/bin/pip-audit --progress-spinner off --disable-pip --require-hashes -r requirements/run.txt

.venv-audit/done: requirements/audit.txt
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

lock: .venv/test.done ## resolve the newest versions and lock them with hashes
	$(PY) -m pip install --quiet uv
	$(PY) -m uv pip compile $(LOCK) -o requirements/run.txt pyproject.toml
	$(PY) -m uv pip compile $(LOCK) -o requirements/test.txt --extra test pyproject.toml
	mkdir -p .venv/lock && $(PY) -m uv pip compile $(filter-out --generate-hashes,$(LOCK)) \
	  --format pylock.toml -o .venv/lock/pylock.toml requirements/test.txt
	$(PY) tools/wheels.py < .venv/lock/pylock.toml > requirements/wheels.txt
	$(PY) -m uv pip compile $(LOCK) -o requirements/audit.txt requirements/audit.in
	$(PY) -m uv pip compile $(LOCK) -o requirements/bench.txt -c requirements/run.txt requirements/bench.in
	$(PY) -m uv pip compile $(LOCK) -o requirements/data.txt requirements/data.in

LOCK := --quiet --upgrade --universal --generate-hashes --no-header --no-emit-index-url

clean: ## delete every environment that make installed
	rm -rf .venv .venv-* mutants tests/browser/node_modules

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/python:
	@python="$(PYTHON)"; $${python:-false} -c '$(USABLE)' 2>/dev/null || { \
	  echo "Install Python 3.11, 3.12, 3.13 or 3.14 with its venv module (on Debian: apt install \
	python3-venv), and run make again." >&2; exit 1; }; \
	echo "Setting up .venv with $$($$python --version) ($$python)"; $$python -m venv .venv

.venv/run.done: requirements/run.txt | .venv/bin/python
	@$(PY) tools/install.py $<
	@touch $@

.venv/test.done: requirements/test.txt | .venv/bin/python
	@$(PY) tools/install.py $<
	@touch $@ .venv/run.done

tests/browser/node_modules/done: tests/browser/package-lock.json | .venv/test.done
	.venv/bin/npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund
	@touch $@
