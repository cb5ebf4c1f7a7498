"""`POST /ipaas/hooks` and `POST /business_central/notifications`: where either system announces that records changed.
Their flow is started at once.

Loaded by Airflow's API server, which does not authenticate the routes of plugins: iPaaS.com shows the key of its
subscription, and each notification of Business Central the secret of its own. An answer of 200 means that everything taken
is in the ledger for good; after any other the sender tries again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable, Sequence

from anyio import CapacityLimiter, move_on_after, to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from bridge.server import Current, current
from bridge.waking import Bell
from include.errors import Signal
from include.flows import FLOWS
from include.sync import notices, webhooks
from include.sync.ledger import Ledger, LedgerFault
from include.sync.runs import Pair

# Far above 10,000 notifications in one request.
LIMIT = 8 * 1024 * 1024
# The server's threads belong to Airflow's own users, running tasks among them: a burst waits in line for a few.
_THREADS = CapacityLimiter(8)
# Seconds in which a body has to arrive: a sender that dribbles would hold its connection for ever.
BODY_SECONDS = 30.0
# Requests that are worked on at once; others are asked to come back, so that the server stays free for Airflow's own.
AT_ONCE = 256
LISTENING = webhooks.listeners(FLOWS.values())
ANNOUNCED = notices.listening(FLOWS.values())

app = FastAPI(title="Webhooks of iPaaS.com", docs_url=None, redoc_url=None, openapi_url=None)
notifications = FastAPI(title="Notifications of Business Central", docs_url=None, redoc_url=None, openapi_url=None)
_log = logging.getLogger(__name__)


class _TooLarge(Signal):
    """The body is larger than any honest one."""


class _Slow(Signal):
    """The body does not arrive."""


class _Gate:
    """How many requests are being worked on."""

    def __init__(self) -> None:
        self.inside = 0


_gate = _Gate()


class _NotConfigured(Signal):
    """The Connections do not say which two systems are kept in step."""


# (flow, iPaaS.com id, scope).
_Entry = tuple[str, str, str]


class _Bundle:
    """What one request brings, and whether it is kept, or why not."""

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self.entries = entries
        self.settled = False
        self.fault: Exception | None = None


class _Together:
    """Keeps what several requests bring in one transaction, since a commit takes far longer than all else.

    Whoever comes while one is under way waits for its end; the first of them then takes along what all have brought.
    """

    def __init__(self) -> None:
        self._waiting: dict[Ledger, list[_Bundle]] = {}
        self._adding, self._turn = threading.Lock(), threading.Lock()

    def keep(self, ledger: Ledger, entries: Sequence[_Entry]) -> None:
        """Returns when these are kept for good. Raises what kept the transaction from it."""
        mine = _Bundle(entries)
        with self._adding:
            self._waiting.setdefault(ledger, []).append(mine)
        with self._turn:
            if not mine.settled:
                with self._adding:
                    bundles = self._waiting.pop(ledger)
                self._commit(ledger, bundles)
        if mine.fault is not None:
            raise mine.fault

    @staticmethod
    def _commit(ledger: Ledger, bundles: Sequence[_Bundle]) -> None:
        fault: Exception | None = None
        try:
            ledger.receive(entry for bundle in bundles for entry in bundle.entries)
        except Exception as error:  # noqa: BLE001 - each of those that wait for it is told
            fault = error
        for bundle in bundles:
            bundle.fault, bundle.settled = fault, True


_together = _Together()
_bell = Bell()


@app.post("/hooks")
async def receive(request: Request) -> Response:
    """Take notifications; answers how many were taken once they are kept, and which could not be read."""
    return await _within_limits(request, _webhooks)


@notifications.api_route("/notifications", methods=["GET", "POST"])
async def receive_notifications(request: Request) -> Response:
    """Take notifications; or answer Business Central, which asks whether we are there while it makes a subscription."""
    return await _within_limits(request, _notifications)


async def _within_limits(request: Request, answer: Callable[[Request, Current], Awaitable[Response]]) -> Response:
    """The answer, unless too many are being worked on; whatever goes wrong is one, too."""
    if _gate.inside >= AT_ONCE:
        return _refusal(503, "INTL", "Too many requests at once. Send it again.", {"Retry-After": "1"})
    _gate.inside += 1
    try:
        return await _received(request, answer)
    finally:
        _gate.inside -= 1


async def _webhooks(request: Request, known: Current) -> Response:
    if not webhooks.is_sender(request.headers.get("authorization", ""), known.key):
        return _refusal(401, "AUTH-1001", "The webhook key is missing or wrong.", {"WWW-Authenticate": "Bearer"})
    body = await _body(request)
    answer, flows = await to_thread.run_sync(_keep, body, known, limiter=_THREADS)
    _bell.ring(flows)
    return answer


async def _notifications(request: Request, known: Current) -> Response:
    if known.secret is None:
        return _refusal(401, "AUTH-1001", "No notification_secret is set in the Connection business_central.")
    if (token := request.query_params.get("validationToken")) is not None:
        if (said := notices.handshake(token)) is None:
            return _refusal(400, webhooks.MALFORMED, "The validationToken is none.")
        return PlainTextResponse(said, headers={"X-Content-Type-Options": "nosniff"})
    body = await _body(request)
    answer, flows = await to_thread.run_sync(_keep_notices, body, known, limiter=_THREADS)
    _bell.ring(flows)
    return answer


async def _received(request: Request, answer: Callable[[Request, Current], Awaitable[Response]]) -> Response:
    try:
        known = await to_thread.run_sync(current, limiter=_THREADS)
        return await answer(request, known)
    except notices.WrongSecret:
        return _refusal(401, "AUTH-1001", "The clientState is missing or wrong.")
    except _TooLarge:
        return _refusal(
            413, webhooks.MALFORMED, f"A request may have {LIMIT:,} bytes. Send fewer notifications in one."
        )
    except _Slow:
        return _refusal(408, webhooks.MALFORMED, f"The body did not arrive within {BODY_SECONDS:.0f} seconds.")
    except (webhooks.MalformedWebhook, notices.MalformedNotices) as error:
        return _refusal(400, webhooks.MALFORMED, str(error)[:1000])
    except ClientDisconnect:
        return _refusal(400, webhooks.MALFORMED, "The body is not complete.")
    except _NotConfigured as error:
        _log.warning("What was announced could not be kept: %s", error)
        return _refusal(503, "INTL", f"The notifications could not be kept: {error}. Send them again.")
    except (SQLAlchemyError, LedgerFault) as error:
        _log.exception("What was announced could not be kept; the sender is asked to repeat it")
        return _refusal(503, "INTL", f"The notifications could not be kept ({type(error).__name__}). Send them again.")


def _keep(body: bytes, known: Current) -> tuple[JSONResponse, set[str]]:
    """Keep what a request brings: the answer, and the flows that something is announced to."""
    pair, ledger = _configured(known)
    return _kept(ledger, webhooks.take(webhooks.read_webhook(body), LISTENING, pair.system_id))


def _keep_notices(body: bytes, known: Current) -> tuple[JSONResponse, set[str]]:
    """The same of what Business Central posts."""
    _, ledger = _configured(known)
    return _kept(ledger, notices.take(body, known.secret, ANNOUNCED, ledger.known.systems.company_id))


def _configured(known: Current) -> tuple[Pair, Ledger]:
    """The two systems that are kept in step, and their ledger. Raises _NotConfigured."""
    if known.pair is None or known.ledger is None:
        raise _NotConfigured("The Connections business_central and ipaas must name both systems, system_id among it")
    return known.pair, known.ledger


def _kept(ledger: Ledger, taken: webhooks.Taken | notices.TakenNotices) -> tuple[JSONResponse, set[str]]:
    if taken.entries:
        _together.keep(ledger, taken.entries)
    flows = {flow for flow, _, _ in taken.entries}
    if not taken.malformed:
        return JSONResponse({"accepted": taken.accepted}), flows
    # Whoever sent them may not read the answer.
    _log.warning("%s notifications could not be read, the first: %s", len(taken.malformed), taken.malformed[0])
    refused = [{"place": one.place, "reason": one.reason[:200]} for one in taken.malformed[:100]]
    return JSONResponse({"accepted": taken.accepted, "malformed": len(taken.malformed), "refused": refused}), flows


async def _body(request: Request) -> bytes:
    """The body, read no further than an honest one reaches."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > LIMIT:
        raise _TooLarge
    parts = bytearray()
    with move_on_after(BODY_SECONDS):
        async for part in request.stream():
            parts += part
            if len(parts) > LIMIT:
                raise _TooLarge
        return bytes(parts)
    raise _Slow


def _refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"code": code, "message": message}, status, headers)
