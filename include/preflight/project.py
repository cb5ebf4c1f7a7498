"""What has to be in place here: settings, limits, pools, the key of webhooks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial

from include.errors import SettingsError
from include.preflight.checks import Check, Red, Unknown
from include.settings import BusinessCentralConnection, IPaaSConnection, SyncSettings

BUSINESS_CENTRAL = "Connection business_central"
IPAAS = "Connection ipaas"
# How alike a name of no setting is to that of one before it is taken for a slip: `bc_timezone`, and not `bc_time_zone_old`.
_ALIKE = 0.9
# What Business Central allows one application: 6,000 calls in five minutes.
_BC_CALLS, _BC_SECONDS = 6_000, 300


@dataclass(frozen=True, kw_only=True)
class Here:
    """What is known here. `pools`: their slots by name, None where nobody can look; `webhooks`: how many wait, with the
    moment of the oldest; `events`: the business events of Business Central that concern a flow; `variables`: the names
    of all Variables that Airflow keeps."""

    settings: SyncSettings
    wrong: Sequence[SettingsError]
    business_central: Callable[[], BusinessCentralConnection]
    ipaas: Callable[[], IPaaSConnection]
    pools: Mapping[str, int] | None
    least_slots: int
    webhooks: Callable[[], tuple[int, str | None]]
    events: Sequence[str]
    variables: Callable[[], Collection[str]]

    def identity(self) -> Iterator[Check]:
        """Who is meant, which comes first."""
        yield Check(line=BUSINESS_CENTRAL, ask=self._bc)
        yield Check(line=IPAAS, ask=self._ipaas)
        for error in self.wrong:
            yield Check(line=error.setting, ask=_raising(error))
        if not self.wrong:
            yield Check(line="Variables", ask=lambda: "Each has a value that is allowed.")
        yield Check(line="Names of Variables", ask=self._names)

    def surroundings(self) -> Iterator[Check]:
        """What the runs need around them."""
        yield Check(line="Webhook key", ask=self._key, after=(IPAAS,))
        yield Check(line="Webhooks", ask=self._webhooks, after=(BUSINESS_CENTRAL, IPAAS))
        yield Check(line="Notifications", ask=self._notifications, after=(BUSINESS_CENTRAL,))
        yield Check(line="Limit of Business Central", ask=self._limit)
        for name in ("business_central", "ipaas"):
            yield Check(line=f"Pool {name}", ask=partial(self._pool, name))

    def _bc(self) -> str:
        found = self.business_central()
        return (
            f"Tenant {found.tenant_id}, environment {found.environment}, company {found.company_name!r} at {found.url}."
        )

    def _ipaas(self) -> str:
        found = self.ipaas()
        return f"Company {found.company_id or 'of the token'}, subscription {found.system_id} at {found.url}."

    def _names(self) -> str:
        """A Variable whose name nobody reads changes nothing, and no run could say so."""
        settings = SyncSettings.model_fields
        slips = {}
        for name in sorted(set(self.variables()) - set(settings)):
            if meant := get_close_matches(name.strip().casefold(), settings, n=1, cutoff=_ALIKE):
                slips[name] = meant[0]
        if slips:
            listed = "; ".join(f"{name!r}, which is like {meant}" for name, meant in slips.items())
            raise Red(f"No setting has this name: {listed}.", "Put the value under the setting's name, and delete it.")
        return "None is like that of a setting without being one."

    def _key(self) -> str:
        if self.ipaas().webhook_api_key is None:
            raise Red(
                "No key is set, so webhooks are refused.",
                "Put the subscription's webhook key into extra webhook_api_key of the Connection ipaas.",
            )
        return "It is set."

    def _webhooks(self) -> str:
        waiting, since = self.webhooks()
        if waiting:
            if waiting == 1:
                return f"1 has arrived and waits for its flow's next run, since {since}."
            return f"{waiting:,} have arrived and wait for their flow's next run, the first since {since}."
        raise Unknown("None waits. Change a record in iPaaS.com to see whether one arrives.")

    def _notifications(self) -> str:
        found = self.business_central()
        if found.notification_url is None:
            raise Unknown(
                "No extra notification_url is set in the Connection business_central: polls alone find what changes there."
            )
        return f"Business Central is asked to post changes to {found.notification_url} (DAG subscriptions)."

    def _limit(self) -> str:
        limit, seconds = self.settings.bc_throttle_limit, self.settings.bc_throttle_seconds
        if limit * _BC_SECONDS > _BC_CALLS * seconds:
            raise Red(
                f"{limit:,} calls in {seconds} s are more than Business Central allows.",
                f"Set bc_throttle_limit and bc_throttle_seconds to {_BC_CALLS} and {_BC_SECONDS}, or less.",
            )
        return f"{limit:,} calls in {seconds} s are allowed."

    def _pool(self, name: str) -> str:
        if self.pools is None:
            raise Unknown("A task cannot look at pools; `make check` does.")
        slots = self.pools.get(name)
        if slots is None or slots < self.least_slots:
            there = (
                "There is none: no task would ever start." if slots is None else f"It has {slots} slots: none loads."
            )
            raise Red(there, f"Make it under Admin, Pools, with at least {self.least_slots} slots; 10 are proposed.")
        return f"{slots} slots."


def _raising(error: SettingsError) -> Callable[[], str]:
    def ask() -> str:
        raise error

    return ask
