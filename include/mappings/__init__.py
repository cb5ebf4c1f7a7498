"""Pure mappings, record to record, both directions: no network, no clock, no Variable. May not import Airflow,
the clients or the engine, beyond its value types (`include.sync.records`)."""
