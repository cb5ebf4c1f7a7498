"""Says in plain words whether both Connections work, and what is missing: `make check`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.hooks import BusinessCentralHook, IPaaSHook


def into_environment(hooks: Iterable[BusinessCentralHook | IPaaSHook]) -> None:
    """Put Connections and Variables where hooks find them: they ask as in a task, whom Airflow answers, and nobody does here."""
    from airflow.models import Variable
    from bridge.server import connection

    from include.settings import SyncSettings

    for hook in hooks:
        if found := connection(hook.default_conn_name):
            os.environ[f"AIRFLOW_CONN_{hook.default_conn_name.upper()}"] = found.as_json()
    for name in SyncSettings.model_fields:
        value = Variable.get(name, default_var=None)
        if value is not None:
            os.environ[f"AIRFLOW_VAR_{name.upper()}"] = str(value)


def main() -> int:
    """Try both systems; the exit code is 0 when both can be used."""
    from bridge.hooks import BusinessCentralHook, IPaaSHook

    hooks = (BusinessCentralHook(), IPaaSHook())
    into_environment(hooks)
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
