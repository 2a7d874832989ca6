"""Topics of readers' own and what they mute, from the edition to the message and to the explanation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from world import FRIDAY, ROBOTS, World, reader

from newsletter.assembly import limits
from newsletter.cli.explain import _hindered, _show
from newsletter.cli.rows import subscriber_json
from newsletter.daily import Daily, Preview, Sampling
from newsletter.daily.explaining import Explained, Explaining
from newsletter.daily.sampling import named_by_words
from newsletter.model import TRENDING, Batch, Edition, Ranking, State, Subscriber, Topic, Verdict
from newsletter.ranking.explaining import Hurdle, Place
from newsletter.ranking.records import Record
from newsletter.subscribing.wishes import Wishes

STONES = Topic("~stones", "My stones", keywords=("stone",), min_score=0.1)
TITLES = ("A Robot That Walks", "The Mollusc That Thought", "A Stone", "Robots Made of Stone")
ADA, BEN = "ada@example.org", "ben@example.org"


@pytest.fixture
async def world(tmp_path: Path) -> World:
    """Ada follows robots and stones of her own; Ben follows robots. Nothing has run yet."""
    made = World(tmp_path)
    made.list_papers(FRIDAY, *TITLES)
    async with made.daily() as daily:
        await daily.store.subscribers.add([replace(reader(name), origin="web") for name in ("ada", "ben")], made.now)
        await change(daily, ADA, Wishes(("robots",), own=(STONES,)))
    return made


async def change(daily: Daily, address: str, wishes: Wishes) -> None:
    assert await daily.store.subscribers.change((await known(daily, address)).id, **wishes.fields())


async def known(daily: Daily, address: str) -> Subscriber:
    found = await daily.store.subscribers.find(address)
    assert found is not None
    return found


async def preview(daily: Daily, address: str) -> Preview:
    return await daily.preview(await known(daily, address), FRIDAY)


async def shown(daily: Daily, address: str) -> set[str]:
    """The titles in what the reader would get."""
    made = await preview(daily, address)
    papers = await daily.store.papers.get(pick.paper for pick in made.digest.picks)
    return {paper.title for paper in papers.values()}


def mail_to(world: World, address: str) -> str:
    [found] = [one for one in world.mail() if f"To: {address}" in one or f"<{address}>" in one]
    return found


async def test_an_own_topic_is_frozen_with_the_edition_and_read_by_its_reader_alone(world: World) -> None:
    assert set((await world.run(FRIDAY)).values()) == {State.ACCEPTED}
    assert "My stones" in mail_to(world, ADA)
    assert "My stones" not in mail_to(world, BEN)
    async with world.daily() as daily:
        [edition] = await daily.store.editions.between(date.min, FRIDAY)
        frozen = await daily.store.editions.rankings(edition.id)
        assert set(frozen) == {"robots", "shells", "~stones", TRENDING}
        assert frozen["~stones"].topic == STONES
        reworded = replace(STONES, name="Pebbles", keywords=("pebble",))
        await change(daily, ADA, Wishes(("robots",), own=(reworded,)))
        ada = [await known(daily, ADA)]
        assert (await daily.publishing.rankings(edition, ada))["~stones"].topic == STONES  # what is frozen stays
        assert (await daily.publishing.current_rankings(edition, ada))["~stones"].topic == reworded
    monday = FRIDAY + timedelta(days=3)
    world.list_papers(monday, "A Pebble", "A Stone Again", "Something Else")
    await world.run(monday)
    async with world.daily() as daily:
        edition = await edition_of(daily, monday)
        assert (await daily.store.editions.rankings(edition.id))["~stones"].topic == reworded


async def edition_of(daily: Daily, day: date) -> Edition:
    found = await daily.store.editions.find(day)
    assert found is not None
    return found


async def test_who_words_a_topic_after_the_edition_has_it_ranked_all_the_same(world: World) -> None:
    await world.run(FRIDAY)
    async with world.daily() as daily:
        await change(daily, BEN, Wishes((), own=(replace(STONES, slug="~late"),)))
        edition = await edition_of(daily, FRIDAY)
        assert "~late" not in await daily.store.editions.rankings(edition.id)
        assert "My stones" in (await preview(daily, BEN)).parts.text
        assert "~late" not in await daily.store.editions.rankings(edition.id)  # a preview saves nothing
        ada, ben = await known(daily, ADA), await known(daily, BEN)
        assert "~late" not in await daily.publishing.rankings(edition, [ada])  # nobody else pays for it
        assert "~late" in await daily.publishing.rankings(edition, [ada, ben])


async def test_who_is_forgotten_while_papers_are_ranked_leaves_no_words(world: World) -> None:
    async with world.daily() as daily:
        await daily.collect()
        ada = await known(daily, ADA)
        ranked = daily.publishing.appraising.records

        async def slowly(edition: Edition, topics: Sequence[Topic]) -> Iterable[Record]:
            records = await ranked(edition, topics)
            await daily.store.subscribers.forget(ada.id, "left", world.now)
            return records

        daily.publishing.appraising.records = slowly  # type: ignore[method-assign]  # the moment of a race
        edition = await daily.publishing.freeze(FRIDAY)
        assert edition is not None
        assert set(await daily.store.editions.rankings(edition.id)) == {"robots", "shells", TRENDING}


async def test_what_was_frozen_for_a_topic_of_the_file_goes_out_after_the_topic_is_gone(world: World) -> None:
    async with world.daily() as daily:
        await change(daily, BEN, Wishes(("shells",)))
    assert (await world.run(FRIDAY))[BEN] is State.ACCEPTED
    world.configuration = replace(world.configuration, topics=(ROBOTS,))
    async with world.daily() as daily:
        assert await daily.store.ledger.reopen({State.ACCEPTED}, address=BEN, at=world.now) == 1
    assert (await world.run(FRIDAY))[BEN] is State.ACCEPTED


async def test_a_topic_that_goes_while_its_reader_is_ranked_stops_nobody(world: World) -> None:
    async with world.daily() as daily:
        await daily.collect()
        edition, ada = await daily.publishing.freeze(FRIDAY), await known(daily, ADA)
        assert edition is not None
        await change(daily, ADA, Wishes(("robots",)))
        mine = [Ranking(STONES, ()), Ranking((await daily.store.editions.rankings(edition.id))["robots"].topic, ())]
        await daily.store.editions.freeze_personal({(ada.id, edition.id): mine})
        [kept] = (await daily.store.editions.personal([ada.id], [edition.id])).values()
        assert set(kept) == {"robots"}


@pytest.mark.parametrize(
    ("words", "authors", "gone"),
    [
        (["walking"], [], {"A Robot That Walks"}),
        (["stone"], [], {"A Stone", "Robots Made of Stone", "The Rock by Ada"}),
        ([], ["Ada Lovelace"], {"The Rock by Ada"}),
        ([], [], set()),
    ],
)
async def test_what_is_muted_is_in_no_digest_of_that_reader(
    world: World, words: list[str], authors: list[str], gone: set[str]
) -> None:
    async with world.daily() as daily:
        await daily.collect()
        first = next(iter((await daily.store.papers.get(await untaken(daily))).values()))
        hers = replace(first, id="id:hers", keys=("id:hers",), title="The Rock by Ada", authors=("Ada Lovelace",))
        hers = replace(hers, abstract="A stone is a rock, and a robot knows it.")
        await daily.store.batches.remember(Batch("page", "x", FRIDAY, (hers,), Verdict.NEW, "new"), world.now)
        before = await shown(daily, ADA), await shown(daily, BEN)
        assert gone <= before[0]
        ada = await known(daily, ADA)
        await daily.store.subscribers.mute(ada.id, words, authors)
        after = await shown(daily, ADA)
        assert not after & gone
        assert before[0] - after == gone
        assert await shown(daily, BEN) == before[1]


async def untaken(daily: Daily) -> tuple[str, ...]:
    return (await daily.publishing.draft(FRIDAY)).papers


async def explained(world: World, daily: Daily, title: str, address: str = ADA) -> Explained:
    papers = await daily.store.papers.get((await edition_of(daily, FRIDAY)).papers)
    [paper] = [one for one in papers.values() if one.title == title]
    explaining = Explaining(
        daily.store, daily.publishing, world.configuration.topics, limits(world.configuration.settings)
    )
    return await explaining.explain(paper, await known(daily, address))


async def test_explain_says_that_it_was_muted_and_proposes_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world.daily() as daily:
        await daily.collect()
        await daily.publishing.freeze(FRIDAY)
        before = await explained(world, daily, "A Stone")
        assert (before.explanation.place, before.explanation.section) != (Place.ABSENT, "robots")
        await daily.store.subscribers.mute((await known(daily, ADA)).id, ["stones", "zebra"], ["Nobody Else"])
        found = await explained(world, daily, "A Stone")
        assert (found.explanation.place, found.explanation.today) == (Place.ABSENT, Place.ABSENT)
        assert {one.hurdle for one in found.explanation.sights} == {Hurdle.MUTED}
        assert {one.muted for one in found.explanation.sights} == {("stones",)}
        assert found.remedies == ()
        [one, *_] = found.explanation.sights
        assert _hindered(found, one) == "left out: its reader never wants to see “stones”"
        _show(found, await known(daily, ADA))
        assert "Nothing but the reader's own will" in capsys.readouterr().out
        assert [one.score for one in found.explanation.sights] == [one.score for one in before.explanation.sights]
        other = await explained(world, daily, "A Robot That Walks")
        assert other.explanation.place in (Place.TOP, Place.CARD)
        assert {one.muted for one in other.explanation.sights} == {()}
        assert (await explained(world, daily, "A Stone", BEN)).explanation.sights[0].hurdle is not Hurdle.MUTED


async def test_of_a_digest_that_is_out_explain_does_not_know_when_it_was_muted(world: World) -> None:
    await world.run(FRIDAY)
    async with world.daily() as daily:
        await daily.store.subscribers.mute((await known(daily, ADA)).id, ["stone"], [])
        found = await explained(world, daily, "A Stone")
        assert found.sent
        said = _hindered(found, found.explanation.sights[0])
        assert said == "left out: its reader never wants to see “stone”, if that was so when it was sent"


async def test_the_operator_sees_own_topics_and_mutes(world: World) -> None:
    async with world.daily() as daily:
        await daily.store.subscribers.mute((await known(daily, ADA)).id, ["survey"], ["Alan Turing"])
        row = subscriber_json(await known(daily, ADA))
    assert (row["muted_words"], row["muted_authors"], row["topics"]) == (["survey"], ["Alan Turing"], ["robots"])
    assert [(one["name"], one["keywords"]) for one in row["own"]] == [("My stones", ["stone"])]
    assert json.loads(json.dumps(row["own"])) == row["own"]


async def test_a_sample_is_the_digest_that_a_reader_of_these_topics_gets(world: World) -> None:
    async with world.daily() as daily:
        await daily.collect()
        edition = await daily.publishing.freeze(FRIDAY)
        assert edition is not None
        sampling = Sampling(daily.store, daily.publishing, limits(world.configuration.settings))
        own = named_by_words(STONES)
        assert named_by_words(replace(STONES, slug="~another")) == own != named_by_words(replace(STONES, name="x"))
        topics = [ROBOTS, own]
        ranked = await sampling.known(edition, topics)
        assert set(ranked) == {"robots", TRENDING}  # nobody else's
        ranked |= await sampling.rank(edition, [own])
        made = sampling.digest(edition, topics, ranked)
        real = (await preview(daily, ADA)).digest
        assert [(one.paper, one.score, one.reasons) for one in made.picks] == [
            (one.paper, one.score, one.reasons) for one in real.picks
        ]
        assert [one.name for one in made.sections] == [one.name for one in real.sections]
        assert set(await sampling.known(edition, topics)) == {"robots", own.slug, TRENDING}  # made once
        assert set(await daily.store.editions.rankings(edition.id)) == {"robots", "shells", "~stones", TRENDING}
        nobody = replace(reader("x"), topics=(), id=0)
        trending = (await daily.preview(nobody, FRIDAY)).digest
        assert sampling.digest(edition, [], await sampling.known(edition, [])).picks == trending.picks
