"""Every behaviour of the real services that is uncertain or that a test wants otherwise, by name."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Switches:
    """Defaults are what is known of the services; tests and `/_sandbox/switches` set them."""

    # Business Central
    duplicate_key_status: int = 400
    stale_etag_status: int = 409
    retry_after: int | None = None  # seconds, on a 429
    throttle_body: str = "json"  # of a 429: json, html, or empty
    unpublished_is_empty_404: bool = False
    pages_ended: bool = False  # BC v30: none of Microsoft's pages is served
    max_page_size: int = 20_000
    token_lifetime: int = 3_599  # seconds
    bc_limits: bool = True  # 5 running, 95 queued, 6,000 per 5 minutes
    no_environment_status: int = 404  # with which an environment that does not exist is answered, as XML
    bc_app_enabled: bool = True
    bc_permission: bool = True
    bc_write_permission: bool = True  # the application may change records, not only read them
    shipment_touches_order: bool = False  # posting moves the order's modified time too, not only its quantities
    untouched_is_fully_shipped: bool = True  # API v2.0 calls an order of which nothing is shipped fully shipped
    shipment_on_invoice: bool = True  # posting a draft invoice posts a shipment without an order number too
    posting_draws_numbers: bool = True  # a posted draft invoice has a number of another series; else it keeps its own
    draft_lines_keep_ids: bool = True  # the lines of a posted draft invoice have the ids they had as a draft's
    page_options_persist: bool = True  # ShippingOptions and BillToOptions outlive the request that set them
    prevent_negative_inventory: bool = False
    posting_groups_required: bool = False  # items and customers without posting groups cannot be sold or posted
    posting_allowed_from: str = ""  # the first date that may be posted on
    null_is_blank_on_pages: bool = False  # a null in a body of a page service blanks the field instead of a 400
    null_filters_blank: bool = True  # `eq null` asks for blanks; else it is ignored and answers everything
    localisation_fields: bool = True  # a country layer adds properties to pages
    missing_properties: list[str] = field(default_factory=list)  # what an older version lacks: CustomerCard.Home_Page
    user_language: str = "en-US"  # of the application's user: of captions when a request asks for none (de-DE)
    flowfield_etags: bool = False  # a page's tag moves with what the page computes, too
    read_lag: float = 0.0  # seconds by which reads with Data-Access-Intent: ReadOnly may lag behind
    bc_clock_ahead: float = 0.0  # seconds by which the clock that dates records is ahead of ours
    bc_gateway_ahead: float = 0.0  # seconds by which the clock that dates answers is ahead of that
    next_link_style: str = "key"  # of continuation links: key, or aid (`aid=FIN&$skiptoken`)
    blank_location_is_null: bool = False  # stock without a location in query 2554
    # What becomes of the header and the lines of a document that are made together. one: they are one transaction; parts: what
    # was made before a line that is refused stays; torn: it breaks off after the first line, and that much stays.
    deep_insert: str = "one"
    business_events: str = "offered"  # offered; absent: before version 22; forbidden: without Ext. Events - Subscr
    business_event_versions: bool = True  # a subscription has to name the version of its event
    business_event_shape: str = "one"  # one: each in a request of its own; list: several at once
    business_event_client_state: bool = True  # an event shows what its subscription was given
    # iPaaS.com
    ipaas_page_size: int = 100
    ipaas_write_permission: bool = True  # the user may change records, not only read them
    ipaas_clock_ahead: float = 0.0  # seconds by which the platform's clock is ahead of ours
    ipaas_ids_are_strings: bool = False
    ipaas_token_lifetime: int = 3_600  # seconds
    ipaas_limit_per_minute: int | None = None
    ipaas_skus_must_exist: bool = True  # a product line's sku is a product's
    ipaas_addresses_complete: bool = False  # addresses need names, street, city, region, country, postal code
    ipaas_deleted_links_are_free: bool = True  # a new record may take the external id of a deleted one
    # What is doubtful of iPaaS.com: its documents are public, but nobody has read them here. The first value is what the
    # endpoints were taken to do, the others what an older generation of them did, or may do.
    put_required: bool = False  # a PUT needs every property that a POST needs, of the record and of what is nested
    child_identity: str = "external"  # external: a nested record is found by its id or external id; id: by its id alone
    taken_child_id: str = "same"  # same: a nested record with a taken external id is the one that has it; refused
    list_rows: str = "full"  # full; summary: {id, type, name, description, value} and nothing else
    category_set: str = "whole"  # whole: a product's list is the whole set, by category_id; adds: by id, it only adds
    custom_field_list: str = "merges"  # merges; replaces: custom fields that are not sent are gone
    missing: str = "array"  # of External/Missing: array; pages; object; empty: {}; absent: 404
    unique_email: bool = True  # two customers cannot have the same e-mail address
    inventory_path: str = "product"  # product: v2/Catalog/Product/Inventory; catalog: v2/Catalog/Inventory?id=
    create_with_link: str = "one"  # one step; stays: a record whose external id is refused stays, unlinked
    taken_external_id: str = "refused"  # refused; moved: it silently goes over to the record that asks for it
    hook_shape: str = "notifications"  # notifications: a list of them; event: each change in a request of its own
    deactivated: str = "shown"  # shown; hidden: neither searched nor read, and its sku or name still taken
    transaction_currency: bool = True  # a transaction has a currency_code
    transaction_currencies: list[str] = field(default_factory=list)  # the codes that it may have; none: any
    openapi: bool = True  # each family serves its document
