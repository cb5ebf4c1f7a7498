"""Where a flow's records come from: feeds, details, asked ids."""
