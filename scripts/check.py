"""Says in plain words whether both Connections work, and what is missing: `make check`."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Try both systems; the exit code is 0 when both can be used."""
    from airflow.models import Variable
    from bridge.hooks import BusinessCentralHook, IPaaSHook
    from bridge.server import connection

    from include.settings import SyncSettings

    hooks = (BusinessCentralHook(), IPaaSHook())
    # The hooks ask as in a task, whom Airflow answers. Nobody answers here, so they find everything in the environment.
    for hook in hooks:
        if found := connection(hook.default_conn_name):
            os.environ[f"AIRFLOW_CONN_{hook.default_conn_name.upper()}"] = found.as_json()
    for name in SyncSettings.model_fields:
        value = Variable.get(name, default_var=None)
        if value is not None:
            os.environ[f"AIRFLOW_VAR_{name.upper()}"] = str(value)
    good = True
    for hook in hooks:
        works, said = hook.test_connection()
        sys.stdout.write(f"{'Good' if works else 'NOT GOOD'}  {hook.hook_name}: {said}\n")
        good = good and works
        if works and isinstance(hook, IPaaSHook):
            for text in hook.differences() or ():
                sys.stdout.write(f"      differs: {text}\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
