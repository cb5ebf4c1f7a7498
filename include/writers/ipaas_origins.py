"""Records of another system that a document may have been made from, while nothing says so.

A document that came from iPaaS.com is linked to the record that it was made from; but the link may be untold when the
ledger is lost. Then a number is all that is left of it, and a second record would be made of the document, whose external
id would keep the first one from its link for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from include.errors import Rejected, Waiting
from include.ipaas.endpoints import CUSTOMER
from include.ipaas.external_ids import external_id_of
from include.mappings.rows_of_ipaas import TransactionRow
from include.sync.context import WriteContext
from include.sync.ledger.entries import State
from include.sync.records import Json


@dataclass(frozen=True, kw_only=True)
class Origins:
    """The flows from iPaaS.com that may have made a document of a transaction. What none of them takes is left alone: it
    would be waited for in vain."""

    flows: tuple[str, ...]

    def require_linked(self, work: WriteContext, body: Json, alike: Iterable[Json]) -> None:
        """Raise Waiting when one of these transactions, which have the document's foreign number, is for one of the flows
        to link: it is linked to nothing, and its buyer is the document's."""
        for record in alike:
            if external_id_of(record, work.plan.system_id) or not (flow := self._takes(work, record)):
                continue
            known = work.ledger.transfers(flow, [str(record["id"])]).get(str(record["id"]))
            if known and known.state == State.ignored:
                continue  # a person has said that it is not to be transferred, so nobody links it
            if _same_buyer(work, body, record):
                raise _waiting(work, record, flow, rejected=known is not None and known.state == State.failed)

    def _takes(self, work: WriteContext, record: Json) -> str | None:
        row, context = TransactionRow(record=record), work.task.context({})
        try:
            return next((name for name in self.flows if not work.task.catalogue[name].skip(row, context)), None)
        except Rejected:
            return None  # it cannot be read, so nothing was made of it


def _waiting(work: WriteContext, record: Json, flow: str, *, rejected: bool) -> Waiting:
    number = record["transaction_number"]
    advice = "Nothing to do"
    if rejected:
        advice = f"{flow} has rejected that transaction: correct it, or set it aside"
    elif work.task.is_off(flow):
        advice = f"Unpause {flow}"
    then = "links the two, and this goes on. Should they have nothing to do with each other, give one another number."
    return Waiting(
        f"Its External_Document_No is the number of iPaaS.com transaction {record['id']} ({number}) of another system, of "
        "the same buyer, which is linked to nothing yet: it may have been made from that one.",
        advice=f"{advice}: {flow} {then}" if not rejected else f"{advice}; then this goes on.",
        at_once=not rejected,
    )


def _same_buyer(work: WriteContext, body: Mapping[str, object], record: Json) -> bool:
    """Whether a document is made out to the buyer of a transaction: to its customer, its company, or that of its contact."""
    ours = {name: str(body[name]) for name in ("customer_id", "company_id") if body.get(name) is not None}
    theirs = {name: str(record[name]) for name in ("customer_id", "company_id") if record.get(name) is not None}
    if ours.items() & theirs.items():
        return True
    if "company_id" not in ours or "customer_id" not in theirs or "company_id" in theirs:
        return False
    contact = work.ipaas.get(CUSTOMER, record["customer_id"]) or {}
    return str(contact.get("company_id")) == ours["company_id"]
