"""An installation whose clock and documents a test sets: real SQLite, real rendering, a real SMTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from newsletter.assembly import opened_daily, outbox
from newsletter.daily import Daily
from newsletter.mail.local import messages
from newsletter.model import Rhythm, State, Subscriber, Topic
from newsletter.settings import configuration_folder, load

FRIDAY = date(2025, 3, 14)
ROBOTS = Topic("robots", "Robots", keywords=("robot",), min_score=0.1)
SHELLS = Topic("shells", "Shells", keywords=("mollusc",), min_score=0.1)


class World:
    """One installation whose clock and documents the test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "documents"
        self.folder.mkdir()
        self.now = datetime.combine(FRIDAY, datetime.min.time(), UTC) + timedelta(hours=8)
        sources = [{"kind": "listing", "name": "page", "path": str(self.folder), "settle": 0}]
        flags = {
            "state_dir": folder / "var",
            "sources": sources,
            "secret_keys": ["a-key-for-the-tests"],
            # What the tests expect must not hang on which extras are installed.
            "ranking": {"models": "none"},
        }
        loaded = load(configuration_folder(), flags)
        self.configuration = replace(loaded, topics=(ROBOTS, SHELLS), subscribers=())

    def readers(self, *subscribers: Subscriber) -> None:
        self.configuration = replace(self.configuration, subscribers=subscribers)

    def settings(self, **tables: object) -> None:
        """Replace whole tables of the settings."""
        settings = self.configuration.settings.model_copy(update=tables)
        self.configuration = replace(self.configuration, settings=settings)

    def list_papers(self, day: date, *titles: str) -> None:
        lines = [day.isoformat()]
        for title in titles:
            lines += [title, f"In this paper we study {title.lower()} at length, and we find that it works quite well."]
        (self.folder / f"{day}.txt").write_text("\n\n".join(lines) + "\n", encoding="utf-8")

    @asynccontextmanager
    async def daily(self) -> AsyncIterator[Daily]:
        async with opened_daily(self.configuration, now=lambda: self.now) as opened:
            yield opened

    async def run(self, day: date) -> dict[str, State]:
        """Run `day` at eight in the morning; the states of its deliveries by address."""
        self.now = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=8)
        async with self.daily() as daily:
            report = await daily.run(self.now)
            if report.failure:
                raise report.failure
            return {delivery.address: delivery.state for delivery in report.deliveries}

    def mail(self) -> list[str]:
        return [content.decode() for content in messages(outbox(self.configuration.settings))]


def reader(name: str, *topics: str, rhythm: Rhythm = Rhythm.DAILY) -> Subscriber:
    return Subscriber(f"{name}@example.org", topics=topics or ("robots",), rhythm=rhythm)
