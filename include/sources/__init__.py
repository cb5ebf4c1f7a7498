"""Where a flow's records come from: feeds, details, asked ids. May import `sync`'s words, the clients and `mappings`; never `writers`."""
