"""The documents are true to the code where that can be looked up: what the code refers to is there, and the reverse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from include.flows import CATALOGUE
from include.sandbox.switches import Switches
from include.settings import SERVICES, CreateDefaults, SyncSettings
from include.sync.flow import Flow
from include.writers.bc_records import BCWriter
from include.writers.ipaas_records import IPaaSWriter

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("include", "plugins", "dags", "scripts", "tests", "benchmarks", "config")
CODE = sorted(
    path
    for room in ROOMS
    for path in (ROOT / room).rglob("*")
    if path.suffix in (".py", ".sh", ".yaml", ".md", ".j2") and path != Path(__file__)
) + [ROOT / name for name in ("Makefile", "pyproject.toml", "airflow_settings.yaml")]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
MAPPINGS = (ROOT / "docs" / "mappings.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
# A reference in the code: docs/name.md, and where it is about a part of it, the heading in quotes.
REFERENCE = re.compile(r'docs/([\w/-]+\.md)(?:,\s*"([^"]+)")?')
# What only those knew who wrote the project; a reader has the reason in words, or in docs/.
FORBIDDEN = re.compile(
    r"§|\(D\)|\barticles? \d{4,}|\b[Tt]he seed(?:'s| table| says)|\b[Ii]ssue \d|\bthe facts\b"
    r"|(?:ipaas_api|ipaas_flows|business_central_api)\.md"
)
# A document is named with its folder, so that it can be followed.
NAKED = re.compile(r"(?<![\w/-])(?:mappings|contract|architecture|glossary|ipaas|business_central)\.md")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _headings(path: Path) -> list[str]:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"^#+ (.+?)\s*$", text, flags=re.MULTILINE)


def _anchor(heading: str) -> str:
    """A heading as it is linked to: in lower case, without signs, its blanks as hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _references() -> Iterator[tuple[str, str, str]]:
    """(where, document, heading or blank) of every reference in the code; one may go over the end of a line."""
    for path in CODE:
        text = re.sub(r"\n\s*(?:# ?)?", " ", path.read_text(encoding="utf-8"))
        for document, heading in REFERENCE.findall(text):
            yield _name(path), document, heading


def _links(path: Path) -> Iterator[str]:
    text = re.sub(r"`[^`\n]*`", "", path.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            yield target


def test_every_reference_in_the_code_names_a_document_and_a_heading_that_are_there() -> None:
    lost = [
        f"{where}: {document}, {heading!r}"
        for where, document, heading in _references()
        if not (file := ROOT / "docs" / document).exists() or (heading and heading not in _headings(file))
    ]
    assert not lost
    assert any(heading for _, _, heading in _references())


@pytest.mark.parametrize("path", [*CODE, *DOCUMENTS], ids=_name)
def test_nothing_refers_to_what_is_not_in_the_repository(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    # A phrase may go over the end of a line, in a comment too.
    assert FORBIDDEN.findall(re.sub(r"\n\s*(?:# ?|> ?)?", " ", text)) == []
    assert path in DOCUMENTS or NAKED.findall(text) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_every_link_of_a_document_leads_somewhere(path: Path) -> None:
    dead = []
    for target in _links(path):
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        if not found.exists() or (anchor and anchor not in map(_anchor, _headings(found))):
            dead.append(target)
    assert not dead


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_every_file_that_a_document_names_is_there(path: Path) -> None:
    named = re.findall(rf"`((?:{'|'.join(ROOMS)}|docs)/[\w./-]+)`", path.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_variable_stands_in_the_settings_file_and_in_the_readme() -> None:
    settings = yaml.safe_load((ROOT / "airflow_settings.yaml").read_text(encoding="utf-8"))["airflow"]["variables"]
    assert {variable["variable_name"] for variable in settings} == set(SyncSettings.model_fields)
    table = README[README.index("| Variable |") :]
    assert [name for name in SyncSettings.model_fields if f"`{name}`" not in table] == []


def test_every_web_service_and_create_default_stands_in_the_readme() -> None:
    assert [name for name in SERVICES if f"`{name}`" not in README] == []
    keys = {
        key for part, field in CreateDefaults.model_fields.items() for key in (part, *type(field.default).model_fields)
    }
    assert [key for key in sorted(keys) if f'"{key}"' not in README] == []


def _part(flow: str) -> str:
    """What docs/mappings.md says of a flow."""
    found = re.search(rf"^## [^\n]*\b{flow}\b.*?(?=^##? |\Z)", MAPPINGS, re.MULTILINE | re.DOTALL)
    assert found, f"docs/mappings.md has no heading for {flow}"
    return found[0]


# Of these flows, the document says "as of" the other.
AS_OF = {
    "customer_to_ipaas": "company_to_ipaas",
    "contact_to_ipaas": "company_to_ipaas",
    "sales_invoice_to_ipaas": "sales_order_to_ipaas",
}
# What another flow of the same record type writes.
OTHERS = {"contact_to_ipaas": {"category_id"}, "sales_order_to_ipaas": {"transaction_parent_id"}}


# A flow may be told of by its own page alone.
TOLD = {name: flow for name, flow in CATALOGUE.items() if re.search(rf"^## [^\n]*\b{name}\b", MAPPINGS, re.MULTILINE)}


@pytest.mark.parametrize("flow", TOLD.values(), ids=TOLD)
def test_every_field_that_a_flow_writes_stands_in_the_mappings(flow: Flow) -> None:
    text = _part(flow.name) + (_part(AS_OF[flow.name]) if flow.name in AS_OF else "")
    told = set(re.findall(r"\w+", text))
    assert [name for name in _written(flow) if name not in told | OTHERS.get(flow.name, set())] == []


def _written(flow: Flow) -> Iterator[str]:
    writer = flow.writer
    if isinstance(writer, IPaaSWriter):
        parts = (writer.endpoint, *writer.endpoint.children.values())
        yield from (name for part in parts for name in (*part.required, *part.sends))
    elif isinstance(writer, BCWriter):
        yield from writer.target.fields


def test_the_doubts_about_ipaas_are_switches_of_the_sandbox() -> None:
    text = (ROOT / "docs" / "ipaas.md").read_text(encoding="utf-8")
    doubts = re.findall(r"^\| `(\w+)` \|", text[text.index("## The doubts") : text.index("## The probe")], re.MULTILINE)
    assert doubts
    assert set(doubts) <= {field.name for field in fields(Switches)}


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    assert set(_links(folder / "README.md")) == {path.name for path in folder.glob("*.md")} - {"README.md"}
