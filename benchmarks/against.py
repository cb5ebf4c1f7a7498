"""The same companies through the project and through its peers: the same server, the same records, latency and limits.

What a peer is stands in `benchmarks/peers/`, each in its usual best form; they are installed in `.venv-peers`, apart from
everything else. Against the limit: benchmarks/against.py limit 550
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from engine import NOTHING, counters, number, slow_down, switch
from sandbox_process import Remote, sandbox_of

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "benchmarks" / "peers"
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
WORKERS, LATENCY, LIMIT, LOST = 5, 0.1, 500, 5
OURS = "this project"
_CATALOG = {
    "streams": [
        {
            "stream": {
                "name": "customers",
                "json_schema": {},
                "supported_sync_modes": ["full_refresh", "incremental"],
            },
            "sync_mode": "incremental",
            "destination_sync_mode": "append_dedup",
            "cursor_field": ["lastModifiedDateTime"],
        }
    ]
}


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A pipe of Python files. `state`: the option by which the first is told how far the last run came."""

    files: Sequence[str]
    state: str = ""
    arguments: Sequence[str] = ()
    python: Path = PYTHON


PEERS = {
    OURS: Peer(files=["ours.py"], python=Path(sys.executable)),
    "plain script": Peer(files=["script.py"]),
    "dlt": Peer(files=["dlt_pipeline.py"]),
    "Singer, hashes": Peer(files=["singer_tap.py", "singer_target.py"], state="--state"),
    "Airbyte CDK": Peer(
        files=["airbyte_source.py", "airbyte_destination.py"],
        state="--state",
        arguments=["read", "--config", "config.json", "--catalog", "catalog.json"],
    ),
}


@dataclass(kw_only=True)
class Ran:
    """What one run of a peer took."""

    bc: int
    ipaas: int
    writes: int
    seconds: float
    cpu: float
    megabytes: float
    failed: bool


@dataclass
class Side:
    """A peer beside a sandbox, with a folder for what it remembers."""

    peer: Peer
    sandbox: Remote
    folder: Path
    limit: int | None = None

    def run(self, *, everything: bool = False) -> Ran:
        """Run it once. `everything`: all records are read, whatever was read before."""
        before = counters(self.sandbox)
        for file in self.folder.glob("took-*.json"):
            file.unlink()
        began = time.monotonic()
        failed = self._pipe(everything)
        seconds, after = time.monotonic() - began, counters(self.sandbox)
        took = [json.loads(file.read_text()) for file in self.folder.glob("took-*.json")]

        def calls(system: str) -> int:
            """So many more than before."""
            now, then = (
                sum(n for call, n in each["calls"].items() if call.startswith(system)) for each in (after, before)
            )
            return now - then

        return Ran(
            bc=calls("business_central"),
            ipaas=calls("ipaas"),
            writes=after["writes"] - before["writes"],
            seconds=seconds,
            cpu=sum(each["cpu"] for each in took),
            megabytes=sum(each["megabytes"] for each in took),
            failed=failed,
        )

    def _pipe(self, everything: bool) -> bool:
        s, peer, state = self.sandbox, self.peer, self.folder / "state.json"
        given = {
            "url": s.url,
            "tls_url": s.tls_url,
            "ca_file": s.ca_file,
            "folder": str(self.folder),
            "everything": everything,
            "limit": self.limit,
            "tenant_id": s.TENANT_ID,
            "environment": s.ENVIRONMENT,
            "company_name": s.COMPANY_NAME,
            "client_id": s.CLIENT_ID,
            "token": {
                "client_secret": s.CLIENT_SECRET,
                "scope": "https://api.businesscentral.dynamics.com/.default",
            },
            "email": s.IPAAS_EMAIL,
            "password": s.IPAAS_PASSWORD,
            "company_id": s.IPAAS_COMPANY_ID,
            "system_id": s.SYSTEM_ID,
        }
        own = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        environment = {**own, "PEER": json.dumps(given), "PYTHONWARNINGS": "ignore"}
        if peer.python == PYTHON:
            environment.pop("PYTHONPATH", None)
        (self.folder / "config.json").write_text("{}")
        (self.folder / "catalog.json").write_text(json.dumps(_CATALOG))
        arguments = list(peer.arguments)
        if peer.state and state.exists() and not everything:
            arguments += [peer.state, str(state)]
        processes: list[subprocess.Popen[bytes]] = []
        with open(self.folder / "log", "ab") as log:
            for place, file in enumerate(peer.files):
                process = subprocess.Popen(
                    [str(peer.python), str(HERE / file), *(arguments if place == 0 else ())],
                    stdin=processes[-1].stdout if processes else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=environment,
                    cwd=self.folder,
                )
                if processes and processes[-1].stdout:
                    processes[-1].stdout.close()
                processes.append(process)
            said, _ = processes[-1].communicate()
            codes = [process.wait() for process in processes]
        lines = said.decode().splitlines()
        if not any(codes) and "singer" in peer.files[0] and lines:
            state.write_text(lines[-1])
        return any(codes)

    def log(self) -> str:
        """The last of what it said."""
        return (self.folder / "log").read_text(errors="replace")[-800:]

    def companies(self) -> int:
        """How many there are in iPaaS.com."""
        s, sso = self.sandbox, f"{self.sandbox.url}/sso/v2"
        login = {"email_address": s.IPAAS_EMAIL, "password": s.IPAAS_PASSWORD}
        user = requests.post(f"{sso}/Auth/Login", json=login, timeout=60).json()["access_token"]
        bearer = {"Authorization": f"Bearer {user}"}
        company = requests.get(f"{sso}/User/ChangeCompany/{s.IPAAS_COMPANY_ID}", headers=bearer, timeout=60).json()
        bearer = {"Authorization": f"Bearer {company['access_token']}"}
        listed = requests.get(f"{s.url}/customers/v2/Customer/Companies", headers=bearer, timeout=60)
        return int(json.loads(listed.headers["X-Pagination"])["total_Count"])


