"""A Singer target that remembers a hash of each record: it makes what is new, changes what differs, and sends nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import singer_sdk.typing as th
from job import Job, metered
from requests import HTTPError
from singer_sdk import Target
from singer_sdk.sinks import RecordSink


class Companies(RecordSink):
    """Companies of iPaaS.com."""

    max_size = 100

    def setup(self) -> None:
        """Read what is remembered."""
        self.job = Job()
        self.file = self.job.folder / "hashes.json"
        self.known: dict[str, Any] = json.loads(self.file.read_text()) if self.file.exists() else {}

    def process_record(self, record: dict[str, Any], context: Any) -> None:
        """One record."""
        body = json.dumps(self.job.company(record), sort_keys=True)
        sign, number = hashlib.sha256(body.encode()).hexdigest(), record["number"]
        internal_id, before = self.known.get(number) or (self._made(record), sign)
        if before != sign:
            self.job.change(internal_id, record)
        self.known[number] = (internal_id, sign)

    def _made(self, record: dict[str, Any]) -> int:
        """The company of a record that is not remembered: made, or found where that is refused because it is there."""
        try:
            return self.job.make(record)
        except HTTPError:
            found = self.job.find(record["number"])
            if found is None:
                raise
            return found

    def clean_up(self) -> None:
        """Keep what is remembered."""
        self.file.write_text(json.dumps(self.known))


class IPaaS(Target):
    """The target."""

    name = "target-ipaas"
    config_jsonschema = th.PropertiesList().to_dict()
    default_sink_class = Companies


if __name__ == "__main__":
    metered()
    IPaaS.cli()
