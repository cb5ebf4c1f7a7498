"""`make check` where nothing has been set up yet."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from test_start import RUN, environment

# Airflow makes its database in a process of its own.
pytestmark = [pytest.mark.dag, pytest.mark.timeout(300)]


def test_a_fresh_clone_is_told_line_by_line_what_it_lacks(tmp_path: Path) -> None:
    command = [RUN, "python", "scripts/check.py"]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "RED     Connection business_central: " in done.stdout
    assert "RED     Pool ipaas: There is none" in done.stdout
    assert "lines are red" in done.stdout


def test_no_word_to_airflows_authors_stands_before_the_lines(tmp_path: Path) -> None:
    around = environment(tmp_path)
    for script in ("settings.py", "check.py"):
        command = [RUN, "python", f"scripts/{script}"]
        done = subprocess.run(command, env=around, capture_output=True, text=True, check=False)
        assert "RFC3986" not in done.stdout + done.stderr
    assert "Connection business_central: " in done.stdout
