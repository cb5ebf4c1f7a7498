"""The ledger: what this project remembers of links, of what it last wrote, and of every unfinished transfer.

A small SQL database (SQLite by default, PostgreSQL for several workers). iPaaS.com's external-ID service stays
the authority for links: the ledger may be deleted at any time, and the next run still creates no duplicate.

`tables` says what is kept, `schema` and `migrations` how an earlier version becomes this one, `database` how the
database is reached; each of the others speaks of one kind of thing that is kept, and `Ledger` is all of them.
"""

from include.sync.ledger.faults import LedgerFault as LedgerFault
from include.sync.ledger.ledger import Ledger as Ledger
from include.sync.ledger.read_only import ReadOnlyLedger as ReadOnlyLedger
