"""Digests of several days: ranked over all of them, never with what the reader had, and with what rose since."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from voting import at, told_to, vote
from world import FRIDAY, ROBOTS, World, reader

from newsletter.assembly import limits
from newsletter.cli.explain import _grown
from newsletter.daily import Daily
from newsletter.daily.addressing import Addressing
from newsletter.daily.explaining import Explained, Explaining
from newsletter.model import Digest, Occasion, Rhythm, State, Status, Subscriber, Why
from newsletter.policy import due
from newsletter.ranking.spanning import Span
from newsletter.store import tables

MONDAY = FRIDAY + timedelta(days=3)
DAY = timedelta(days=1)
ADA = "ada@example.org"


@pytest.fixture
async def world(tmp_path: Path) -> World:
    """One whose sources tell votes: nothing is put on record before they do."""
    made = World(tmp_path)
    made.readers(reader("ada"), reader("bea"), Subscriber("new@example.org", topics=("robots",), rhythm=Rhythm.WEEKLY))
    made.list_papers(FRIDAY - DAY, "A Robot That Votes")
    await made.run(FRIDAY - DAY)
    await vote(made, at(FRIDAY - DAY, 9), {"A Robot That Votes": 1})
    return made


def robots(day: date, number: int = 25) -> list[str]:
    """Titles, too short for anybody to take one paper for another."""
    return [f"A Robot Called {day:%a}{day.day}{chr(97 + one)}" for one in range(number)]


async def digest_of(world: World, address: str, day: date) -> Digest:
    """The digest of `day` as it is made again."""
    async with world.daily() as daily:
        found = next(one for one in await daily.store.subscribers.all() if one.address == address)
        return (await daily.preview(found, day)).digest


async def explained(world: World, title: str, address: str) -> Explained:
    async with world.daily() as daily:
        explaining = Explaining(
            daily.store, daily.publishing, world.configuration.topics, limits(world.configuration.settings)
        )
        [paper] = await daily.store.papers.resolve(title, exactly=True)
        found = await daily.store.subscribers.find(address)
        assert found
        return await explaining.explain(paper, found)


async def titles(world: World, digest: Digest) -> list[str]:
    async with world.daily() as daily:
        papers = await daily.store.papers.get(pick.paper for pick in digest.picks)
    return [paper.title for paper in papers.values()]


async def test_a_paper_that_was_left_out_and_rose_comes_once_with_its_numbers(world: World) -> None:
    world.list_papers(FRIDAY, *robots(FRIDAY))
    assert (await world.run(FRIDAY))[ADA] is State.ACCEPTED
    first = await digest_of(world, ADA, FRIDAY)
    had = await titles(world, first)
    left = [title for title in robots(FRIDAY) if title not in had]
    assert (first.rising, len(left), first.left_out) == ((), 12, 12)

    await vote(world, at(FRIDAY, 9), {title: number + 1 for number, title in enumerate(robots(FRIDAY))})
    # One that she had, and one that she had not: only this is news.
    saturday, sunday = FRIDAY + DAY, FRIDAY + 2 * DAY
    await vote(world, at(saturday, 7), {had[0]: 600, left[0]: 500})
    world.list_papers(saturday, "A Robot That Reads")
    await world.run(saturday)
    second = await digest_of(world, ADA, saturday)
    assert await titles(world, second) == ["A Robot That Reads", left[0]]
    [rose] = second.rising
    before = robots(FRIDAY).index(left[0]) + 1
    assert rose.reasons[0].kind is Why.ROSE
    assert rose.reasons[0].values == (before, 500, 1, 92)
    assert round(sum(value for _, value in rose.parts), 4) == rose.score
    mail = next(one for one in world.mail() if "RISING" in one and ADA in one)
    assert f"votes rose from {before} to 500 in 1 day" in " ".join(mail.replace("=\n", "").split())

    await vote(world, at(saturday, 9), {left[0]: 5_000})
    world.list_papers(sunday, "A Robot That Sleeps")
    await world.run(sunday)
    assert (await digest_of(world, ADA, sunday)).rising == ()
    # Made again later, a digest is what it was, whatever was voted since.
    assert await digest_of(world, ADA, saturday) == second

    found = await explained(world, left[0], ADA)
    assert [(day, one.votes, shown) for day, one, shown in found.since if shown] == [(saturday, 500, True)]
    assert f"By {saturday} it had 500 votes, after {before} when it was new: more than 92%" in _grown(found)
    assert _grown(found).endswith(f"The digest of {saturday} had it in “Rising”.")
    other = await explained(world, had[0], ADA)
    assert not any(shown for _, _, shown in other.since)
    assert "“Rising” takes papers from 90% on" in _grown(other)


async def test_a_week_is_ranked_over_all_its_days_and_says_so(world: World) -> None:
    """By votes against papers as old: the best of Sunday, with 47, stands as high as the best of Friday, with 107."""
    world.configuration = replace(world.configuration, topics=(replace(ROBOTS, max_papers=40),))
    world.settings(digest=world.configuration.settings.digest.model_copy(update={"max_papers": 40}))
    for day in (FRIDAY, FRIDAY + DAY, FRIDAY + 2 * DAY):
        world.list_papers(day, *robots(day, 8))
        await world.run(day)
    sunday = FRIDAY + 2 * DAY
    await vote(world, at(FRIDAY, 9), {title: 10 + n for n, title in enumerate(robots(FRIDAY, 8))})
    await vote(world, at(MONDAY, 5), {title: 100 + n for n, title in enumerate(robots(FRIDAY, 8))})
    await vote(world, at(MONDAY, 6), {title: 40 + n for n, title in enumerate(robots(sunday, 8))})
    world.list_papers(MONDAY, "A Robot That Wakes")
    await world.run(MONDAY)
    made = await digest_of(world, "new@example.org", MONDAY)
    assert made.days == tuple(FRIDAY + number * DAY for number in (-1, 0, 1, 2, 3))
    assert made.considered == 26
    [shown] = [one for one in made.sections if one.slug == "robots"]
    assert [one.score for one in shown.picks] == sorted((one.score for one in shown.picks), reverse=True)
    trends = dict(zip(await titles(world, made), (dict(pick.parts)["trend"] for pick in made.picks), strict=True))
    assert trends[robots(FRIDAY, 8)[-1]] == trends[robots(sunday, 8)[-1]] == 0.5
    assert trends[robots(FRIDAY, 8)[-2]] < 0.5
    mail = next(one for one in world.mail() if "new@example.org" in one)
    assert "Subject: 13 to 17 March: A Robot That Votes + 25" in mail
    assert "26 papers of 26 new ones in 5 days" in " ".join(mail.replace("=\n", "").split())
    for place in (0, -1):
        friday = await explained(world, robots(FRIDAY, 8)[place], "new@example.org")
        [seen] = friday.explanation.sights
        sent = next(pick for pick in made.picks if pick.paper == friday.case.paper.id)
        assert (seen.score, seen.pick.parts, seen.picks) == (sent.score, sent.parts, 26)
        assert seen.place == 1 + [pick.paper for pick in made.picks].index(sent.paper)
        assert seen.anew is None or dict(seen.anew.parts)["trend"] == dict(sent.parts)["trend"]
    # Whatever is voted later, it is made again as it was.
    await vote(world, at(MONDAY, 20), dict.fromkeys(robots(FRIDAY + DAY, 8), 9_000))
    assert await digest_of(world, "new@example.org", MONDAY) == made


async def test_a_span_is_ranked_once_a_topic_however_many_readers_there_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged: list[str] = []
    merge = Span.merge

    def counted(self: Span, rankings: Any, slug: str, *, grouped: bool = False) -> Any:
        merged.append(f"{slug}{' grouped' * grouped}")
        return merge(self, rankings, slug, grouped=grouped)

    monkeypatch.setattr(Span, "merge", counted)
    several = [reader(f"r{n}", rhythm=Rhythm.WEEKLY) for n in range(60)]
    trending = [Subscriber(f"t{n}@example.org", rhythm=Rhythm.WEEKLY) for n in range(20)]
    world.readers(*several, *trending)
    world.list_papers(FRIDAY, *robots(FRIDAY, 6))
    await world.run(FRIDAY)
    async with world.daily() as daily:
        people = [one for one in await daily.store.subscribers.all() if one.rhythm is Rhythm.WEEKLY]
        addressing = Addressing(daily._composing, Occasion(FRIDAY))
        slices = [await addressing.prepare(people[start : start + 20]) for start in range(0, len(people), 20)]
        digests = {one.id: slices[n // 20].digests[one.id] for n, one in enumerate(people)}
        assert sorted(merged) == ["robots", "trending", "trending grouped"]
        assert len({id(one) for one in digests.values()}) == 2
        assert {one.days for one in digests.values()} == {(FRIDAY - DAY, FRIDAY)}
        assert len(await daily.store.shown.to(digests, FRIDAY - DAY, FRIDAY)) == len(people)


async def test_where_nothing_is_to_rise_nothing_is_put_on_record(world: World) -> None:
    world.settings(digest=world.configuration.settings.digest.model_copy(update={"rising": 0}))
    world.list_papers(FRIDAY, *robots(FRIDAY))
    await world.run(FRIDAY)
    await vote(world, at(FRIDAY, 9), {title: place + 1 for place, title in enumerate(robots(FRIDAY))})
    world.list_papers(FRIDAY + DAY, "A Robot That Reads")
    await world.run(FRIDAY + DAY)
    async with world.daily() as daily:
        numbers = [one.id for one in await daily.store.subscribers.all()]
        assert await daily.store.shown.to(numbers, FRIDAY - DAY, date.max) == {}
    assert not any("RISING" in content for content in world.mail())


async def test_what_rose_is_each_readers_own_and_stays_when_a_run_is_taken_up_again(world: World) -> None:
    """Eve reads *Trending*, Bea never wants to see what Ada gets; then votes come between a crash and the next run."""
    world.readers(reader("ada"), reader("bea"), Subscriber("eve@example.org"))
    world.list_papers(FRIDAY, *robots(FRIDAY))
    await world.run(FRIDAY)
    had = {name: await titles(world, await digest_of(world, f"{name}@example.org", FRIDAY)) for name in ("ada", "eve")}
    for_ada, for_both, late = (
        next(one for one in robots(FRIDAY) if one not in had["ada"] and one in had["eve"]),
        *[one for one in robots(FRIDAY) if one not in had["ada"] and one not in had["eve"]][:2],
    )
    await vote(world, at(FRIDAY, 9), {title: place + 1 for place, title in enumerate(robots(FRIDAY))})
    saturday = FRIDAY + DAY
    await vote(world, at(saturday, 7), {for_ada: 900, for_both: 800})
    world.list_papers(saturday, "A Robot That Reads")
    world.now = at(saturday, 8)
    async with world.daily() as daily:
        bea = await daily.store.subscribers.find("bea@example.org")
        assert bea
        await daily.store.subscribers.mute(bea.id, [for_ada.split()[-1]], [])
        await daily.collect()
        await daily.publishing.freeze(saturday)
        await daily.publishing.plan(saturday)
        # What a process does that dies before it has sent anything.
        await Addressing(daily._composing, Occasion(saturday)).prepare(await daily.store.subscribers.all())
    await vote(world, at(saturday, 8), {late: 9_000})
    await world.run(saturday)
    rose = {}
    for name in ("ada", "bea", "eve"):
        made = await digest_of(world, f"{name}@example.org", saturday)
        rose[name] = (await titles(world, made))[-len(made.rising) :]
    assert rose == {"ada": [for_ada, for_both], "bea": [for_both], "eve": [for_both]}
    for name, several in rose.items():
        [content] = [one for one in world.mail() if f"{name}@" in _to(one) and "That Reads" in one]
        assert {title.split()[-1] for title in several} == _copies(content)


@given(
    st.sets(st.dates(FRIDAY - 40 * DAY, FRIDAY), max_size=12),
    st.lists(st.sampled_from(list(Rhythm)), min_size=12, max_size=12),
    st.integers(1, 60),
)
def test_whatever_the_dates_of_a_readers_digests_no_two_span_the_same_day(
    dates: set[date], rhythms: list[Rhythm], look_back: int
) -> None:
    """Dates that a move to another time zone left out are days that were missed; the rhythm may change each time."""
    had: set[date] = set()
    last = None
    for day, rhythm in zip(sorted(dates), rhythms, strict=False):
        start = due.span_start(replace(reader("ada"), rhythm=rhythm), day, last=last, look_back=look_back)
        spanned = {start + number * DAY for number in range(1, (day - start).days + 1)}
        assert day in spanned
        assert had.isdisjoint(spanned)
        had, last = had | spanned, day


async def become(daily: Daily, name: str, values: dict[str, Any]) -> None:
    """Change a reader, as a page would."""
    people = tables.subscribers
    async with daily.store.database.write() as connection:
        await connection.execute(update(people).where(people.c.address == f"{name}@example.org").values(values))


def _copies(content: str) -> set[str]:
    return set(re.findall(r"A Robot Called (\w+)", content.replace("=\n", "")))


def _to(content: str) -> str:
    return content.split("\nTo: ")[1].split("\n")[0]


steps = st.fixed_dictionaries(
    {
        "changed": st.dictionaries(
            st.sampled_from(["ada", "bea", "eve"]),
            st.sampled_from(
                [
                    {"status": Status.PAUSED},
                    {"status": Status.ACTIVE},
                    {"rhythm": Rhythm.WEEKLY},
                    {"rhythm": Rhythm.DAILY},
                    {"rhythm": Rhythm.WEEKDAYS},
                    {"topics": ["robots"]},
                    {"topics": ["called"]},
                    {"topics": []},
                ]
            ),
            max_size=2,
        ),
        "run": st.sampled_from(["run", "run", "run", "twice", "missed", "planned only", "late"]),
        "risen": st.lists(st.integers(0, 23), max_size=3),
    }
)


async def test_a_day_that_is_run_late_brings_nothing_that_a_later_digest_brought(world: World) -> None:
    """Bea had paused on Friday, and Saturday's digest brought her Friday too; then Friday is run once more."""
    async with world.daily() as daily:
        for day, status in ((FRIDAY, Status.PAUSED), (FRIDAY + DAY, Status.ACTIVE)):
            await become(daily, "bea", {"status": status})
            world.list_papers(day, *robots(day, 3))
            world.now = at(day, 8)
            await daily.run(world.now)
        await daily.run(world.now + DAY / 24, FRIDAY)
        found = await daily.store.ledger.deliveries(address="bea@example.org")
    assert [one.local_date for one in found] == [FRIDAY + DAY, FRIDAY - DAY]
    mail = [_copies(content) for content in world.mail() if "bea@example.org" in _to(content)]
    assert mail[1:] == [{"Fri14a", "Fri14b", "Fri14c", "Sat15a", "Sat15b", "Sat15c"}]


