# make demo | test | up | settings | check   (see README.md)
# A larger world: make demo WORLD="--items 2000 --companies 500 --persons 500"
# A Python of 3.11 or later is looked for; name another with PYTHON=...
SHELL := /bin/bash
RUN := scripts/run
STAMP := .venv/.installed

.PHONY: demo test up settings check lint lock clean

demo: $(STAMP)
	@$(RUN) --own .airflow-demo python scripts/demo.py $(WORLD)

up: $(STAMP)
	@$(RUN) --own .airflow python scripts/up.py $(WORLD)

settings: $(STAMP)
	@$(RUN) python scripts/settings.py

check: $(STAMP)
	@$(RUN) python scripts/check.py

test: $(STAMP) lint
	@$(RUN) python -m pytest

lint: $(STAMP)
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy

lock: $(STAMP)
	@$$(command -v uv || echo .venv/bin/uv) pip compile -q --no-header --no-emit-index-url --no-annotate --upgrade --universal --python-version 3.11 \
		requirements.txt requirements-dev.txt -o constraints.txt

$(STAMP): requirements.txt requirements-dev.txt constraints.txt
	@PYTHON="$(PYTHON)" scripts/install
	@touch $@

clean:
	rm -rf .airflow .airflow-demo .venv
