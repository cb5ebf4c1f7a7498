"""Airflow's REST API, for scripts that run flows: what it refuses because it is busy is asked again.

A run is started under an id that is chosen here, so that asking again never starts a second one.
"""

from __future__ import annotations

import uuid
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

# An answer may take as long as the API server may wait for SQLite (config/airflow_local_settings.py), and more.
TIMEOUT = 120.0
# Ten attempts within three minutes: no connection, a cut one, or an answer of 5xx, as for "database is locked".
AGAIN = Retry(
    total=9,
    backoff_factor=0.5,
    backoff_max=30,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
)


def patient_session() -> requests.Session:
    """A session for servers on this machine: it repeats what was refused, whatever proxies the environment names.

    Only for calls that do no harm when they take effect twice.
    """
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(max_retries=AGAIN))
    return session


class AirflowApi:
    """Airflow's REST API, as a person with the admin's password uses it."""

    def __init__(self, url: str) -> None:
        """`url` is the API server's, without a path."""
        self.url = url
        self._session = patient_session()

    def answers(self) -> bool:
        """Whether the API server is up."""
        with requests.Session() as once:
            once.trust_env = False
            try:
                return once.get(f"{self.url}/api/v2/version", timeout=5).ok
            except requests.RequestException:
                return False

    def log_in(self, password: str) -> None:
        """Log in as admin. Raises HTTPError for a refusal."""
        who = {"username": "admin", "password": password}
        answer = self._session.post(f"{self.url}/auth/token", json=who, timeout=TIMEOUT)
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, **kwargs: Any) -> Any:
        """One call; raises HTTPError for a refusal."""
        answer = self._session.request(method, f"{self.url}/api/v2/{path}", timeout=TIMEOUT, **kwargs)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def dag_ids(self) -> set[str]:
        """The DAGs that Airflow knows."""
        return {dag["dag_id"] for dag in self.call("GET", "dags", params={"limit": 100})["dags"]}

    def unpause(self, dag_id: str) -> None:
        """Let a DAG run."""
        self.call("PATCH", f"dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a run by hand; answers its id."""
        run_id = f"manual__{uuid.uuid4()}"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        answer = self._session.post(f"{self.url}/api/v2/dags/{dag_id}/dagRuns", json=body, timeout=TIMEOUT)
        # The id is nobody else's: that there is such a run means that an earlier attempt took effect.
        if answer.status_code != requests.codes.conflict:
            answer.raise_for_status()
        return run_id

    def state(self, dag_id: str, run_id: str) -> str:
        """The state of a run."""
        return str(self.call("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run, up to a hundred."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found: list[dict[str, Any]] = self.call("GET", path, params={"limit": 100})["task_instances"]
        return found

    def xcom(self, dag_id: str, run_id: str, task: str, key: str) -> Any:
        """An XCom of a run, or None."""
        path = f"{self.url}/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task}/xcomEntries/{key}"
        answer = self._session.get(path, params={"deserialize": "true"}, timeout=TIMEOUT)
        return answer.json()["value"] if answer.ok else None
