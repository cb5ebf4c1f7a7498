"""What is read of a record just as when it was last found unchanged is unchanged still: it need not be mapped to know that.

A mapping is pure. Whether what it makes of a record is what was last written depends on what was read, on what the ledger
knows of the record, on the settings and on the code. Of a record that is found unchanged the ledger keeps a print of all of
these together (`seen_as`). Nobody has to take it away: whatever changes makes another one.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from pathlib import Path

import msgspec
import pydantic

import include
from include.sync.exact import from_json, to_json
from include.sync.ledger.entries import State, Transfer
from include.sync.records import Json
from include.sync.runs import RunKind, RunPlan

_BYTES = 16


class Staged(msgspec.Struct, kw_only=True):
    """A record as `extract` has staged it, with what was read of it as it stands there."""

    key: str
    data: msgspec.Raw
    read_at: str
    asked: str | None = None
    record_id: str | None = None
    problem: str | None = None

    def as_json(self) -> Json:
        """All of it, for whoever maps it. Raises ValueError."""
        whole: Json = {"key": self.key, "data": from_json(bytes(self.data)), "read_at": self.read_at}
        more = {"asked": self.asked, "record_id": self.record_id, "problem": self.problem}
        return whole | {name: value for name, value in more.items() if value is not None}


class Prints:
    """The prints of the records of a run."""

    def __init__(self, plan: RunPlan) -> None:
        """Bind them to what is the same for all records of the run."""
        # Who asks for records by name is told of each; who compares or forces looks at all.
        looks = plan.force or plan.compares or plan.kind is RunKind.ids
        code = None if looks else _code()
        same = [plan.flow, plan.system_id, plan.settings.model_dump_json(), pydantic.VERSION]
        self._same = None if code is None else code + to_json(same)

    def of(self, record: Staged, transfer: Transfer) -> str | None:
        """The print of a record as it was read, with what is known of it; None where it is looked at in any case."""
        if self._same is None or transfer.state != State.done:
            return None
        digest = blake2b(self._same, digest_size=_BYTES)
        digest.update(to_json([record.key, transfer.fingerprint, transfer.target_id, transfer.memory]))
        digest.update(record.data)
        return digest.hexdigest()


@cache
def _code() -> bytes | None:
    """A print of the code: a mapping that is written anew makes other records. None where files have been replaced since
    they were loaded: what stands in them is not what maps."""
    digest = blake2b(digest_size=_BYTES)
    for path in sorted(Path(include.__file__).parent.rglob("*.py")):
        status = path.stat()
        if max(status.st_mtime, status.st_ctime) >= include.LOADED_AT:
            return None
        digest.update(path.read_bytes())
    return digest.digest()
