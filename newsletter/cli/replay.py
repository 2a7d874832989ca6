"""`newsletter replay`: what the last editions would have been under other topics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.console import (
    AsJson,
    answer,
    answer_json,
    answer_table,
    configuration,
    counted,
    progress_bar,
    remark,
)
from newsletter.cli.readers import known_reader, limits
from newsletter.cli.wanted import address_asked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.model import Edition, Subscriber, Topic
    from newsletter.ranking.replaying import Comparison, Replayed, Title
    from newsletter.settings import Configuration

MOST_TITLES = 10
FAIR = "Both were ranked anew, by what readers have said until now; nothing was saved or sent."


def replay(
    context: typer.Context,
    topics: Annotated[Path, typer.Option(metavar="NEW.toml", help="A file like topics.toml.")],
    days: Annotated[int, typer.Option(min=1, max=3650, metavar="N", help="How far back from the newest edition.")] = 60,
    subscriber: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="What this reader's digests would have been, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the last editions would have been under another topics file: papers a day, titles added and dropped.

    The frozen editions are ranked anew under both files, so that nothing but the topics differs. Nothing is saved or
    sent.

    Example: newsletter replay --topics new-topics.toml --days 30
    """
    import asyncio

    loaded = configuration(context)
    after = _topics(topics)
    address = address_asked(subscriber) if subscriber else None
    found = asyncio.run(_replayed(loaded, after, days, address))
    if as_json:
        answer_json(found)
    else:
        _show(found, topics)


