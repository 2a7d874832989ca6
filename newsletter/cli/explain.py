"""`newsletter explain`: why a paper is where it is in a reader's digest, in numbers."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.console import AsJson, answer, answer_json, configuration, counted, day_asked
from newsletter.cli.readers import OfReader, known_reader, limits, paper_meant
from newsletter.cli.wanted import address_asked

if TYPE_CHECKING:
    from newsletter.daily.explaining import Explained
    from newsletter.model import Pick, Subscriber
    from newsletter.ranking.explaining import Sight
    from newsletter.ranking.remedies import Change, Remedy
    from newsletter.settings import Configuration

WIDTH = 80
LABEL = 11
TOGETHER = "\u00a0"
"""A space at which no line is broken."""


def explain(
    context: typer.Context,
    paper: Annotated[
        str,
        typer.Argument(metavar="PAPER", help="An id, an arXiv id or DOI as people write them, or words of a title."),
    ],
    subscriber: OfReader,
    day: Annotated[
        str | None,
        typer.Option("--date", metavar="DAY", help="The digest of this day (default: the one that took the paper in)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say why a paper is in a reader's digest, or why not and what would have brought it in.

    The parts of each score add up to it; what would have brought a paper in was tried out by ranking again.

    Example: newsletter explain "NeuRBF" --subscriber ada@example.org
    """
    import asyncio

    loaded = configuration(context)
    explained, reader = asyncio.run(_explained(loaded, paper, address_asked(subscriber), day))
    if as_json:
        answer_json(_json(explained, reader))
    else:
        _show(explained, reader)


async def _explained(loaded: Configuration, words: str, address: str, day: str | None) -> tuple[Explained, Subscriber]:
    from newsletter.assembly import opened_daily
    from newsletter.daily.explaining import Explaining

    asked = day_asked(day)
    async with opened_daily(loaded) as daily:
        reader = await known_reader(daily.store, address)
        paper = await paper_meant(daily.store, words)
        explaining = Explaining(daily.store, daily.publishing, loaded.topics, limits(loaded))
        return await explaining.explain(paper, reader, asked), reader


def _json(explained: Explained, reader: Subscriber) -> dict[str, Any]:
    case, found = explained.case, explained.explanation
    edition, delivery = case.occasion.edition, explained.delivery
    return {
        "paper": {"id": case.paper.id, "title": case.paper.title},
        "subscriber": reader.address,
        "edition": {"day": edition.day, "frozen": explained.frozen, "papers": len(edition.papers)},
        "digest": {
            "day": case.occasion.day,
            "state": delivery.state if delivery else None,
            "takes_it_in": explained.spanned,
        },
        "place": found.place,
        "section": found.section or None,
        "place_today": found.today,
        "said": _placed(explained),
        "since": [
            {
                "day": day,
                "votes": one.votes,
                "before": one.before,
                "more_than_percent": one.percent,
                "rose": one.rose,
                "in_rising": shown,
            }
            for day, one, shown in explained.since
        ],
        "topics": [_sight_json(explained, sight) for sight in found.sights],
        "would_have": [
            {
                "topic": one.topic,
                "changes": [_change_json(change) for change in one.changes],
                "place": one.place,
                "gain": one.gain,
                "said": _remedied(explained, one),
            }
            for one in explained.remedies
        ],
    }


def _sight_json(explained: Explained, sight: Sight) -> dict[str, Any]:
    topic = sight.topic
    return {
        "slug": sight.slug,
        "name": topic.name if topic else "Trending",
        "score": sight.score,
        "parts": dict(sight.parts),
        "relevance": sight.relevance if topic else None,
        "min_score": topic.min_score if topic else None,
        "max_papers": topic.max_papers if topic else None,
        "weight": topic.weight if topic else None,
        "shortfall": sight.shortfall if topic else None,
        "rank": sight.rank or None,
        "papers": sight.papers,
        "place": sight.place,
        "picks": sight.picks,
        "hurdle": sight.hurdle,
        "said": _hindered(explained, sight),
        "folded_under": sight.head.id if sight.head else None,
        "home": sight.home or None,
        "turn": sight.turn or None,
        "words": [{"wording": wording, "where": where} for wording, where in sight.said],
        "excluded_words": list(sight.words),
        "muted": list(sight.muted),
        "reasons": _reasons(sight.pick),
        "today": {"score": sight.anew.score, "parts": dict(sight.anew.parts)} if sight.anew else None,
    }


