"""The catalogue: one module per record type declares its flows, `TO_IPAAS` and `FROM_IPAAS`; here they are gathered."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from importlib import import_module

from include.sync.flow import Flow


def _declared() -> Iterator[Flow]:
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        declared = vars(import_module(f"{__name__}.{module}"))
        yield from (declared[name] for name in ("TO_IPAAS", "FROM_IPAAS") if name in declared)


def _in_order() -> Iterator[Flow]:
    """Each after those that it names in `after`. Raises CycleError when they go in a circle, KeyError for an unknown one."""
    flows = {flow.name: flow for flow in _declared()}
    yield from (flows[name] for name in TopologicalSorter({n: f.after for n, f in flows.items()}).static_order())


# Every flow that a run may have to call upon, in the order of dependency.
CATALOGUE: Mapping[str, Flow] = {flow.name: flow for flow in _in_order()}
FLOWS: Mapping[str, Flow] = {name: flow for name, flow in CATALOGUE.items() if flow.schedule}
# Carried only as the prerequisites of others: no DAG is made of them.
REFERENCES: Mapping[str, Flow] = {name: flow for name, flow in CATALOGUE.items() if not flow.schedule}


def all_before(name: str) -> set[str]:
    """The flows that a flow goes after, and those that they go after."""
    after = CATALOGUE[name].after
    return {*after, *(further for before in after for further in all_before(before))}
