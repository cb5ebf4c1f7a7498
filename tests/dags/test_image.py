"""What the Dockerfiles put into an image is enough: Airflow finds every DAG and the plugin there, and nothing else is in it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from include.flows import FLOWS

ROOT = Path(__file__).resolve().parents[2]
# By Dockerfile: the folder that becomes Airflow's home.
HOMES = {"Dockerfile": "/usr/local/airflow", "deploy/Dockerfile": "/opt/airflow"}
LOOK = """
import json
from airflow import plugins_manager
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
plugins = plugins_manager.get_plugin_info(["name"])
print(json.dumps({"dags": sorted(bag.dags), "errors": bag.import_errors, "plugins": [p["name"] for p in plugins],
                  "not imported": plugins_manager.get_import_errors()}))
"""


def context(target: Path) -> None:
    """The project as far as .dockerignore lets it into an image."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*", "nothing goes in but what is named"
    taken = [rule.removeprefix("!") for rule in rules[1:] if rule.startswith("!")]
    left_out = [rule for rule in rules[1:] if not rule.startswith("!")]
    for name in taken:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name)
        else:
            shutil.copy(ROOT / name, target / name)
    for rule in left_out:
        for path in [*target.glob(rule)]:
            shutil.rmtree(path)


@pytest.mark.dag
@pytest.mark.parametrize("dockerfile", HOMES)
def test_airflow_finds_every_dag_and_the_plugin_in_an_image(dockerfile: str, tmp_path: Path) -> None:
    home = tmp_path / "airflow"
    home.mkdir()
    context(home)
    text = (ROOT / dockerfile).read_text()
    variables = dict(re.findall(r"^ENV (\w+)=(\S+)$", text, re.MULTILINE))
    environment = {name: value.replace(HOMES[dockerfile], str(home)) for name, value in variables.items()}
    environment |= {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["errors"] == {}
    assert found["not imported"] == {}
    assert set(found["dags"]) >= {*FLOWS, "manual_sync", "initialize", "preflight", "health"}
    assert "business_central_ipaas" in found["plugins"]


def test_no_settings_tests_or_sandbox_are_in_an_image(tmp_path: Path) -> None:
    context(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("config", "dags", "include", "plugins"),
        *("packages.txt", "requirements.txt", "requirements-cluster.txt"),
    }
    assert not (tmp_path / "include" / "sandbox").exists()
    assert not [*tmp_path.rglob("__pycache__")]