@contextmanager
def side(peer: Peer, companies: int) -> Iterator[Side]:
    """A peer beside a sandbox of its own with so many companies."""
    with sandbox_of(**{**NOTHING, "companies": companies}) as sandbox, tempfile.TemporaryDirectory() as folder:
        yield Side(peer, sandbox, Path(folder))


def measured(name: str, *, records: int, slow: int, lost: int) -> dict[str, Any]:
    """What a peer takes of so many records; of fewer where answers take time, and where some are lost."""
    peer = PEERS[name]
    with side(peer, records) as one:
        first = one.run()
        if first.failed or one.companies() != records:
            raise RuntimeError(f"{name} did not go through: {one.log()}")
        again, everything = one.run(), one.run(everything=True)
    with side(peer, slow) as one:
        slow_down(one.sandbox, LATENCY)
        late = one.run()
    with side(peer, lost) as one:
        fault = {
            "system": "ipaas",
            "method": "POST",
            "path": "Customer/Company",
            "lost": True,
            "times": LOST,
            "skip": 10,
        }
        requests.post(f"{one.sandbox.url}/_sandbox/faults", json=fault, timeout=60).raise_for_status()
        runs = 1
        while one.run().failed and runs <= LOST:
            runs += 1
        doubled = one.companies() - lost
    return {
        "name": name,
        "first run: requests / record": (first.bc + first.ipaas) / records,
        "second run: requests": again.bc + again.ipaas,
        "second run: writes": again.writes,
        "all read again: requests / record": (everything.bc + everything.ipaas) / records,
        "all read again: writes / record": everything.writes / records,
        "CPU: ms / record": first.cpu * 1e3 / records,
        "peak memory: MB": max(first.megabytes, everything.megabytes),
        "of C/L": (late.bc + late.ipaas) / late.seconds / (WORKERS / LATENCY),
        "records a second: of C/L": slow / late.seconds / (WORKERS / LATENCY),
        "five lost answers: runs": runs,
        "five lost answers: doubled": doubled,
    }


def limited(records: int) -> dict[str, float]:
    """Of every peer, by its name: how much of its time the limit of 500 requests a minute makes it wait at least, in the
    requests that one for each record takes; all at the same time, each beside a sandbox of its own."""

    def one(name: str) -> float:
        with side(PEERS[name], records) as each:
            switch(each.sandbox, ipaas_limit_per_minute=LIMIT)
            each.limit = LIMIT
            took = each.run()
            there = each.companies() if not took.failed else 0
            return (records - 1) // LIMIT * 60 / took.seconds if there == records else 0.0

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(PEERS)) as pool:
        return dict(zip(PEERS, pool.map(one, PEERS), strict=True))


def installed() -> str:
    """Install the peers where they are not; why that cannot be done, or nothing."""
    wanted, stamp = HERE / "requirements.txt", PYTHON.parent.parent / "requirements.txt"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return ""
    done = subprocess.run(
        ["scripts/install", str(PYTHON.parent.parent), str(wanted)], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        return f"the peers cannot be installed: {done.stderr.strip()[-200:]}"
    stamp.write_text(wanted.read_text())
    return ""


def begun(records: int) -> Callable[[], dict[str, float]]:
    """What is measured against the limit, from now on; who asks for it waits until it has ended."""
    command = [sys.executable, __file__, "limit", str(records)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def found() -> dict[str, float]:
        said, _ = process.communicate()
        result: dict[str, float] = json.loads(said) if process.returncode == 0 else {}
        return result

    return found


def table(found: Sequence[dict[str, Any]]) -> str:
    """The peers side by side, in Markdown."""
    names = [each["name"] for each in found]
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for what in (key for key in found[0] if key != "name"):
        cells = [number(each[what]) if each.get(what) is not None else "" for each in found]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(json.dumps(limited(int(sys.argv[2]))))
