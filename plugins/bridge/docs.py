"""The documentation of a flow under the platform's headings: its page beside the declaration, and what the declaration
itself says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import include.flows
from include.sync.flow import Flow
from include.sync.runs import Direction

_PAGES = Path(include.flows.__file__).parent
# What a page need not say, where it is so.
_UNSAID = {
    "Deleted records": "Deletions are not propagated: a record that disappears stays on the other side.",
    "Matching": "None: an unlinked record is created.",
    "Child collections": "None.",
}


def page_of(flow: Flow) -> dict[str, str]:
    """What the page of a flow says, by its headings."""
    _, *parts = re.split(r"^## ", (_PAGES / f"{flow.name}.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    split = (part.partition("\n") for part in parts)
    return {heading.strip(): text.strip() for heading, _, text in split}


def doc_md(flow: Flow) -> str:
    """A flow's documentation as Markdown."""
    declared = {
        "ID format": _list(f"`{f.example}`: {f.meaning}" for f in flow.id_formats),
        "Custom fields": _custom_fields(flow),
        "Trigger events": _list(_triggers(flow)),
        "Settings": _list(f"`{name}`" for name in flow.settings_used),
        "Goes after": _list(f"`{name}`" for name in flow.after),
    }
    told = {**_UNSAID, **declared, **page_of(flow)}
    order = (
        "Overview",
        "Requirements in Business Central",
        "Requirements in iPaaS.com",
        "ID format",
        "Fields",
        "Deleted records",
        "Custom fields",
        "Trigger events",
        "Matching",
        "Child collections",
        "Settings",
        "Goes after",
        "Caveats",
        "Error messages",
    )
    parts = [f"### {heading}\n{_below(told[heading])}" for heading in order if told.get(heading)]
    return "\n\n".join([f"## {flow.collection}", *parts])


def _below(text: str) -> str:
    """A part of a page, whose headings stand one step deeper in the whole."""
    return re.sub(r"^###", "####", text, flags=re.MULTILINE)


def _triggers(flow: Flow) -> Iterable[str]:
    yield "the schedule"
    if flow.direction is Direction.from_ipaas:
        nested = (f"`{scope}/…`" for scope in flow.nested_scopes)
        scopes = ", ".join((*(f"`{scope}`" for scope in flow.scopes), *nested))
        yield f"webhooks of iPaaS.com with the scopes {scopes}: each starts a run that takes what was announced"
    if flow.resources:
        named = ", ".join(f"`{name}`" for name in flow.resources)
        yield f"notifications of Business Central for {named}, where it reaches us: each starts a run that takes what was announced"
    if flow.events:
        named = ", ".join(f"`{name}`" for name in flow.events)
        yield f"its business events {named}, where it has them: likewise"
    yield "a manual trigger, with ids or without"
    if flow.initialization or flow.poll == "whole":
        yield "a backfill, which transfers everything whatever its dates"
    else:
        yield "a backfill, which transfers what was modified in its intervals"


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"* {item}" for item in items)


def _custom_fields(flow: Flow) -> str:
    if "bc_custom_fields" not in flow.settings_used:
        return "Not supported."
    return "By the Variable `bc_custom_fields`."
