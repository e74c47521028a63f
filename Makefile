# Short names for bin/*, and the developer's chores; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup migrate-up migrate-down migrate-status migrate-create migrate-force backup restore seed test lint format pools lock develop

# What a user gives reaches the recipes through the environment, unexpanded: a quote, a semicolon or a dollar
# sign in it is text, to make and to the shell.
override NAME := $(value NAME)
override VERSION := $(value VERSION)
override N := $(value N)
override SET := $(value SET)
override SCALE := $(value SCALE)
export NAME VERSION N SET SCALE

LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --custom-compile-command 'make lock' $(UPGRADE) pyproject.toml requirements/build.in

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## a development database, from a bare clone
	@bin/setup-dev-db

migrate-up: ## apply what is pending, or N= of it
	@bin/migrate up $${N:+"$$N"}

migrate-down: ## undo the last migration, or the last N=
	@bin/migrate down $${N:+"$$N"}

migrate-status: ## which migrations are applied, and which are pending
	@bin/migrate status

migrate-create: ## a new migration file: NAME=add_fills
	@[ -n "$$NAME" ] || { echo 'usage: make migrate-create NAME=add_fills' >&2; exit 2; }
	@bin/migrate new "$$NAME"

migrate-force: ## record the migrations up to VERSION= as the applied ones, running nothing
	@[ -n "$$VERSION" ] || { echo 'usage: make migrate-force VERSION=5' >&2; exit 2; }
	@bin/migrate force "$$VERSION"

backup: ## a backup, called NAME= or by the time
	@bin/backup $${NAME:+"$$NAME"}

restore: ## put the backup NAME= in the place of the database; without NAME=, list them
	@bin/restore $${NAME:+"$$NAME"}

seed: ## test data: the set SET=, else dev; with SCALE=100, demo data on top of it
	@bin/seed-test-data $${SET:+"$$SET"} $${SCALE:+--scale "$$SCALE"}

test: ## the test suite, on every PostgreSQL found
	@bin/test

lint: develop ## what .ci/run checks before the tests
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

format: develop ## write the code as the formatter has it, imports sorted
	@.venv/bin/ruff check --fix --quiet
	@.venv/bin/ruff format

pools: develop ## take names anew from the Faker that is installed; everybody's seeded data change
	@.venv/bin/python -m tests.tools.make_pools

# A newer release comes in with `make lock UPGRADE=--upgrade`.  Each file has all that the ones before it have.
lock: ## pin anew what pyproject.toml asks for (needs uv)
	@$(LOCK) -o requirements/lock.txt >/dev/null
	@$(LOCK) -c requirements/lock.txt --extra server -o requirements/server-lock.txt >/dev/null
	@$(LOCK) -c requirements/server-lock.txt --extra dev -o requirements/dev-lock.txt >/dev/null

develop:
	@sh dbops/bootstrap.sh --extra dev