@settings(deadline=None, max_examples=3)
@given(st.lists(steps, min_size=6, max_size=7))
def test_no_paper_ever_comes_twice(days: list[dict[str, Any]]) -> None:
    """Not after pauses, other rhythms and topics, days that were missed, broken off or run late; not in *Rising*."""
    with TemporaryDirectory() as folder:
        mail = asyncio.run(_lived(World(Path(folder)), days))
    for address in {_to(content) for content in mail}:
        had: set[str] = set()
        for content in mail:
            if _to(content) == address:
                assert had.isdisjoint(_copies(content))
                had |= _copies(content)


async def _lived(world: World, days: list[dict[str, Any]]) -> list[str]:
    """The mail of a world in which that happened, day by day."""
    world.readers(reader("ada"), reader("bea", rhythm=Rhythm.WEEKLY), Subscriber("eve@example.org"))
    world.configuration = replace(world.configuration, topics=(ROBOTS, replace(ROBOTS, slug="called", name="Called")))
    async with world.daily() as daily:
        for number, step in enumerate(days):
            day = FRIDAY + number * DAY
            for name, values in step["changed"].items():
                await become(daily, name, values)
            world.list_papers(day, *robots(day, 24))
            world.now = at(day, 8)
            if step["run"] == "planned only":
                await daily.collect()
                await daily.publishing.freeze(day)
                await daily.publishing.plan(day)
            elif step["run"] != "missed":
                await daily.run(world.now)
                if step["run"] == "twice":
                    await daily.run(world.now + DAY / 12)
                if step["run"] == "late" and number:
                    await daily.run(world.now + DAY / 12, day - DAY)
            known = {paper.title for paper in await daily.store.papers.find(day=day)}
            told = {title: 1 + place for place, title in enumerate(robots(day, 24)) if title in known}
            told |= {
                title: 999 for place in step["risen"] for title in robots(day, 24)[place : place + 1] if title in told
            }
            await told_to(daily, at(day, 10), {title: min(votes, 30) for title, votes in told.items()})
            await told_to(daily, at(day, 20), told)
    return world.mail()
