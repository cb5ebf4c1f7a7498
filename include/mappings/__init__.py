"""Pure mappings, record to record, both directions: no network, no clock, no Variable, and of the engine its values only."""
