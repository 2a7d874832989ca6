"""Whose message a command is about, and how it is made: by the path on which a run makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import day_asked, remark

if TYPE_CHECKING:
    from newsletter.daily import Daily, Preview
    from newsletter.model import Subscriber
    from newsletter.settings import Configuration

LATEST = "latest"

OfDay = Annotated[
    str | None, typer.Option("--date", metavar="DAY", help="The day (default, and “latest”: the archive's newest).")
]
OfFixture = Annotated[
    str | None,
    typer.Option(
        "--fixture", metavar="NAME", help="An invented day instead: one, many, none, long, rtl, cjk or latex."
    ),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The message of a subscriber (by address), of a reader of one topic (by slug), or of a fixture; of a reader
    without topics where none of them is named. `locale` replaces the reader's own, if it is not empty."""

    subscriber: str | None = None
    topic: str | None = None
    day: date | None = None
    fixture: str | None = None
    locale: str = ""

    @property
    def name(self) -> str:
        """What to call it in one word."""
        return self.subscriber or self.topic or (f"fixture-{self.fixture}" if self.fixture else "trending")

    async def make(
        self, daily: Daily, loaded: Configuration, *, address: str | None = None, trial: datetime | None = None
    ) -> Preview:
        """The message; with `address`, addressed to that one. An empty archive is filled first.

        `trial` is that of `Daily.preview`. Raises NotFoundError for a subscriber, topic or day that is not there.
        """
        if self.fixture:
            from newsletter.previewing.fixtures import FIXTURES

            one = FIXTURES[self.fixture]()
            return daily.specimen(self._addressed(one.reader, address), one.digest, one.papers, trial)
        if not await daily.store.papers.count():
            remark("The archive is empty: collecting first.")
            await daily.collect()
        return await daily.preview(self._addressed(await self._reader(daily, loaded), address), self.day, trial)

    def _addressed(self, reader: Subscriber, address: str | None) -> Subscriber:
        return replace(reader, address=address or reader.address, locale=self.locale or reader.locale)

    async def _reader(self, daily: Daily, loaded: Configuration) -> Subscriber:
        from newsletter.errors import NotFoundError
        from newsletter.model import Subscriber

        if self.subscriber is None:
            if self.topic is not None and self.topic not in {one.slug for one in loaded.topics}:
                raise NotFoundError(f"there is no topic “{self.topic}”; `newsletter topics` lists them")
            return Subscriber("reader@example.org", topics=(self.topic,) if self.topic else ())
        found = await daily.store.subscribers.find(self.subscriber)
        if found is None:
            raise NotFoundError(f"there is no subscriber {self.subscriber}; `newsletter subscribers list` lists them")
        return found


def wanted(
    *,
    subscriber: str | None = None,
    topic: str | None = None,
    day: str | None = None,
    fixture: str | None = None,
    locale: str | None = None,
) -> Wanted:
    """What the command line names, checked. What cannot be ends the command with one sentence."""
    if subscriber and topic:
        raise typer.BadParameter("give --subscriber or --topic, not both")
    if fixture:
        exclude("--fixture", {"--subscriber": subscriber, "--topic": topic, "--date": day})
        _check_fixture(fixture)
    if locale:
        _check_locale(locale)
    asked = day_asked(day, words=(LATEST,))
    return Wanted(address_asked(subscriber) if subscriber else None, topic, asked, fixture, locale or "")


def exclude(option: str, others: Mapping[str, object]) -> None:
    """End the command with a sentence if any of `others`, option by option, was given besides `option`."""
    if given := [name for name, value in others.items() if value]:
        raise typer.BadParameter(f"{option} cannot be combined with {' or '.join(given)}")


def address_asked(text: str) -> str:
    """An address of the command line, normalised. A wrong one ends the command with a sentence."""
    from newsletter.policy.address import normal_address

    try:
        return normal_address(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _check_fixture(name: str) -> None:
    from newsletter.previewing.fixtures import FIXTURES

    if name not in FIXTURES:
        raise typer.BadParameter(f"there is no fixture “{name}”; there are {', '.join(FIXTURES)}")


def _check_locale(code: str) -> None:
    from newsletter.languages import language

    try:
        language(code)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
