# make run, make test; the rest is for those who change the program.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PY := .venv/bin/python
FLASK := $(PY) -m flask --app wizard
WORKERS ?= 2

COUNT ?= 400

.PHONY: run demo test test-slow screenshots lighthouse card bench bench-cost bench-crowd lint \
        translations audit lock clean

run: .venv/run.done
	@umask 077; $(FLASK) db upgrade && exec $(FLASK) serve

# A store of its own with made-up submissions, made anew each time: make demo COUNT=100000
demo: export WIZARD_INSTANCE_PATH := instance/demo
demo: export WIZARD_DATABASE_URL :=
demo: .venv/run.done
	@rm -rf instance/demo; umask 077; $(FLASK) db upgrade && $(FLASK) demo --count $(COUNT) \
	  && exec $(FLASK) serve

test: lint tests/browser/node_modules/done
	$(PY) -m pytest -n $(WORKERS) -m "not slow"

# What takes minutes: the server is killed again and again, a spreadsheet opens the exports.
test-slow: .venv/test.done
	$(PY) -m pytest -n $(WORKERS) -m slow

# Every page and state as a picture, to look at: build/screenshots/
screenshots: tests/browser/node_modules/done
	$(PY) -m tests.browser.screenshots

# The scores of the pages that many see first; a quiet machine gives steadier ones.
lighthouse: tests/browser/node_modules/done
	$(PY) -m tests.browser.lighthouse

# static/card.png, anew
card: .venv/test.done
	$(PY) -m tests.browser.card

# What the staff side and the exports cost with many submissions.
bench: .venv/test.done
	$(PY) -m tests.load.bench

lint: .venv/test.done
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports --no-cache
	$(PY) -m djlint --lint --quiet templates

# What a request costs beside bare Flask and django-formtools; how 500 people at once fare.
bench-cost: .venv-bench/done
	$(PY) -m tests.load.cost

bench-crowd: .venv/test.done
	$(PY) -m tests.load.crowd

.venv-bench/done: requirements/run.txt requirements/bench.txt | .venv/test.done
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --require-hashes $(^:%=-r %)
	@touch $@

# Lists anew every text that a visitor sees. What is new or changed is then to be translated in
# wizard/translations/es/LC_MESSAGES/messages.po; run it again, so that the program has it.
translations: .venv/test.done
	PYTHONPATH=. .venv/bin/pybabel --quiet extract -F babel.cfg --no-location --no-wrap -o $(POT) .
	.venv/bin/pybabel --quiet update -i $(POT) -d wizard/translations --no-wrap --no-fuzzy-matching \
	  --ignore-obsolete --ignore-pot-creation-date
	.venv/bin/pybabel --quiet compile -d wizard/translations

POT := .venv/messages.pot

# Whether a fault is known of any package that is served; it asks a list on the network.
audit: .venv-audit/done
	.venv-audit/bin/pip-audit --progress-spinner off --disable-pip --require-hashes -r requirements/run.txt

.venv-audit/done: requirements/audit.txt
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# Every version that pyproject.toml allows, resolved anew and locked with hashes.
lock: .venv/test.done
	$(PY) -m pip install --quiet uv
	$(PY) -m uv pip compile $(LOCK) -o requirements/run.txt pyproject.toml
	$(PY) -m uv pip compile $(LOCK) -o requirements/test.txt --extra test pyproject.toml
	$(PY) -m uv pip compile $(LOCK) -o requirements/audit.txt requirements/audit.in
	$(PY) -m uv pip compile $(LOCK) -o requirements/bench.txt -c requirements/run.txt requirements/bench.in

LOCK := --quiet --upgrade --universal --generate-hashes --no-header --no-emit-index-url

clean:
	rm -rf .venv .venv-audit .venv-bench tests/browser/node_modules

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run.done: requirements/run.txt | .venv/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/test.done: requirements/test.txt | .venv/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ .venv/run.done

tests/browser/node_modules/done: tests/browser/package-lock.json | .venv/test.done
	.venv/bin/npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund
	@touch $@
