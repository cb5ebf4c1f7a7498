"""What a run says of its records, page by page."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.sync.lines import lines_of
from include.sync.records import Json
from include.sync.staging.files import Staging


def line(key: str, result: str, **more: str) -> Json:
    return {"key": key, "result": result, **more}


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    """Files of a run with one chunk, where the link of C was refused after it had been created."""
    made = Staging(tmp_path)
    made.write_all("outcomes-extract", [line("Z", "failed", message="Its name is missing.")])
    made.write_all("outcomes-transform", [line("S2", "skipped", message="Not released."), line("S1", "skipped")])
    made.write_all("stats-transform", [{"chunks": 1, "bc_requests": 0, "ipaas_requests": 0, "warnings": []}])
    made.write_all(
        "outcomes-load-0000", [line("C", "created"), line("B", "created", target_id="77"), line("A", "waiting")]
    )
    made.write_all("outcomes-report", [line("C", "failed")])
    return made


def keys(staging: Staging, **asked: object) -> list[str]:
    return [one["key"] for one in lines_of(staging, **asked).lines]  # type: ignore[arg-type]


def test_the_most_urgent_come_first_then_by_their_keys(staging: Staging) -> None:
    assert keys(staging) == ["C", "Z", "A", "B", "S1", "S2"]


def test_they_are_sorted_by_key_or_result_over_all_pages(staging: Staging) -> None:
    staging.write_all("outcomes-extract", [line("S10", "failed"), line("s9", "failed")])
    assert keys(staging, sort="record") == ["A", "B", "C", "S1", "S2", "s9", "S10"]
    assert keys(staging, sort="-record", limit=2) == ["S10", "s9"]
    assert keys(staging, sort="-record", offset=2, limit=2) == ["S2", "S1"]
    assert keys(staging, sort="-result") == ["S2", "S1", "B", "A", "S10", "s9", "C"]


def test_a_refused_link_makes_one_failed_line(staging: Staging) -> None:
    assert lines_of(staging).counts == {"failed": 2, "waiting": 1, "created": 1, "skipped": 2}
    assert lines_of(staging).total == 6


def test_a_page_goes_on_where_the_last_one_ended(staging: Staging) -> None:
    pages = [lines_of(staging, offset=offset, limit=2) for offset in (0, 2, 4, 6)]
    assert [[one["key"] for one in page.lines] for page in pages] == [["C", "Z"], ["A", "B"], ["S1", "S2"], []]
    assert {page.total for page in pages} == {6}


def test_one_result_is_listed_and_the_others_still_counted(staging: Staging) -> None:
    found = lines_of(staging, result="skipped")
    assert ([one["key"] for one in found.lines], found.total) == (["S1", "S2"], 2)
    assert found.counts["failed"] == 2


def test_keys_of_either_side_and_words_are_found(staging: Staging) -> None:
    assert (keys(staging, search="77"), keys(staging, search="RELEASED"), keys(staging, search="b")) == (
        ["B"],
        ["S2"],
        ["B"],
    )


def test_a_record_is_named_and_found_as_a_person_asks_for_it_too(staging: Staging) -> None:
    staging.write_all("names", [{"key": "B", "name": "MAIN|1005"}, {"key": "A", "name": "EAST|1006"}])
    (found,) = lines_of(staging, search="main|1005").lines
    assert (found["key"], found["name"]) == ("B", "MAIN|1005")
    assert [one.get("name") for one in lines_of(staging).lines] == [None, None, "EAST|1006", "MAIN|1005", None, None]
