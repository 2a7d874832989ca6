"""Values with readable defaults, for tests that care about one field."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from newsletter.model import Listing, Paper, ReadablePaper, Subscriber, Topic
from newsletter.sources.base import Ask

DAY = date(2025, 3, 12)


def paper(
    number: int = 1, title: str = "", abstract: str = "", rank: int | None = None, day: date = DAY, source: str = "page"
) -> Paper:
    """A paper with an identity of its own, listed once."""
    identity = f"title:{number:020x}"
    return Paper(
        id=identity,
        title=title or f"Paper number {number}",
        abstract=abstract or f"The abstract of paper number {number}.",
        listings=(Listing(day, source, rank or number),),
        keys=(identity,),
        first_seen=day,
    )


def readable_paper(number: int = 1, title: str = "", abstract: str = "", rank: int | None = None) -> ReadablePaper:
    one = paper(number, title, abstract, rank)
    return ReadablePaper(one, one.title, one.abstract)


def topic(slug: str = "topic", *keywords: str, **fields: object) -> Topic:
    settings: dict[str, object] = {"name": slug.replace("-", " "), "keywords": keywords, **fields}
    return Topic(slug, **settings)  # type: ignore[arg-type]  # a test names the fields it cares about


def subscriber(address: str = "ada@example.org", *topics: str, **fields: object) -> Subscriber:
    return Subscriber(address, topics=topics, **fields)  # type: ignore[arg-type]  # as above


def asking(today: date, day: date | None = None) -> Ask:
    """What a run asks of its sources at noon (UTC) of `today`."""
    return Ask(datetime.combine(today, time(12), UTC), today, day)
