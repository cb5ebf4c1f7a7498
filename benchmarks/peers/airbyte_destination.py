"""The other half of an Airbyte connection: reads the source's messages, looks for each record and makes or changes it, and
keeps the source's state once what was before it is written."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from job import WORKERS, Job, metered


def main() -> None:
    """One run."""
    job, states = Job(), dict[str, Any]()
    with ThreadPoolExecutor(WORKERS) as pool:
        written = []
        for line in sys.stdin:
            message = json.loads(line)
            if message["type"] == "RECORD":
                written.append(pool.submit(job.merge, message["record"]["data"]))
            elif message["type"] == "STATE":
                states[json.dumps(message["state"]["stream"]["stream_descriptor"])] = message["state"]
        for each in written:
            each.result()
    (job.folder / "state.json").write_text(json.dumps(list(states.values())))


if __name__ == "__main__":
    metered()
    main()