def _topics(path: Path) -> list[Topic]:
    """The topics of a file, checked as those of topics.toml are. Raises ConfigurationError."""
    import tomllib

    from newsletter.errors import ConfigurationError, Fault
    from newsletter.settings.readers import topics_of

    faults: list[Fault] = []
    found: list[Topic] = []
    try:
        found = topics_of(tomllib.loads(path.read_bytes().decode("utf-8")), path.name, faults)
    except OSError as error:
        faults.append(Fault(path.name, "", f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        faults.append(Fault(path.name, "", f"is not UTF-8 text (byte {error.start}); save it as UTF-8"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        faults.append(Fault(path.name, "", f"is not valid TOML: {error}"))
    if faults:
        raise ConfigurationError(faults)
    return found


async def _replayed(loaded: Configuration, after: Sequence[Topic], days: int, address: str | None) -> dict[str, Any]:
    from newsletter.assembly import opened_daily
    from newsletter.daily.replaying import replay
    from newsletter.ranking.replaying import compare_reader, compare_topic
    from newsletter.text import readable

    before = loaded.topics
    with progress_bar() as progress:
        async with opened_daily(loaded, progress) as daily:
            reader = await known_reader(daily.store, address) if address else None
            editions = await _editions(await daily.store.editions.all_days(), days, daily.store.editions.between)
            appraising = daily.publishing.appraising
            ranked = await replay(appraising, editions, before, after, progress)
            theirs = await replay(appraising, editions, before, after, progress, reader) if reader else []
            titles = {
                number: readable(paper).title
                for number, paper in (await daily.store.papers.get(_shown(ranked, theirs))).items()
            }
    old, new = ({topic.slug: topic for topic in some} for some in (before, after))
    return {
        "days": [edition.day for edition in editions],
        "note": FAIR,
        "topics": [
            {
                "slug": slug,
                "name": (new.get(slug) or old[slug]).name,
                "change": _change(old.get(slug), new.get(slug)),
                **_comparison_json(compare_topic(ranked, slug), titles),
            }
            for slug in {**old, **new}
        ],
        "subscriber": _reader_json(reader, compare_reader(theirs, reader.follows, limits(loaded)), new, titles)
        if reader
        else None,
    }


async def _editions(frozen: Sequence[Any], days: int, between: Any) -> list[Edition]:
    from datetime import timedelta

    from newsletter.errors import NotFoundError

    if not frozen:
        raise NotFoundError("there are no editions to replay yet; `newsletter run` freezes the first")
    found: list[Edition] = await between(frozen[-1] - timedelta(days=days), frozen[-1])
    return found


def _shown(*several: Sequence[Replayed]) -> set[str]:
    return {
        pick.paper
        for replayed in several
        for one in replayed
        for rankings in (one.before, one.after)
        for ranking in rankings.values()
        for pick in ranking.picks
    }


def _change(old: Topic | None, new: Topic | None) -> str:
    if old is None:
        return "added"
    if new is None:
        return "removed"
    return "same" if old == new else "changed"


def _comparison_json(found: Comparison, titles: Mapping[str, str]) -> dict[str, Any]:
    def side(shown: Sequence[Any]) -> dict[str, Any]:
        papers = sum(len(one.papers) for one in shown)
        return {
            "papers": papers,
            "papers_a_day": round(papers / len(shown), 2),
            "matches_a_day": round(sum(one.found for one in shown) / len(shown), 2),
            "days_over": sum(one.over for one in shown),
            "days_without": sum(not one.papers for one in shown),
        }

    def listed(several: Sequence[Title]) -> list[dict[str, Any]]:
        return [
            {"id": one.paper, "title": titles.get(one.paper, one.paper), "day": one.day, "score": one.score}
            for one in several
        ]

    return {
        "before": side(found.before),
        "after": side(found.after),
        "overlap": None if found.overlap is None else round(found.overlap, 4),
        "added": listed(found.added),
        "dropped": listed(found.dropped),
    }


def _reader_json(
    reader: Subscriber, found: Comparison, new: Mapping[str, Topic], titles: Mapping[str, str]
) -> dict[str, Any]:
    lost = [slug for slug in reader.topics if slug not in new]
    return {"address": reader.address, "topics_lost": lost, **_comparison_json(found, titles)}


COLUMNS = ("topic", "change", "papers a day", "matches a day", "overlap", "days over", "days without")


def _show(found: dict[str, Any], file: Path) -> None:
    days = found["days"]
    reader = found["subscriber"]
    rows = [_row(one["slug"], one["change"], one) for one in found["topics"]]
    if reader:
        rows.append(_row(reader["address"], "", reader))
    span = f"{days[0]} to {days[-1]}" if len(days) > 1 else f"{days[0]}"
    answer_table(f"{counted(len(days), 'edition', 'editions')}, {span}: now → {file.name}", COLUMNS, rows, COLUMNS[2:])
    for one in found["topics"]:
        _titles(f"{one['name']} ({one['change']})", one)
    if reader:
        _titles(f"Digests of {reader['address']}", reader)
        if reader["topics_lost"]:
            remark(f"{reader['address']} follows what {file.name} does not have: {', '.join(reader['topics_lost'])}")
    remark(FAIR)


def _row(name: str, change: str, found: Mapping[str, Any]) -> list[str]:
    before, after = found["before"], found["after"]
    overlap = "" if found["overlap"] is None else f"{found['overlap']:.0%}"

    def pair(key: str, form: str) -> str:
        return f"{before[key]:{form}} → {after[key]:{form}}"

    return [
        name,
        change,
        pair("papers_a_day", ".1f"),
        pair("matches_a_day", ".1f"),
        overlap,
        pair("days_over", "d"),
        pair("days_without", "d"),
    ]


def _titles(heading: str, found: Mapping[str, Any]) -> None:
    if not found["added"] and not found["dropped"]:
        return
    answer(heading)
    for sign, several in (("+", found["added"]), ("-", found["dropped"])):
        for one in several[:MOST_TITLES]:
            answer(f"  {sign} {one['day']}  {one['score']:8.4f}  {one['title']}")
        if len(several) > MOST_TITLES:
            answer(f"  {sign} and {len(several) - MOST_TITLES} more (--json has them all)")
    answer("")
