"""The two hooks: thin over the clients in `include`, usable from any DAG.

The clients are imported when a hook connects, not before: every task parses its DAG file again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, Variable
from airflow.sdk.exceptions import AirflowNotFoundException

from bridge.provider import BUSINESS_CENTRAL, IPAAS
from bridge.staging import home

if TYPE_CHECKING:
    from include.business_central.client import BusinessCentralClient
    from include.ipaas.client import IPaaSClient
    from include.settings import BusinessCentralConnection, IPaaSConnection, SyncSettings
    from include.transport.throttle import Pacer, ThrottleWindow

    # The window of a system, by its name, limit and seconds.
    Windows = Callable[[str, int, float], ThrottleWindow]


def _mask(*secrets: str | None) -> None:
    """Keep these out of every log; Airflow knows only the names it expects secrets under."""
    from airflow.sdk.log import mask_secret

    for secret in secrets:
        if secret:
            mask_secret(secret)


def current_settings() -> SyncSettings:
    """The Variables as they are now. Raises SettingsError naming the one that is wrong."""
    from include.settings import SyncSettings

    return SyncSettings.load(lambda name: Variable.get(name, default=None))


def _parts(conn_id: str) -> tuple[str | None, str | None, str | None, dict[str, Any]]:
    """Host with scheme and port, login, password and extra of a Connection."""
    from include.settings import SettingsError

    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise SettingsError(
            f"Connection {conn_id}",
            "missing",
            "Make it under Admin, Connections, or fill in airflow_settings.yaml and run `make settings`.",
        ) from None
    host = connection.host
    if host and "://" not in host:
        host = f"{connection.schema or 'https'}://{host}"
    if host and connection.port and f":{connection.port}" not in host:
        host = f"{host}:{connection.port}"
    extra = dict(connection.extra_dejson)
    for name in ("verify", "certificate", "assertion_file"):
        file = extra.get(name)
        if isinstance(file, str) and file.lower() not in ("", "true", "false") and not Path(file).is_absolute():
            # A relative path is of a file beside Airflow's own, wherever that is.
            extra[name] = str(home() / file)
    return host, connection.login, connection.password, extra


def _never() -> bool:
    """Somebody gives way to nobody."""
    return False


def _pacer(
    system: str,
    whose: tuple[str, ...],
    limit: int,
    seconds: float,
    window: Windows | None,
    gives_way: Callable[[], bool],
) -> Pacer:
    """What paces a client: the window that all tasks share, or one of its own where there is no ledger."""
    from include.transport.throttle import SharedThrottle, Throttle

    if window is None:
        return Throttle(limit, seconds, system=system)
    name = f"{system} {hashlib.sha256(' '.join(whose).encode()).hexdigest()[:32]}"
    return SharedThrottle(window(name, limit, seconds), system=system, gives_way=gives_way)


class BusinessCentralHook(BaseHook):
    """Business Central by the client credentials of a Connection.

    :param business_central_conn_id: the Connection; its fields are described in the README.
    """

    conn_name_attr = "business_central_conn_id"
    default_conn_name = "business_central"
    conn_type = BUSINESS_CENTRAL
    hook_name = "Business Central"

    def __init__(self, business_central_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.business_central_conn_id = business_central_conn_id

    def settings(self) -> BusinessCentralConnection:
        """The Connection, validated. Raises SettingsError naming the field that is missing or wrong."""
        from include.settings import BusinessCentralConnection

        host, login, password, extra = _parts(self.business_central_conn_id)
        _mask(
            password,
            *(extra.get(name) for name in ("secret_2", "certificate_password", "notification_secret")),
        )
        return BusinessCentralConnection.from_parts(host, login, password, extra)

    def get_conn(
        self,
        settings: SyncSettings | None = None,
        *,
        concurrency: int = 1,
        window: Windows | None = None,
        gives_way: Callable[[], bool] = _never,
    ) -> BusinessCentralClient:
        """A client with these settings, else those of the Variables. `window` makes the window that all tasks share;
        `gives_way`: whether who would wait for it is rather to give way to others.

        Raises SettingsError naming the Variable or the field that is missing or wrong.
        """
        from include.business_central.client import BusinessCentralClient

        settings, connection = settings or current_settings(), self.settings()
        return BusinessCentralClient(
            connection,
            throttle=self._throttle(connection, settings, window, gives_way),
            service_names=settings.bc_service_names,
            concurrency=concurrency,
        )

    @staticmethod
    def _throttle(
        connection: BusinessCentralConnection,
        settings: SyncSettings,
        window: Windows | None,
        gives_way: Callable[[], bool] = _never,
    ) -> Pacer:
        """How many calls are sent: Business Central counts by application."""
        whose = (connection.tenant_id, connection.environment, connection.client_id)
        limit, seconds = settings.bc_throttle_limit, settings.bc_throttle_seconds
        return _pacer("Business Central", whose, limit, seconds, window, gives_way)

    def credential_faults(self) -> list[str]:
        """Which credentials end soon, or were refused while another one was taken; each with what to do."""
        client = self.get_conn()
        client.sign_in()
        return client.credential_faults()

    def subscribe(self, resources: Sequence[str], events: Sequence[str], window: Windows) -> list[str]:
        """Have Business Central tell the Connection's notification_url of changes to resources of API v2.0, and of business
        events; answers in words what was done.

        Empty where there is no such address. Raises SettingsError, and ServiceError when the service refuses.
        """
        from include.business_central.subscriptions import SubscribingClient

        connection = self.settings()
        if connection.notification_url is None or connection.notification_secret is None:
            return []
        settings = current_settings()
        throttle = self._throttle(connection, settings, window)
        client = SubscribingClient(connection, throttle=throttle, service_names=settings.bc_service_names)
        secret = connection.notification_secret.get_secret_value()
        done = client.subscribe(resources, connection.notification_url, secret)
        return done + client.subscribe_to_events(events, connection.notification_url, secret)

    def test_connection(self) -> tuple[bool, str]:
        """Whether everything is in place, and in plain words what is not."""
        from include.business_central import connection_check
        from include.settings import SettingsError

        try:
            return connection_check.check(self.get_conn())
        except SettingsError as error:
            return False, str(error)


class IPaaSHook(BaseHook):
    """iPaaS.com by a user's login, or by a ready company token.

    :param ipaas_conn_id: the Connection; its fields are described in the README.
    """

    conn_name_attr = "ipaas_conn_id"
    default_conn_name = "ipaas"
    conn_type = IPAAS
    hook_name = "iPaaS.com"

    def __init__(self, ipaas_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.ipaas_conn_id = ipaas_conn_id

    def settings(self) -> IPaaSConnection:
        """The Connection, validated. Raises SettingsError naming the field that is missing or wrong."""
        from include.settings import IPaaSConnection

        host, login, password, extra = _parts(self.ipaas_conn_id)
        _mask(password, extra.get("webhook_api_key"))
        return IPaaSConnection.from_parts(host, login, password, extra)

    def get_conn(
        self,
        settings: SyncSettings | None = None,
        *,
        concurrency: int = 1,
        window: Windows | None = None,
        gives_way: Callable[[], bool] = _never,
    ) -> IPaaSClient:
        """A client with these settings, else those of the Variables. `window` makes the window that all tasks share;
        `gives_way`: whether who would wait for it is rather to give way to others.

        Raises SettingsError naming the Variable or the field that is missing or wrong.
        """
        from include.ipaas.client import IPaaSClient

        settings, connection = settings or current_settings(), self.settings()
        # iPaaS.com counts by company.
        whose = (connection.urls["sso"], str(connection.company_id))
        limit, seconds = settings.ipaas_throttle_limit, settings.ipaas_throttle_seconds
        throttle = _pacer("iPaaS.com", whose, limit, seconds, window, gives_way)
        return IPaaSClient(connection, throttle=throttle, concurrency=concurrency, own_paths=settings.ipaas_paths)

    def test_connection(self) -> tuple[bool, str]:
        """Whether everything is in place, and in plain words what is not."""
        from include.settings import SettingsError

        try:
            return self.get_conn().check()
        except SettingsError as error:
            return False, str(error)
