"""Writes the declaration, page, mapping and test of a new flow to iPaaS.com: `make new-flow NAME=… RECORD=…`.

What it writes works as it is, for a table of Business Central that has codes and names; from there on it is changed to
what the record is. A flow from iPaaS.com decides whose a record is: begin that one from `include/flows/product.py`.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from string import Template

from include.flows import CATALOGUE
from include.ipaas.endpoints import ENDPOINTS

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = Path(__file__).resolve().parent / "flow_templates"
PLACES = {
    "declaration": "include/flows/{module}.py",
    "page": "include/flows/{name}.md",
    "mapping": "include/mappings/{module}.py",
    "test": "tests/flows/test_{module}.py",
}
_TO_IPAAS = "_to_ipaas"


def problem(name: str, kind: str) -> str | None:
    """What is wrong with the arguments, in words."""
    if not re.fullmatch(rf"[a-z][a-z_]*{_TO_IPAAS}", name):
        return f"NAME is {name!r}. Give a name in small letters that ends in {_TO_IPAAS}, as payment_terms{_TO_IPAAS}."
    if name in CATALOGUE:
        return f"There is a flow {name} already."
    if kind not in ENDPOINTS:
        return (
            f"iPaaS.com's record type {kind!r} is not known. Give one with TYPE=: {', '.join(ENDPOINTS)}; or add it, to "
            'the sandbox and to include/ipaas/endpoints.py (CONTRIBUTING.md, "Add a flow").'
        )
    if "name" not in (*ENDPOINTS[kind].required, *ENDPOINTS[kind].sends):
        return f"A {kind} of iPaaS.com has no name: that one is written by hand."
    return None


def words(name: str, record: str, kind: str, resource: str) -> dict[str, str]:
    """What the templates are filled with."""
    first, *rest = record.split()
    plain = record if record.endswith("s") else f"{record}s"
    taken = {flow.schedule.partition(" ")[0] for flow in CATALOGUE.values()}
    return {
        "name": name,
        "module": name.removesuffix(_TO_IPAAS),
        "record": record,
        "Record": plain[:1].upper() + plain[1:],
        "Title": record.title(),
        "type": kind,
        "ENDPOINT": kind.upper().replace(" ", "_"),
        "match": ENDPOINTS[kind].key or "name",
        "resource": resource or first + "".join(word.title() for word in rest) + ("" if record.endswith("s") else "s"),
        "minute": next(str(minute) for minute in range(1, 60) if str(minute) not in taken),
    }


def main(arguments: list[str]) -> int:
    """Write the files, or say why not and write nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="of the flow, as payment_terms_to_ipaas")
    parser.add_argument("record", help="what it carries, as 'payment terms'")
    parser.add_argument("--type", default="", help="iPaaS.com's record type, if it is called otherwise")
    parser.add_argument("--resource", default="", help="the resource of API v2.0, if it is called otherwise")
    given = parser.parse_args(arguments)
    kind = given.type or given.record
    if wrong := problem(given.name, kind):
        print(wrong, file=sys.stderr)
        return 1
    filled = words(given.name, given.record, kind, given.resource)
    files = {ROOT / place.format_map(filled): TEMPLATES / f"{part}.txt" for part, place in PLACES.items()}
    if there := [path for path in files if path.exists()]:
        print(f"{there[0].relative_to(ROOT)} is there already; nothing was written.", file=sys.stderr)
        return 1
    for path, template in files.items():
        path.write_text(Template(template.read_text(encoding="utf-8")).substitute(filled), encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    print('What is next: CONTRIBUTING.md, "Add a flow".')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
