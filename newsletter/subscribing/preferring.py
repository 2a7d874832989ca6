"""Everything that is known of a reader, for the reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from newsletter.model import Delivery, Feedback, Paper, Subscriber, Topic
from newsletter.model.subscriber import OWN
from newsletter.ranking.following import folded, same_person
from newsletter.ranking.muting import meant
from newsletter.store import Store
from newsletter.subscribing.wishes import Faults, Wishes
from newsletter.subscribing.wording import straight, term_fault
from newsletter.text import clean, readable, to_text

SHOWN_DELIVERIES = 60
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(days=1), timedelta(days=366)
MOST_MUTED = 100
"""Words, and as many authors, that one reader may never want to read of."""

AUTHORS_OFFERED = 4
"""Authors of a paper that may be muted beside the first and the last one."""

GONE = "a topic you have taken out"


@dataclass(frozen=True, slots=True)
class Learnt:
    """One thing that a reader said of a paper, which shapes what they get."""

    said: Feedback
    title: str


@dataclass(frozen=True, slots=True)
class Author:
    """An author of a paper: `name` as a reader mutes it, `shown` as people read it."""

    name: str
    shown: str
    muted: bool


def topic_names(topics: Iterable[Topic], reader: Subscriber) -> dict[str, str]:
    """The names by slug: of the configured `topics`, and of those that `reader` worded."""
    return {one.slug: one.name for one in (*topics, *reader.own)}


def topic_name(slug: str, names: Mapping[str, str]) -> str:
    """What to call a topic. One that is gone has its slug, unless a reader worded it: that slug says nothing."""
    return names.get(slug) or (GONE if slug.startswith(OWN) else slug)


def title_of(paper: Paper) -> str:
    """The paper's title as plain text; its id where it has none."""
    return readable(paper).title or paper.id


def paused_until(text: str, today: date) -> date:
    """The day that was typed as the end of a pause, the first one with mail again: tomorrow to a year from `today`.

    Raises ValueError with one sentence for what is none.
    """
    first, last = today + SHORTEST_PAUSE, today + LONGEST_PAUSE
    try:
        until = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"“{text[:20]}” is not a date like {first}") from None
    if not first <= until <= last:
        raise ValueError(f"a pause may end on any day from {first} to {last}")
    return until


async def change(store: Store, reader: Subscriber, wanted: Wishes) -> bool:
    """Give `reader` what is wanted; False when that is not theirs to decide (see `Subscribers.change`)."""
    return await store.subscribers.change(reader.id, **wanted.fields())


async def mute(store: Store, reader: Subscriber, words: Sequence[str], authors: Sequence[str], faults: Faults) -> bool:
    """Note what `reader` never wants to read of, in place of what was noted before. False when nothing changes: what
    is wrong is added to `faults` under `words` and `authors`, or the reader gets no mail."""
    for field, those in (("words", words), ("authors", authors)):
        if why := term_fault(those, MOST_MUTED):
            faults[field] = why
    return not faults and await store.subscribers.mute(reader.id, words, authors)


def authors_of(paper: Paper, reader: Subscriber) -> list[Author]:
    """The authors of `paper` whom `reader` may mute, or has muted: the first and the last, and some between. Those who
    have no name that we could know them by again are left out."""
    able = {
        name: shown
        for one in paper.authors
        if folded(name := straight(one)) and not term_fault([name]) and (shown := clean(to_text(one)))
    }
    muted = meant(able, reader.muted_authors)
    asked = {*list(able)[: AUTHORS_OFFERED + 1], *list(able)[-1:], *list(muted)[:MOST_MUTED]}
    return [Author(name, shown, name in muted) for name, shown in able.items() if name in asked]


async def mute_author(store: Store, reader: Subscriber, name: str) -> Faults:
    """Note that `reader` wants nothing more by that author; what is wrong with it, under `authors`."""

    def more(authors: tuple[str, ...]) -> Sequence[str]:
        several = tuple(dict.fromkeys((*authors, name)))
        if why := term_fault(several, MOST_MUTED):
            raise ValueError(why)
        return several

    try:
        await store.subscribers.mute_authors(reader.id, more)
    except ValueError as error:
        return Faults(authors=str(error))
    return Faults()


async def unmute_author(store: Store, reader: Subscriber, name: str) -> bool:
    """Take back what hides the papers of that author; False for a reader who gets no mail."""
    return await store.subscribers.mute_authors(
        reader.id, lambda authors: [one for one in authors if not same_person(one, name)]
    )


async def learnt(store: Store, reader: Subscriber) -> list[Learnt]:
    """What stands of what `reader` said, newest first."""
    standing = (await store.feedback.standing([reader.id])).get(reader.id, [])
    papers = await store.papers.get(one.paper for one in standing)
    return [Learnt(one, title_of(papers[one.paper])) for one in reversed(standing)]


async def deliveries(store: Store, reader: Subscriber) -> list[Delivery]:
    """The reader's last deliveries, newest first."""
    return await store.ledger.deliveries(address=reader.address, limit=SHOWN_DELIVERIES)


async def known_of(store: Store, reader: Subscriber) -> dict[str, Any]:
    """Everything that is kept of `reader` but what is computed from it, ready for JSON; moments as ISO 8601."""
    said = await store.feedback.history(reader.id)
    papers = await store.papers.get(one.paper for one in said)
    own, asked = topic_names((), reader), await store.subscribers.as_asked(reader.id)
    suppressed = await store.suppressions.find(reader.address)
    return {
        "subscriber": _plain(asdict(reader)),
        "asked_for": _plain(asdict(asked)) if asked and asked != reader else None,
        "suppressions": [_plain(asdict(suppressed))] if suppressed else [],
        "feedback": [
            _plain(asdict(one)) | {"topic": topic_name(one.topic, own), "title": title_of(papers[one.paper])}
            for one in said
        ],
        "deliveries": [_plain(asdict(one)) for one in await store.ledger.deliveries(address=reader.address)],
        "reports": [_plain(asdict(one)) for one in await store.bounces.of_subscriber(reader.id)],
    }


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in fields.items()}


def _value(value: Any) -> Any:
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
