"""What both clients share on the wire: typed errors, retries, throttling. May import `settings` only."""
