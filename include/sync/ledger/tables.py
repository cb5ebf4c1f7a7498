"""The tables of the ledger, as of its newest schema version.

Whoever changes them adds a revision to `migrations/versions`, and names it in `schema.NEWEST`.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()


def _pair() -> sa.Column[int]:
    """Whose row it is: what is remembered of one pair of systems is never seen by another."""
    return sa.Column("pair", sa.SmallInteger, primary_key=True, autoincrement=False)


# As Alembic keeps it: one row, the schema's version.
VERSIONS = sa.Table("sync_schema", metadata, sa.Column("version_num", sa.String(32), primary_key=True))

# The two systems that a row is about: Business Central's company and iPaaS.com's subscription.
pairs = sa.Table(
    "sync_pairs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("tenant_id", sa.String(64)),
    sa.Column("environment", sa.String(64)),
    sa.Column("company_name", sa.String(100)),
    sa.Column("company_id", sa.String(64)),  # None until Business Central has been asked
    sa.Column("ipaas_company_id", sa.String(64)),
    sa.Column("system_id", sa.Integer),
    # When the name was last seen to be this company's; None: the pair of rows from before, not known yet.
    sa.Column("named_at", sa.String(40)),
    sa.Column("checked", sa.Boolean, nullable=False, default=False),  # the subscription is Business Central's
)

transfers = sa.Table(
    "sync_transfers",
    metadata,
    _pair(),
    sa.Column("flow", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("target_id", sa.Text),  # JSON: an id may be a number or a string, and is sent as it was received
    sa.Column("record_id", sa.String(64)),  # the record's immutable id in Business Central
    sa.Column("fingerprint", sa.String(64)),
    sa.Column("memory", sa.Text),
    sa.Column("seen_as", sa.String(32)),  # a print of what was read when it was last found unchanged
    sa.Column("base", sa.LargeBinary),  # the values that both sides had last, JSON compressed by zlib
    sa.Column("read_at", sa.String(40)),  # when what was tried or seen last was read, by the clock of its system
    sa.Column("run_id", sa.String(250)),
    sa.Column("outcome", sa.Text),  # of that run, so that a repeated task reports the same
    sa.Column("state", sa.String(10), nullable=False),  # a `State`
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("next_try", sa.String(40)),  # None: only a person or a change starts another try
    sa.Column("kind", sa.String(20)),
    sa.Column("message", sa.Text),
    sa.Column("advice", sa.Text),
    sa.Column("waits_for", sa.String(300)),
    sa.Column("tried_fingerprint", sa.String(64)),
    sa.Column("since", sa.String(40)),  # from when on it has not been done
    sa.Column("cause", sa.String(300)),  # what records that fail for the same reason have in common
    sa.Index("sync_transfers_state", "pair", "flow", "state", "next_try"),
    sa.Index("sync_transfers_waits_for", "pair", "waits_for"),
)

# Records that are done, and would be otherwise if another one were linked.
watches = sa.Table(
    "sync_watches",
    metadata,
    _pair(),
    sa.Column("waits_for", sa.String(300), primary_key=True),
    sa.Column("flow", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Index("sync_watches_key", "pair", "flow", "key"),
)

links = sa.Table(
    "sync_links",
    metadata,
    _pair(),
    sa.Column("table_name", sa.String(64), primary_key=True),
    sa.Column("folded", sa.String(200), primary_key=True),
    sa.Column("external_id", sa.String(200), nullable=False),
    sa.Column("internal_id", sa.Text, nullable=False),
    sa.Column("record_id", sa.String(64)),  # the record's immutable id in Business Central
    sa.Column("pushed", sa.Boolean, nullable=False, default=True),  # known to iPaaS.com too
    sa.Index("sync_links_internal", "pair", "table_name", "internal_id"),
    sa.Index("sync_links_record", "pair", "table_name", "record_id"),
)
_untold = links.c.pushed.is_(False)
# Few among all links: an index of those alone.
sa.Index(
    "sync_links_unpushed",
    links.c.pair,
    links.c.table_name,
    links.c.folded,
    sqlite_where=_untold,
    postgresql_where=_untold,
)

claims = sa.Table(
    "sync_claims",
    metadata,
    _pair(),
    sa.Column("table_name", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("owner", sa.String(300), nullable=False),  # the task, in words
    sa.Column("try_id", sa.String(36), nullable=False),  # the try of that task, never the same again
    sa.Column("fence", sa.Integer, nullable=False),  # higher with each that takes the claim over
    sa.Column("claimed_at", sa.String(40), nullable=False),
    sa.Column("renewed_at", sa.String(40), nullable=False),
)

# The latest try of each task that is under way: an earlier one may not claim anything any more.
tries = sa.Table(
    "sync_tries",
    metadata,
    _pair(),
    sa.Column("task", sa.String(300), primary_key=True),
    sa.Column("try_id", sa.String(36), nullable=False),
    sa.Column("began_at", sa.String(40), nullable=False),
)

reservations = sa.Table(
    "sync_reservations",
    metadata,
    _pair(),
    # What the references are numbers of in Business Central: customers and companies share theirs.
    sa.Column("numbers", sa.String(64), primary_key=True),
    sa.Column("folded", sa.String(200), primary_key=True),
    sa.Column("reference", sa.String(200), nullable=False),
    sa.Column("table_name", sa.String(64), nullable=False),  # as of the claim on the record that has it
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("purpose", sa.String(10), nullable=False),
    sa.Index("sync_reservations_key", "pair", "table_name", "key"),
)

positions = sa.Table(
    "sync_positions",
    metadata,
    _pair(),
    sa.Column("flow", sa.String(64), primary_key=True),
    sa.Column("read_from", sa.String(40), nullable=False),
)

inbox = sa.Table(
    "sync_inbox",
    metadata,
    _pair(),
    sa.Column("flow", sa.String(64), primary_key=True),
    sa.Column("ipaas_id", sa.String(64), primary_key=True),
    # Another one with every receipt, and never the same again: a repeated task must not drop what came after it.
    sa.Column("generation", sa.String(32), nullable=False),
    sa.Column("received_at", sa.String(40), nullable=False),  # the first of those that folded
    sa.Column("scope", sa.String(100)),
    sa.Index("sync_inbox_age", "pair", "flow", "received_at"),
)

# How the two sides stood when all records of a flow were compared last.
reconciled = sa.Table(
    "sync_reconciled",
    metadata,
    _pair(),
    sa.Column("flow", sa.String(64), primary_key=True),
    sa.Column("as_of", sa.String(40), nullable=False),
    sa.Column("compared", sa.Integer, nullable=False),
    sa.Column("found", sa.Text, nullable=False),  # JSON: how many of each difference are left, and what was healed
)

# What was written of records, before and after.
history = sa.Table(
    "sync_history",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("pair", sa.SmallInteger, nullable=False),
    sa.Column("flow", sa.String(64), nullable=False),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("run_id", sa.String(250), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("result", sa.String(10), nullable=False),
    sa.Column("fields", sa.LargeBinary, nullable=False),  # JSON compressed by zlib
    sa.Index("sync_history_record", "pair", "flow", "key"),
    sa.Index("sync_history_at", "pair", "at"),
)

# How iPaaS.com behaves where that is in doubt, as it was found out.
facts = sa.Table(
    "sync_facts",
    metadata,
    _pair(),
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),  # JSON
    sa.Column("found_at", sa.String(40), nullable=False),
)

# Throttle windows belong to systems, not to pairs: an application of Business Central may serve several companies.
windows = sa.Table(
    "sync_windows",
    metadata,
    sa.Column("system", sa.String(200), primary_key=True),
    sa.Column("not_before", sa.Float, nullable=False),  # seconds since 1970 by the database's clock, as all below
)

window_leases = sa.Table(
    "sync_window_leases",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("system", sa.String(200), nullable=False),
    sa.Column("run", sa.String(300), nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("calls", sa.Integer, nullable=False),
    sa.Index("sync_window_leases_at", "system", "at"),
)

window_line = sa.Table(
    "sync_window_line",
    metadata,
    sa.Column("system", sa.String(200), primary_key=True),
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("needs", sa.Integer, nullable=False),
    sa.Column("little", sa.Boolean, nullable=False),
    sa.Column("seen", sa.Float, nullable=False),
    sa.Column("served", sa.Float, nullable=False),
)
