"""Votes as they were told, where papers stood by them, and what readers were shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from builders import paper

from newsletter.model import Batch, Observation, Subscriber, Verdict
from newsletter.ranking.standings import Standing, Standings
from newsletter.store import Shown, Store, Voted, pruning

DAY = date(2025, 3, 12)
ONE = timedelta(days=1)


def at(day: date, hour: int = 9) -> datetime:
    return datetime.combine(day, time(hour), UTC)


async def known(store: Store, day: date, *numbers: int, votes: int | None = None) -> None:
    """An edition of `day` with the papers of these numbers."""
    papers = tuple(replace(paper(number, day=day), votes=votes) for number in numbers)
    await store.batches.remember(Batch("page", f"{day}", day, papers, Verdict.NEW, ""), at(day, 7))
    await store.editions.freeze(day, [one.id for one in papers], [], [])


async def told(store: Store, moment: datetime, **votes: int) -> None:
    seen = tuple(Observation(paper(int(name[1:])).id, "votes", number) for name, number in votes.items())
    stars = (Observation(paper(1).id, "stars", 9),)
    await store.batches.remember(
        Batch("votes", f"{moment}", None, (), Verdict.NEW, "", observations=seen + stars), moment
    )


async def dropped(store: Store) -> None:
    """What is of days before the next one goes."""
    for old in pruning.shown(DAY + ONE):
        await pruning.clear(store.database, old)


async def test_votes_come_with_the_moments_at_which_they_were_told(store: Store) -> None:
    await known(store, DAY - ONE, 1, 2)
    await known(store, DAY, 3, votes=7)
    await told(store, at(DAY, 20), p1=12, p3=8)
    await told(store, at(DAY), p1=5)
    one, two, three = (paper(number).id for number in (1, 2, 3))
    history = ((at(DAY), 5), (at(DAY, 20), 12))
    found = {voted.paper: voted for voted in await store.votes.of(DAY - 9 * ONE, DAY - 9 * ONE, DAY)}
    assert found == {
        one: Voted(one, DAY - ONE, 0, history),
        three: Voted(three, DAY, 7, ((at(DAY, 20), 8),)),
    }
    assert two not in found
    # Of the days before `since` only what was told again.
    assert [each.paper for each in await store.votes.of(DAY - ONE, DAY, DAY)] == [three]
    assert [each.paper for each in await store.votes.of(DAY, DAY, DAY, {one: DAY, two: DAY})] == [one]


async def test_what_is_frozen_stays(store: Store) -> None:
    first = Standings(DAY, {"p": Standing(12, 2, 0.9, 0.8), "q": Standing(140, 4, 1.0, 0.95, 12, rose=True)})
    assert await store.votes.frozen(DAY) is None
    assert await store.votes.freeze(first) == first
    assert await store.votes.freeze(Standings(DAY)) == first
    assert await store.votes.frozen(DAY) == first
    assert await store.votes.freeze(Standings(DAY + ONE)) == Standings(DAY + ONE)
    await dropped(store)
    assert (await store.votes.frozen(DAY), await store.votes.frozen(DAY + ONE)) == (None, Standings(DAY + ONE))


async def test_a_digest_that_readers_share_is_noted_once_and_read_back(store: Store) -> None:
    await store.subscribers.add([Subscriber(f"{name}@example.org") for name in ("ada", "bea", "eve")], at(DAY))
    numbers = sorted(one.id for one in await store.subscribers.all())
    both, own = Shown((1, 2), ("p", "q", "r"), ("r",)), Shown((2,), ("p",))
    await store.shown.note(DAY, {numbers[0]: both, numbers[1]: both})
    await store.shown.note(DAY, {numbers[0]: both})
    await store.shown.note(DAY + ONE, {numbers[0]: own, numbers[2]: own})
    found = await store.shown.to(numbers, DAY - ONE, DAY + ONE)
    assert found == {
        numbers[0]: [(DAY, both), (DAY + ONE, own)],
        numbers[1]: [(DAY, both)],
        numbers[2]: [(DAY + ONE, own)],
    }
    assert found[numbers[0]][0][1] is found[numbers[1]][0][1]
    assert await store.shown.to(numbers[1:], DAY, date.max) == {numbers[2]: [(DAY + ONE, own)]}
    # Who was noted with two was shown both, for all we know.
    await store.shown.note(DAY, {numbers[1]: own})
    assert {one for _, one in (await store.shown.to(numbers[1:2], DAY - ONE, DAY))[numbers[1]]} == {both, own}

    await dropped(store)
    assert (await store.shown.to(numbers, date.min, date.max)).keys() == {numbers[0], numbers[2]}
    await store.subscribers.forget(numbers[0], "wished", at(DAY))
    assert (await store.shown.to(numbers, date.min, date.max)).keys() == {numbers[2]}
    await store.shown.note(DAY, {})
