"""A staging folder that is full, gone or damaged ends the task in words, and never passes for a run without records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.sync.staging.files import Staging, StagingFault


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    """A folder with one file of a thousand records."""
    staging = Staging(tmp_path / "run")
    staging.write_all("raw", ({"key": str(n)} for n in range(1_000)))
    return staging


def test_no_room_is_said(staging: Staging, tmp_path: Path) -> None:
    (tmp_path / "run" / "load-0000.ndjson.gz").symlink_to("/dev/full")
    (tmp_path / "run" / "report.json").symlink_to("/dev/full")
    with pytest.raises(StagingFault, match=r"load-0000.*No space left") as fault:
        staging.write_all("load-0000", ({"key": str(n)} for n in range(100_000)))
    assert fault.value.again
    with pytest.raises(StagingFault, match="No space left"):
        staging.write_text("report.json", "{}")


def test_what_broke_the_writing_off_is_not_hidden_by_the_missing_room(staging: Staging, tmp_path: Path) -> None:
    (tmp_path / "run" / "load-0000.ndjson.gz").symlink_to("/dev/full")

    def broken_off() -> Iterator[dict[str, str]]:
        yield {"key": "1"}
        raise KeyError("the reason")

    with pytest.raises(KeyError):
        staging.write_all("load-0000", broken_off())


def test_a_file_that_is_gone_is_not_an_empty_one(staging: Staging) -> None:
    with pytest.raises(StagingFault, match=r"load-0001.*not there") as fault:
        list(staging.read("load-0001"))
    assert not fault.value.again
    assert list(staging.read_if_there("load-0001")) == []
    with pytest.raises(StagingFault, match="not there"):
        staging.read_text("plan.json")


def test_a_file_that_was_cut_off_is_not_a_short_one(staging: Staging, tmp_path: Path) -> None:
    file = tmp_path / "run" / "raw.ndjson.gz"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(StagingFault, match=r"raw.*cannot be read"):
        list(staging.read("raw"))


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StagingFault, match="Not a directory"):
        Staging(tmp_path / "file" / "run")
