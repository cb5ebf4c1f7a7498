# make help says what there is. A Python of 3.11 or later is looked for; name another with PYTHON=...
SHELL := /bin/bash
RUN := scripts/run
STAMP := .venv/.installed
# Tests wait for processes and servers for a third of their time: half as many again as there are cores.
AT_ONCE = $(shell $(RUN) python -c 'import os; print((os.cpu_count() or 2) * 3 // 2)')
.DEFAULT_GOAL := help

.PHONY: bench pictures help demo up start cluster cluster-drill check settings test lint format audit prove new-flow lock clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## every flow, twice, in real Airflow tasks, against the sandbox (WORLD="--items 2000": a larger one)
	@DATABASE= $(RUN) --own .airflow-demo python scripts/demo.py $(WORLD)

up: $(STAMP) ## the same world behind Airflow's UI, until Ctrl-C (PORT=8080 DATABASE=postgresql)
	@$(RUN) --own .airflow python scripts/up.py $(WORLD)

start: $(STAMP) ## Airflow for a real tenant, in the AIRFLOW_HOME at hand: no sandbox, nothing is reset (PORT=8080 DATABASE=postgresql)
	@$(RUN) python scripts/start.py

cluster: $(STAMP) ## the same world on several workers: PostgreSQL, Celery (WORKERS=2 DATABASE=... BROKER=redis://... STAGING=...)
	@DATABASE="$(or $(DATABASE),postgresql)" $(RUN) --own .airflow-cluster python scripts/cluster.py $(WORLD)

cluster-drill: $(STAMP) ## a first load on two workers, one of which is killed in the middle (DRILL="--companies 2000 --workers 2")
	@DATABASE="$(or $(DATABASE),postgresql)" $(RUN) --own .airflow-drill python scripts/cluster_drill.py $(DRILL)

check: $(STAMP) ## whether all that runs need is in place, line by line, and what to do where it is not
	@$(RUN) python scripts/check.py

settings: $(STAMP) ## import airflow_settings.yaml into the AIRFLOW_HOME at hand
	@$(RUN) python scripts/settings.py

test: $(STAMP) lint ## the whole test suite, with the linters (LEDGER=postgresql: every ledger on a local PostgreSQL)
	@LEDGER="$(LEDGER)" $(RUN) python -m pytest -n $(AT_ONCE) --dist loadfile -rs

lint: $(STAMP) ## style, types, declared dependencies
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) deptry .

format: $(STAMP) ## put the code into the project's style
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

audit: $(STAMP) ## known vulnerabilities of what is installed, when their list can be reached
	@$(RUN) scripts/audit

prove: $(STAMP) ## break everything at random and count what is lost or doubled (SEED=1 MINUTES=20)
	@$(RUN) python -m tests.prove --seed $(or $(SEED),1) --minutes $(or $(MINUTES),20)

new-flow: $(STAMP) ## the files of a new flow: NAME=payment_terms_to_ipaas RECORD="payment terms" (TYPE="payment method")
	@$(RUN) python scripts/new_flow.py "$(NAME)" "$(RECORD)" --type "$(TYPE)" --resource "$(RESOURCE)"

bench: $(STAMP) ## every budget of docs/architecture.md, measured beside other tools (about 10 minutes; BENCH=full: hours)
	@$(RUN) python benchmarks/budgets.py $(if $(filter full,$(BENCH)),--full) --picture docs/budgets.svg

pictures: $(STAMP) ## the pictures of the README, drawn in a browser (Debian: apt-get install chromium)
	@$(RUN) python -m pytest -p no:xdist tests/dags/pictures.py

lock: $(STAMP) ## take up the newest versions into requirements.lock, and of what make bench compares with
	@$$(command -v uv || echo .venv/bin/uv) pip compile -q --no-header --no-emit-index-url --no-annotate --upgrade \
		--universal --python-version 3.11 --generate-hashes requirements.txt requirements-dev.txt requirements-cluster.txt \
		-o requirements.lock
	@$$(command -v uv || echo .venv/bin/uv) pip compile -q --no-header --no-emit-index-url --no-annotate --upgrade \
		--universal --python-version 3.11 benchmarks/peers/requirements.in -o benchmarks/peers/requirements.txt

$(STAMP): requirements.lock
	@PYTHON="$(PYTHON)" scripts/install
	@touch $@

clean: ## what was installed, and the homes of what make starts
	rm -rf .airflow .airflow-demo .airflow-cluster .airflow-drill .airflow-bench .venv .venv-peers
