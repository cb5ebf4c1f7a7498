"""What the sandbox serves spoilt, refuses, and takes back."""

from __future__ import annotations

import requests

from include.sandbox import Sandbox
from include.sandbox.snapshot import Snapshot
from include.sandbox.spoils import TWICE, Refusal, Spoil, refused, spoilt, with_parts_refused

BODY = b'{"value": [{"No": "A", "n": 1}, {"No": "B", "n": 2}]}'


def _spoilt(*spoils: Spoil) -> bytes:
    return spoilt(list(spoils), "business_central", "GET", "/things", BODY)


def _spoil(*at: str, raw: str | None, name: str = "No", only: int = 0) -> Spoil:
    return Spoil(
        system="business_central", path="/things$", name=name, value="B", at=at, raw=raw, method="GET", only=only
    )


def test_a_field_of_one_record_is_spoilt() -> None:
    assert _spoilt(_spoil("n", raw="1e400")) == b'{"value": [{"No": "A", "n": 1}, {"No": "B", "n": 1e400}]}'
    assert _spoilt(_spoil("n", raw=None)) == b'{"value": [{"No": "A", "n": 1}, {"No": "B"}]}'


def test_a_record_is_none_or_comes_twice() -> None:
    assert _spoilt(_spoil(raw="null")) == b'{"value": [{"No": "A", "n": 1}, null]}'
    assert _spoilt(_spoil(raw=TWICE)).count(b'"B"') == 2


def test_only_the_answer_that_is_meant_is_spoilt() -> None:
    second = _spoil("n", raw="null", name="", only=2)
    assert [b"null" in _spoilt(second) for _ in range(3)] == [False, True, False]
    assert (second.hits, second.rows) == (1, 2)


def test_a_look_up_is_refused_by_a_whole_word() -> None:
    refusals = [Refusal(system="business_central", word="B", status=410)]
    assert refused(refusals, "business_central", "/things?$filter=No eq 'BB'", b"") is None
    status, _ = refused(refusals, "business_central", "/things?$filter=No eq 'B'", b"") or (0, b"")
    assert (status, refusals[0].hits) == (410, 1)
    batch = b'{"requests": [{"id": "0", "url": "things(A)"}, {"id": "1", "url": "things(B)"}]}'
    answer = with_parts_refused(
        refusals, "/$batch", batch, b'{"responses": [{"id": "0", "status": 200}, {"id": "1", "status": 200}]}'
    )
    assert answer.count(b'"status": 410') == 1


def test_a_world_is_set_back_while_it_is_served() -> None:
    with Sandbox("demo") as sandbox:
        kept = Snapshot(sandbox.world)
        before = (sandbox.world.tenant.guid(), sorted(sandbox.bc.tables), sandbox.ipaas.records["company"].copy())
        kept.restore()
        sandbox.bc.add("Item", {"No.": "NEW"})
        sandbox.ipaas.add("company", {"name": "New"})
        kept.restore()
        assert sandbox.bc.get("Item", "NEW") is None
        assert sandbox.ipaas.records["company"] == before[2]
        assert sandbox.world.tenant.guid() == before[0]
        assert requests.get(f"{sandbox.url}/_sandbox/check", timeout=30).status_code == 200
