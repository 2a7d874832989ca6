"""The API keeps to its own document, whatever it is asked: schemathesis asks, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from limits import RateLimitItemPerSecond
from readers_web import TUESDAY, Place
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from schemathesis.python.asgi import shutdown_lifespans
from serving_web import aside
from webhooks_web import SECRET, signed

from newsletter.store import Store
from newsletter.web.app import application
from newsletter.web.windows import Window

TOKEN = "the-operator-s-token-in-tests"
SIGNED = "/api/v1/bounces"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The application over a store with something of everything in it. Its limits are wide, so that they do not answer
    in the place of what is behind them."""
    place = Place(
        tmp_path_factory.mktemp("api"),
        site={"url": "https://papers.example.org", "operator_token": TOKEN},
        bounces={"webhook_secret": SECRET},
    )
    place.list_papers(TUESDAY, "A robot that walks", "A mollusc that stays", "Something of neither")
    aside(_filled(place))
    made = application(place.configuration, now=lambda: datetime.now(UTC))
    made.state.readings = made.state.wrong_tokens = Window(RateLimitItemPerSecond(1_000_000))
    yield made
    shutdown_lifespans()


async def _filled(place: Place) -> None:
    await place.run(TUESDAY)
    async with await Store.open(place.url) as store:
        await store.suppressions.add("gone@example.org", "hard bounce (5.1.1)", place.now)


class Signing:
    """In front of the application, a provider who knows the secret: every webhook is signed, whatever is in it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != SIGNED:
            await self._app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        kept = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(b"webhook-")]
        ours = [
            (name.encode(), value.encode()) for name, value in signed(body, datetime.now(UTC), str(id(body))).items()
        ]

        async def again() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope | {"headers": kept + ours}, again, send)


def _asked(
    app: Any, examples: int, token: str = TOKEN, only: str | None = None, **checks: Any
) -> tuple[int, list[str]]:
    """How many answers schemathesis looked at, and what it found wrong."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": 7,
            "headers": {"Authorization": f"Bearer {token}"} if token else {},
            "generation": {"deterministic": True, "max-examples": examples, "database": "none"},
            # What a schema cannot say (that a topic is there, say) is the fault of the sender all the same.
            "checks": {"positive_data_acceptance": {"enabled": False}, **checks},
            "phases": {"stateful": {"enabled": False}},
            "warnings": False,
            # Each event of a provider is a commit of its own, and a disk that others use too is slow: this asks what is
            # answered, not how soon.
            "request-timeout": 300,
        }
    )
    document = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, config=config)
    answers, faults = 0, []
    for event in from_schema(document.include(path=only) if only else document).execute():
        if isinstance(event, FatalError):
            raise event.exception
        if isinstance(event, NonFatalError):
            faults.append(str(event.info))
        if isinstance(event, ScenarioFinished):
            answers += len(event.recorder.interactions)
            faults += list(_found(event.recorder))
    return answers, faults


def _found(recorder: Any) -> Iterator[str]:
    for number, checks in recorder.checks.items():
        case = recorder.cases[number].value
        for one in checks:
            if one.failure_info:
                asked = f"{case.method} {case.formatted_path} {case.query!r:.300} {case.body!r:.500}"
                yield f"{asked}\n{one.name}: {one.failure_info.failure.title}: {one.failure_info.failure.message}\n"


def test_the_api_keeps_to_its_document(app: Any) -> None:
    answers, faults = _asked(app, 2)
    assert not faults, "\n".join(faults)
    assert answers > 300


def test_bounces_that_are_signed_keep_to_the_document(app: Any) -> None:
    off = {"enabled": False}  # headers that are wrong or missing do not stay so behind our provider
    answers, faults = _asked(Signing(app), 20, only=SIGNED, negative_data_rejection=off, missing_required_header=off)
    assert not faults, "\n".join(faults)
    assert answers > 20


@pytest.mark.slow
@pytest.mark.parametrize("token", [TOKEN, "a-token-that-is-none", ""])
def test_the_api_keeps_to_its_document_for_long(app: Any, token: str) -> None:
    answers, faults = _asked(app, 8, token)
    assert not faults, "\n".join(faults)
    assert answers > 300
