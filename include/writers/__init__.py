"""How records are written, to either system. May import `sync` and the clients; never `sources`."""
