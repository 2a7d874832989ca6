"""Today at a glance, and how the last weeks were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fastapi import Request
from starlette.responses import Response

from newsletter.assembly import calendar
from newsletter.model import OPEN_STATES, State, Status, Verdict
from newsletter.store.overview import Answers
from newsletter.web import showing
from newsletter.web.admin import charts
from newsletter.web.admin.door import page, shown
from newsletter.web.desk import AtDesk, Desk

LAST_DAYS = 30
GROWTH_DAYS = 90

VERDICTS = {
    Verdict.NEW: ("●", "brought something new"),
    Verdict.SAME: ("=", "had nothing that was not known"),
    Verdict.QUIET: ("○", "works, and has nothing"),
    Verdict.STALE: ("↻", "still shows an earlier day"),
    Verdict.PARTIAL: ("◐", "could be read in part"),
    Verdict.BROKEN: ("✕", "could not be read"),
}
"""A sign and a meaning for each verdict."""

STATES = {
    State.ACCEPTED: "the relay took it",
    State.REFUSED: "the relay refused it for good",
    State.UNKNOWN: "the relay’s answer was lost",
    State.DEFERRED: "refused for now, tried again",
    State.READY: "waits to be sent",
    State.PLANNED: "due, not ready yet",
    State.SENDING: "is being sent",
    State.SKIPPED: "nothing to send, or nobody to send it to",
    State.SUPERSEDED: "came with a later day",
}
"""The states in the order of interest, with their meaning."""

_SENT = (("accepted", "sent", (State.ACCEPTED,)), ("refused or lost", "bad", (State.REFUSED, State.UNKNOWN)))


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of a source: ISO, as words, and its verdict; None when nobody asked."""

    iso: str
    day: str
    verdict: Verdict | None


@shown("")
async def today(request: Request, desk: AtDesk) -> Response:
    """All of it on one page."""
    store, overview = desk.store, desk.store.overview
    until = desk.daily.publishing.today()
    after = until - timedelta(LAST_DAYS)
    by_day = await overview.deliveries_by_day(after, until)
    newest_date = await overview.newest_date()
    newest = await overview.deliveries_by_day(newest_date - timedelta(1), newest_date) if newest_date else {}
    counts = await store.ledger.counts()
    last = sum((Counter(states) for states in by_day.values()), Counter[State]())
    values = {
        "today": showing.full_day(until),
        "edition": await _edition(desk, until),
        "newest_date": newest_date,
        "newest": _of_day(newest.get(newest_date, {}) if newest_date else {}),
        "readers": await store.subscribers.counts(),
        "suppressed": await overview.suppressed(),
        "balanced": await store.ledger.balanced(),
        "waiting": sum(counts[state] for state in OPEN_STATES),
        "next_run": calendar(desk.settings).next_made(desk.now()),
        "states": [(state, STATES[state], last[state], counts[state]) for state in STATES],
        "since": after + timedelta(1),
        "asked": await store.batches.newest(),
        "verdicts": VERDICTS,
        "sources": _sources(await overview.answers(after, until), after, until),
        "sent": _sent(by_day, after, until),
        "growth": await _growth(desk, until),
    }
    return page(desk, "today", values)


async def _edition(desk: Desk, until: date) -> dict[str, Any] | None:
    """The newest edition; those of days to come are not announced."""
    edition = await desk.store.editions.newest(until)
    return (
        {"day": edition.day, "shown": showing.full_day(edition.day), "papers": len(edition.papers)} if edition else None
    )


def _of_day(states: Mapping[State, int]) -> dict[str, Any]:
    """A day's deliveries: how many were due, and each state that has some."""
    return {"due": sum(states.values()), "states": [(state, states[state]) for state in STATES if states.get(state)]}


def _sources(answers: list[Answers], after: date, until: date) -> list[tuple[str, list[Cell]]]:
    """What each source answered on each day."""
    found = {(one.source, one.day): one.verdict for one in answers}
    days = _days(after, until)
    return [
        (source, [Cell(day.isoformat(), showing.full_day(day), found.get((source, day))) for day in days])
        for source in dict.fromkeys(one.source for one in answers)
    ]


def _sent(by_day: Mapping[date, Mapping[State, int]], after: date, until: date) -> charts.Chart:
    days = _days(after, until)
    series = [
        charts.Series(name, look, [sum(by_day.get(day, {}).get(state, 0) for state in states) for day in days])
        for name, look, states in _SENT
    ]
    return charts.bars("sent", f"Sent per day of the digest, the last {LAST_DAYS} days", days, series)


async def _growth(desk: Desk, until: date) -> charts.Chart:
    found = await desk.store.overview.readers_by_day(until - timedelta(GROWTH_DAYS), until)
    readers = charts.Series("readers", "sent", [number for _, number in found])
    return charts.line("readers", f"Readers, the last {GROWTH_DAYS} days", [day for day, _ in found], readers)


def _days(after: date, until: date) -> list[date]:
    return [after + timedelta(number) for number in range(1, (until - after).days + 1)]


PEOPLE = {
    Status.ACTIVE: "gets mail",
    Status.PAUSED: "has paused",
    Status.PENDING: "has not confirmed yet",
    Status.LEFT: "has left",
}
"""The states of readers, with their meaning."""
