"""The synchronisation itself, without Airflow: settings, clients, engine, mappings, flows, and the sandbox."""

import time

# Before anything else of it was loaded: a file that was written later may say something else than what is.
LOADED_AT = time.time()