def _change_json(change: Change) -> dict[str, Any]:
    action = {"exclude": "remove", "keywords": "add", "authors": "add"}.get(change.setting, "set")
    return {"setting": change.setting, "action": action, "value": change.value, "before": change.before}


def _reasons(pick: Pick) -> list[str]:
    from newsletter import languages
    from newsletter.rendering.words import reason
    from newsletter.text import clean

    return [clean(reason(languages.language("en"), one)) for one in pick.reasons]


def _name(explained: Explained, slug: str) -> str:
    names = {one.slug: one.topic.name for one in explained.explanation.sights if one.topic}
    return names.get(slug, "Trending")


def _placed(explained: Explained) -> str:
    """Where the paper is in the digest, as a sentence."""
    from newsletter.ranking.explaining import Place

    case, found = explained.case, explained.explanation
    # The groups of *Trending* are sections of their own.
    sections = [one.name for one in case.occasion.digest.sections if any(p.paper == case.paper.id for p in one.picks)]
    what = {
        Place.TOP: f"the top pick, of “{_name(explained, found.section)}”",
        Place.CARD: f"in full, in “{''.join(sections)}”",
        Place.ALSO: f"a title in the compact list, of “{_name(explained, found.section)}”",
        Place.OUTSIDE: "the one paper from outside the reader's topics",
        Place.COUNTED: f"one of the {case.occasion.digest.left_out} that are only counted",
        Place.ABSENT: "left out",
    }[found.place]
    edition, day = case.occasion.edition.day, case.occasion.day
    if not explained.spanned:
        return f"In no digest: this reader's skipped the edition of {edition}. In one of its own, {what}."
    if explained.delivery is None:
        return f"In the digest of {day}, as it would be made now: {what}."
    return f"In the digest of {day} ({explained.delivery.state}): {what}."


def _hindered(explained: Explained, sight: Sight) -> str:
    """What kept the paper from being shown in full, as a phrase."""
    from newsletter.ranking.explaining import Hurdle

    room = explained.case.occasion.limits
    cards, key = (room.max_papers, "max_papers") if sight.topic else (room.trending_papers, "trending_papers")
    pick = f"no. {sight.place} of {counted(sight.picks, 'pick', 'picks')}"
    most, least = (sight.topic.max_papers, sight.topic.min_score) if sight.topic else (cards, 0.0)
    words, muted = (" and ".join(f"“{word}”" for word in those) for those in (sight.words, sight.muted))
    # What is muted has no date: who has read that digest may have seen the paper.
    since = ", if that was so when it was sent" if explained.sent else ""
    below = f"{sight.relevance:.4f} is {sight.shortfall:.4f} below the threshold {least:g}"
    return {
        Hurdle.NONE: f"shown in full: {pick}",
        Hurdle.MUTED: f"left out: its reader never wants to see {muted}{since}",
        Hurdle.EXCLUDED: f"left out: it says {words}, which the topic excludes",
        Hurdle.BELOW: f"left out: its relevance {below}",
        Hurdle.CUT: "left out: too many papers come before it",
        Hurdle.ELSEWHERE: f"{pick}, but its home is “{_name(explained, sight.home)}”, where it counts for more",
        Hurdle.CAP: f"{pick}, the {_ordinal(sight.turn)} of those at home here; max_papers is {most}",
        Hurdle.FULL: f"{pick}, but the digest was full: digest.{key} is {cards}",
        Hurdle.FOLDED: f"folded under “{sight.head.title if sight.head else ''}”, which is nearly the same",
        Hurdle.CHANGED: "no pick when the edition was frozen; it would be one today",
    }[sight.hurdle]


def _grown(explained: Explained) -> str:
    """How the paper's votes have grown since, as sentences; nothing where no digest looked."""
    if not explained.since:
        return ""
    from newsletter.ranking.standings import HIGH

    rising = [one for one in explained.since if one[2]]
    day, stood, shown = (rising or explained.since)[-1]
    before = "" if stood.before is None else f", after {stood.before} when it was new"
    votes = counted(stood.votes, "vote", "votes")
    said = f"By {day} it had {votes}{before}: more than {stood.percent}% of papers as old."
    if shown:
        return f"{said} The digest of {day} had it in “Rising”."
    least = f"“Rising” takes papers from {100 * HIGH:g}% on that were below when they were new"
    return f"{said} {least}, as far as they match, were not shown, and digest.rising leaves room."


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _remedied(explained: Explained, remedy: Remedy) -> str:
    from newsletter.ranking.explaining import Place

    place = {Place.TOP: "the top pick", Place.CARD: "in full", Place.ALSO: "in the compact list"}[remedy.place]
    return f"{place} with {' and '.join(_changed(change, remedy.gain) for change in remedy.changes)}"


