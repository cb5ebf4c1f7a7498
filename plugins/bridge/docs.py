"""The documentation of a flow under the platform's headings, made from its declaration so that it cannot drift."""

from __future__ import annotations

from collections.abc import Iterable

from include.sync.flow import Flow
from include.sync.runs import Direction


def doc_md(flow: Flow) -> str:
    """A flow's documentation as Markdown."""
    to_ipaas = flow.direction is Direction.to_ipaas
    docs = flow.docs
    target, source = ("iPaaS.com", "Business Central") if to_ipaas else ("Business Central", "iPaaS.com")
    triggers = ["the schedule", "a manual trigger, with ids or without"]
    if not to_ipaas:
        nested = (f"`{scope}/…`" for scope in flow.nested_scopes)
        scopes = ", ".join((*(f"`{scope}`" for scope in flow.scopes), *nested))
        triggers.insert(1, f"hooks of iPaaS.com with the scopes {scopes}: kept at once, transferred with the next run")
    triggers.append(
        "a backfill, which transfers everything whatever its dates"
        if flow.initialization
        else "a backfill, which transfers what was modified in its intervals"
    )
    parts = [
        f"## {flow.collection}",
        f"### Overview\n{docs.overview}",
        f"### Requirements in Business Central\n{docs.business_central}",
        f"### Requirements in iPaaS.com\n{docs.ipaas}",
        "### ID format\n" + _list(f"`{f.example}`: {f.meaning}" for f in flow.id_formats),
        f"### Fields\n| {target} | {source} |\n|---|---|\n" + "\n".join(f"| {t} | {s} |" for t, s in docs.mappings),
        f"### Deleted records\n{docs.deleted}",
        "### Custom fields\n" + _custom_fields(flow),
        "### Trigger events\n" + _list(triggers),
        f"### Matching\n{docs.matching or 'None: an unlinked record is created.'}",
        f"### Child collections\n{docs.children}",
    ]
    if flow.settings_used:
        parts.append("### Settings\n" + _list(f"`{name}`" for name in flow.settings_used))
    if flow.after:
        parts.append("### Goes after\n" + _list(f"`{name}`" for name in flow.after))
    if docs.caveats:
        parts.append("### Caveats\n" + _list(docs.caveats))
    if docs.errors:
        rows = "\n".join(f"| {message} | {cause} | {what} |" for message, cause, what in docs.errors)
        parts.append(f"### Error messages\n| message | cause | resolution |\n|---|---|---|\n{rows}")
    return "\n\n".join(parts)


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"* {item}" for item in items)


def _custom_fields(flow: Flow) -> str:
    if "bc_custom_fields" not in flow.settings_used:
        return "Not supported."
    return "By the Variable `bc_custom_fields`."
