"""The synchronisation itself, without Airflow: settings, clients, engine, mappings, flows, and the sandbox."""
