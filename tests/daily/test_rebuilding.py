"""A frozen edition made again: the same messages, also where it was frozen when reasons were sentences."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update
from world import FRIDAY, SHELLS, World, reader

from newsletter.daily import Daily
from newsletter.languages import ENGLISH
from newsletter.model import Reason, Subscriber, Why
from newsletter.rendering import words
from newsletter.store import tables


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.readers(reader("ada"), reader("bea", "robots", "shells"), Subscriber("trend@example.org"))
    robots = [f"A Robot Called Hal Number {number}" for number in range(6)]
    made.list_papers(FRIDAY, "Soup", "The Mollusc That Thought", *robots)
    return made


async def messages(daily: Daily) -> dict[str, bytes]:
    """What every reader would get of the frozen edition."""
    return {
        one.address: (await daily.preview(one, FRIDAY)).message.content for one in await daily.store.subscribers.all()
    }


async def test_a_preview_of_a_frozen_edition_is_what_was_sent(world: World) -> None:
    await world.run(FRIDAY)
    async with world.daily() as daily:
        made = await messages(daily)
    # A Maildir keeps lines as its machine does.
    assert sorted(world.mail()) == sorted(content.decode().replace("\r\n", "\n") for content in made.values())


async def test_an_edition_from_when_reasons_were_sentences_is_rebuilt_byte_for_byte(world: World) -> None:
    await world.run(FRIDAY)
    async with world.daily() as daily:
        before = await messages(daily)
        number = await _as_frozen_once(daily)
        assert number > 6
        after = await messages(daily)
    assert after == before


async def _as_frozen_once(daily: Daily) -> int:
    """Put every frozen reason into the words it had when it was a sentence; how many there were."""
    changed = 0
    async with daily.store.database.write() as connection:
        for row in (await connection.execute(select(tables.rankings))).all():
            picks = json.loads(json.dumps(row.picks))
            for pick in picks:
                facts = [Reason(Why(one["kind"]), tuple(one["values"])) for one in pick["reasons"]]
                pick["reasons"] = [words.reason(ENGLISH, one) for one in facts]
                changed += len(facts)
            here = (tables.rankings.c.edition_id == row.edition_id) & (tables.rankings.c.slug == row.slug)
            await connection.execute(update(tables.rankings).where(here).values(picks=picks, excluded=[]))
    return changed


async def test_a_word_that_was_excluded_is_frozen_and_keeps_papers_out_when_the_topic_is_gone(world: World) -> None:
    quiet = replace(SHELLS, exclude=("soup",))
    world.configuration = replace(world.configuration, topics=(*world.configuration.topics[:1], quiet))
    world.readers(reader("ada"), reader("bea", "robots", "shells"))
    await world.run(FRIDAY)
    async with world.daily() as daily:
        ada, bea = [await daily.preview(one, FRIDAY) for one in await daily.store.subscribers.all()]
        edition = await daily.store.editions.find(FRIDAY)
        assert edition
        soup = next(iter(await daily.store.papers.find(search="soup"))).id
        assert (await daily.store.editions.rankings(edition.id))["shells"].excluded == (soup,)
    assert ada.digest.outside
    assert ada.digest.outside.paper == soup
    assert bea.digest.outside is None
    assert soup not in bea.parts.papers
