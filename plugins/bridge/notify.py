"""Whom Airflow tells when the DAG `health`, `preflight` or `subscriptions` ends red: the one place for its notifiers.
Nobody, to begin with.

Each is one of Airflow's own, from the provider that brings it, and reads its own Connection. For example, with
`apache-airflow-providers-smtp` installed and a Connection `smtp_default`:

    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    NOTIFIERS = [SmtpNotifier(to="operations@example.com", subject="Business Central and iPaaS.com are out of step")]
"""

from __future__ import annotations

from collections.abc import Callable

from airflow.sdk import Context

NOTIFIERS: list[Callable[[Context], None]] = []
