"""An installation with a past, for the operator's page: thirty days of deliveries, sources that failed, readers who
came and went, and whatever strangers put into names, replies and addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import httpx
from serving_web import NOW, configured

from newsletter.assembly import opened_daily
from newsletter.model import Batch, Delivery, Listing, Paper, State, Subscriber, Topic, Verdict
from newsletter.settings import Configuration
from newsletter.store import Store

TOKEN = "the-operators-own-token"
TODAY = NOW.date()
HOSTILE = '<script>window.hacked=1</script>"><img src=x onerror=window.hacked=1>\u202e'
TOPICS = (Topic("robots", "Robots", keywords=("robot",)), Topic("shells", "Shells <&>", keywords=("mollusc",)))
READERS = 40
SENDER = "the sender"
BROKEN_ON = TODAY - timedelta(2)


def opened(folder: Path, **site: str) -> Configuration:
    """An empty installation with an operator."""
    loaded = configured(folder, readers=(), topics=TOPICS)
    table = type(loaded.settings.site).model_validate({"operator_token": TOKEN} | site)
    return replace(loaded, settings=loaded.settings.model_copy(update={"site": table}))


async def seed(configuration: Configuration, days: int = 30) -> None:
    """Fill `configuration` with `days` up to TODAY."""
    async with opened_daily(configuration, now=lambda: NOW) as daily:
        store = daily.store
        for number in range(READERS):
            reader = Subscriber(
                f"reader{number:02}@example.org",
                HOSTILE if number == 7 else f"Reader {number}",
                topics=("robots", "shells")[: number % 3],
                origin="import",
            )
            came = _at(TODAY - timedelta(80 - 2 * number)) if number else None
            await store.subscribers.add([reader], came)
        own = Topic("~hostile", HOSTILE, keywords=("robot",))
        wishes = {"topics": ["robots"], "timezone": "UTC", "hour": 7, "locale": "", "own": [own]}
        await store.subscribers.change(8, rhythm=reader.rhythm, **wishes)  # type: ignore[arg-type]  # by name
        await store.bounces.record("0" * 64, 8, "reader07@example.org", "soft", "", "4.2.2", HOSTILE, _at(TODAY))
        for back in range(days - 1, -1, -1):
            await _day(store, TODAY - timedelta(back))
        await store.suppressions.add("reader38@example.org", HOSTILE, _at(TODAY - timedelta(1)))
        await store.suppressions.add("stranger@example.net", "hard bounce (5.1.1)", _at(TODAY - timedelta(9)))
        await daily.publishing.freeze(TODAY)


async def _day(store: Store, day: date) -> None:
    """A day's batches and deliveries: one is refused with hostile words, every tenth is lost, the rest is accepted."""
    at = _at(day)
    key = f"arxiv:{day:%y%m}.{day.day:05}"
    paper = Paper(key, "A Robot", "It moves.", listings=(Listing(day, "page", 1),), keys=(key,), first_seen=day)
    await store.batches.remember(Batch("page", "page", day, (paper,), Verdict.NEW, "one paper", kind="listing"), at)
    bad = Verdict.BROKEN if day == BROKEN_ON else Verdict.QUIET
    why = HOSTILE if bad is Verdict.BROKEN else "nothing there"
    await store.batches.remember(Batch(f"feed {HOSTILE[:30]}", "x", day, (), bad, why, kind="feed"), at)
    await store.ledger.plan(day, list(range(1, READERS - 4)), at)
    claimed = await store.ledger.claim(day, SENDER, at, timedelta(hours=1), 1_000)
    # All at once, as a sender's many connections do it: they share the flushes of the disk.
    await asyncio.gather(*(_sent(store, number, one, at) for number, one in enumerate(claimed)))


async def _sent(store: Store, number: int, delivery: Delivery, at: datetime) -> None:
    message_id = f"<{delivery.id}@example.org>"
    await store.ledger.begin_data(delivery, SENDER, at, message_id=message_id, sections=1, papers=3, size=20_000)
    state, code, reply = State.ACCEPTED, 250, "2.0.0 Ok: queued"
    if number == 7:
        state, code, reply = State.REFUSED, 550, f"5.1.1 {HOSTILE}"
    elif number % 10 == 9:
        await store.ledger.settle(delivery, SENDER, at, State.UNKNOWN)
        return
    await store.ledger.settle(delivery, SENDER, at, state, code=code, reply=reply)


def _at(day: date) -> datetime:
    return datetime.combine(day, time(8), UTC)


@contextmanager
def inside(address: str, token: str = TOKEN) -> Iterator[httpx.Client]:
    """A client that is logged in, and follows no redirect."""
    with httpx.Client(base_url=address, timeout=60) as client:
        answer = client.post("/admin/login", data={"token": token})
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin"), answer.text
        yield client


def pages(numbers: Sequence[str] = ("8",)) -> list[str]:
    """Every page that shows something, by path."""
    return [
        "/admin",
        "/admin/deliveries",
        "/admin/deliveries?state=refused",
        "/admin/deliveries/8",
        "/admin/batches",
        "/admin/batches?verdict=broken",
        "/admin/subscribers",
        *(f"/admin/subscribers/{number}" for number in numbers),
        "/admin/suppressions",
        "/admin/import",
    ]
