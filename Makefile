# Everything a person does with Rapport from a checkout. `make help` explains each target.

PYTHON ?= python3
PORT ?= 8501
ADDRESS ?= 127.0.0.1
CUSTOMERS ?= 20000
RAPPORT_WAREHOUSE ?= warehouse
export RAPPORT_WAREHOUSE

IN_VENV = .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help run test check bench docs screenshots clean system

help:  ## Print this help
	@echo "Rapport. Usage: make TARGET"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target meaning; do \
		printf '  %-12s %s\n' "$$target" "$$meaning"; done

run: .venv/installed | $(RAPPORT_WAREHOUSE)/CURRENT.json  ## Serve Rapport, with a simulated company if there is no warehouse yet (PORT=8501 ADDRESS=127.0.0.1 CUSTOMERS=20000)
	@echo "Rapport is at http://$(ADDRESS):$(PORT) (stop with Ctrl-C)"
	@exec $(IN_VENV) -m streamlit run server.py --server.port $(PORT) --server.address $(ADDRESS) \
		--server.headless true --browser.gatherUsageStats false --logger.hideWelcomeMessage true

test: .venv/installed-dev system tests/oidc/node_modules/installed  ## Run every test; as root on Debian this installs the browser, database and Node.js they need (ARGS="-k roi")
	@$(IN_VENV) -m pytest -n 2 --dist loadfile $(ARGS)

check: .venv/installed-dev  ## Check format, lint and types, changing nothing
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy

bench: .venv/installed-dev  ## Measure builds, questions, purchase models, concentration, exports and channel plans; prints tables and writes JSON (ARGS=...)
	@$(IN_VENV) -m tests.bench $(ARGS)
	@$(IN_VENV) -m tests.bench_models
	@$(IN_VENV) -m tests.bench_concentration
	@$(IN_VENV) -m tests.bench_export
	@$(IN_VENV) -m tests.bench_plan
	@RAPPORT_LEDGER_STEPS=100000 $(IN_VENV) -m pytest -q tests/test_campaign_states.py
	@RAPPORT_PLAN_ROUNDS=10 $(IN_VENV) -m pytest -q tests/test_assignment.py
	@RAPPORT_PLAN_WORLDS=200 $(IN_VENV) -m pytest -q -s tests/test_plan_worlds.py

docs: .venv/installed  ## Renew the generated parts of README.md and docs/ from the code
	@$(IN_VENV) -m data.describe

screenshots: .venv/installed-dev system  ## Photograph every page, light and dark, wide and narrow; renews the pictures of the README
	@$(IN_VENV) -m tests.screenshots

clean:  ## Remove the environment, caches and reports; feeds/ and warehouse/ stay
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis test-report
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than the file it was made from, so a second start installs nothing.
.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Rapport needs Python 3.11 or newer, and '$(PYTHON)' is not. Name one: make run PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(IN_VENV) && $(IN_VENV) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv || \
		{ rm -rf .venv; echo "This Python cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Installing the packages of requirements.txt into .venv (once; about a minute)"
	@$(IN_VENV) -m pip install -qq --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	@echo "Installing the packages of requirements-dev.txt into .venv (once)"
	@$(IN_VENV) -m pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(RAPPORT_WAREHOUSE)/CURRENT.json: | .venv/installed
	@echo "No warehouse in $(RAPPORT_WAREHOUSE) yet: simulating a company of $(CUSTOMERS) customers and building its warehouse"
	@$(IN_VENV) -m data simulate --customers $(CUSTOMERS) --to feeds/demo \
		--ends $$($(IN_VENV) -c "from datetime import date, timedelta; print(date.today() - timedelta(days=1))")
	@$(IN_VENV) -m data build feeds/demo --warehouse $(RAPPORT_WAREHOUSE)

# Without root or apt-get, and when an installation fails, the tests concerned say what is missing:
# they skip on a person's machine and fail in CI.
system:  ## Install the browser, the database and Node.js that the tests need (as root on Debian; otherwise does nothing)
	@missing=; \
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="chromium fonts-liberation"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$$missing postgresql"; \
	command -v npm >/dev/null || missing="$$missing nodejs npm"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing for the tests: $$missing"; \
		export DEBIAN_FRONTEND=noninteractive; \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; } >/dev/null || \
			echo "apt-get could not install: $$missing"; \
	fi

# The certified OpenID provider of the sign-in tests; without npm those tests skip, and fail in CI.
tests/oidc/node_modules/installed: tests/oidc/package-lock.json | system
	@if command -v npm >/dev/null; then \
		echo "Installing the provider of the sign-in tests (once)"; \
		npm ci --prefix tests/oidc --no-audit --no-fund --loglevel=error && touch $@; \
	fi