def _changed(change: Change, gain: float) -> str:
    match change.setting:
        case "exclude":
            return f"no excluded word “{change.value}”"
        case "keywords":
            # A phrase has quotes of its own.
            word = change.value if str(change.value).startswith('"') else f"“{change.value}”"
            return f"a keyword {word} (adds {gain:.4f})"
        case "authors":
            return f"{change.value} among the authors (adds {gain:.4f})"
    return f"{change.setting} {change.value:g} instead of {change.before:g}"


def _sum(score: float, parts: Iterable[tuple[str, float]]) -> str:
    """ "3.8329 = 2.1000 words + 1.7329 trend": what adds up, as anybody can check. Parts that are 0 are left out."""
    terms = [
        f"{'-' if value < 0 else '+'} {abs(value):.4f} {name}".replace(" ", TOGETHER) for name, value in parts if value
    ]
    formula = " ".join(terms) or f"{0:.4f}"
    return f"{score:.4f}{TOGETHER}= {formula.removeprefix(f'+{TOGETHER}')}"


def _show(explained: Explained, reader: Subscriber) -> None:
    from newsletter.ranking.explaining import CARDS, Hurdle

    case, found = explained.case, explained.explanation
    _say(case.paper.title, bold=True)
    edition = case.occasion.edition
    of = f"the {'edition' if explained.frozen else 'draft'} of {edition.day}"
    _say(f"{case.paper.id}, of {of} ({counted(len(edition.papers), 'paper', 'papers')})")
    answer("")
    _say(f"{reader.address}: {_placed(explained)}")
    if grown := _grown(explained):
        _say(grown)
    for sight in found.sights:
        answer("")
        _say(sight.topic.name if sight.topic else "Trending", bold=True)
        _say(_hindered(explained, sight), "  ")
        for label, text in _facts(sight):
            _say(text, f"  {label:<{LABEL}}")
    if found.today in CARDS or any(sight.hurdle is Hurdle.FOLDED for sight in found.sights):
        return
    answer("")
    _say("What would have shown it, or shown it in full", bold=True)
    if any(sight.muted for sight in found.sights):
        _say("Nothing but the reader's own will: the page of preferences has what they have muted.", "  ")
        return
    for remedy in explained.remedies:
        _say(f"{_name(explained, remedy.topic)}: {_remedied(explained, remedy)}", "  ")
    if not explained.remedies:
        _say("No threshold, no keyword from its title and no author to follow: it is about something else.", "  ")


def _say(text: str, label: str = "", *, bold: bool = False) -> None:
    """A paragraph of the answer, as wide as the window, at most WIDTH; further lines stand below the first."""
    width = min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH)
    lines = textwrap.wrap(text, width, initial_indent=label, subsequent_indent=" " * len(label))
    said = "\n".join(lines).replace(TOGETHER, " ")
    typer.secho(said, bold=bold)


def _facts(sight: Sight) -> Iterator[tuple[str, str]]:
    yield "score", _sum(sight.score, sight.parts)
    if zero := [name for name, value in sight.parts if not value]:
        yield "zero", ", ".join(zero)
    if sight.topic:
        without = "the score without the trend" if dict(sight.parts).get("trend") else "the score"
        weight = f"; its weight is {sight.topic.weight:g}" if sight.topic.weight != 1 else ""
        yield "relevance", f"{sight.relevance:.4f} ({without}); min_score is {sight.topic.min_score:g}{weight}"
    if sight.rank:
        yield "rank", f"no. {sight.rank} of {counted(sight.papers, 'paper', 'papers')} by score"
    if sight.said:
        yield "says", ", ".join(f"{wording} ({where})" for wording, where in sight.said)
    if why := _reasons(sight.pick):
        yield "reasons" if sight.place else "for it", "; ".join(why)
    if sight.anew:
        changed = "the topic, the feedback or the archive is not what it was then"
        yield "today", f"{_sum(sight.anew.score, sight.anew.parts)} ({changed})"
