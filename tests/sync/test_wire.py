"""Mapped records on their way between tasks: they arrive as they left, also from a version before this one."""

from __future__ import annotations

from decimal import Decimal

from include.sync.records import Companion, Follower, Mapped, Missing, Ref
from include.sync.wire import mapped_from_wire, mapped_to_wire

CATEGORY = Ref(table="customer category", source_id="GOLD", missing=Missing.transfer, flow="customer_category_to_ipaas")
MAPPED = Mapped(
    source_id="C1",
    body={"name": "Adatum", "categories": [{"id": CATEGORY}]},
    match="Adatum",
    followers=(
        Follower(kind="relationship", external_id="C1|P1", body={"company_id": CATEGORY}, aside={"at_most": 2}),
    ),
    aside={"shipped": {"S-1|10000": {"BOX": Decimal(1)}}},
    carry={"ask": ["C2"]},
    linked_children=(("customer company address", "|address", 7),),
    watches=(("customer", "9"),),
    companions=(Companion(flow="product_inventory_to_ipaas", mapped=Mapped(source_id="1000|", body={"qty": 1})),),
)
BEFORE = {
    "external_id": "C1",
    "body": {"name": "Adatum", "categories": []},
    "match": "Adatum",
    "create_only": [],
    "insisted": [],
    "also": [
        {
            "kind": "relationship",
            "external_id": "C1|P1",
            "body": {
                "company_id": {
                    "$ref": {
                        "table": "customer company",
                        "external_id": "C1",
                        "missing": "wait",
                        "flow": None,
                        "value": "id",
                    }
                }
            },
        }
    ],
    "memory": {"ask": ["C2"]},
    "notes": [],
    "made_from": None,
    "record_id": None,
    "linked": None,
    "candidates": [],
    "holders": {},
    "children": [],
    "followers": [["customer company address", "|address", 7]],
    "watches": [],
}


def test_a_record_arrives_as_it_left() -> None:
    assert mapped_from_wire(mapped_to_wire(MAPPED)) == MAPPED


def test_one_that_an_earlier_version_staged_is_read() -> None:
    mapped = mapped_from_wire(BEFORE)
    assert (mapped.source_id, mapped.carry) == ("C1", {"ask": ["C2"]})
    assert mapped.linked_children == (("customer company address", "|address", 7),)
    assert mapped.followers == (
        Follower(
            kind="relationship", external_id="C1|P1", body={"company_id": Ref(table="customer company", source_id="C1")}
        ),
    )
