"""Topics of readers' own and what they mute: kept, changed, and gone with every word of theirs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from builders import paper
from sqlalchemy import inspect

from newsletter.model import Batch, Pick, Ranking, Reason, Rhythm, Status, Subscriber, Topic, Verdict, Why
from newsletter.store import Store
from newsletter.store.subscribers import Confirmed
from newsletter.subscribing.wishes import Wishes

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
DAY = NOW.date()
BRAINS = Topic("~brains", "Secret brains", "My secret.", ("secretword",), ("notthis",), authors=("Ada Lovelace",))
NEW = Topic("~new", "New", keywords=("new",))
SHELLS = Topic("~shells", "Secret shells", keywords=("mollusc",))
ROBOTS = Topic("robots", "Robots", keywords=("robot",))
ADA, BEN, CLEO = (
    Subscriber(f"{name}@example.org", name.title(), ("robots",), origin="web") for name in ("ada", "ben", "cleo")
)


def ranked(topic: Topic) -> Ranking:
    why = Reason(Why.TITLE, topic.keywords[:1])
    return Ranking(topic, (Pick(paper(1).id, topic.slug, 1.0, (("words", 1.0),), (why,)),))


@pytest.fixture
async def ada(store: Store) -> Subscriber:
    """Ada, with two topics of her own that an edition has ranked, also for her alone."""
    await store.subscribers.add([ADA, BEN], NOW)
    found = await known(store, ADA.address)
    assert await store.subscribers.change(found.id, **Wishes(("robots",), own=(BRAINS, SHELLS)).fields())
    await store.batches.remember(Batch("page", "page", DAY, (paper(1),), Verdict.NEW, "new"), NOW)
    rankings = [ranked(one) for one in (ROBOTS, BRAINS, SHELLS)]
    edition = await store.editions.freeze(DAY, [paper(1).id], [], rankings)
    await store.editions.freeze_personal({(found.id, edition.id): rankings})
    return await known(store, ADA.address)


async def known(store: Store, address: str) -> Subscriber:
    found = await store.subscribers.find(address)
    assert found is not None
    return found


async def left_of(store: Store, reader: Subscriber) -> tuple[set[str], set[str]]:
    """The slugs that the edition has rankings of, everybody's and the reader's."""
    [edition] = await store.editions.between(date(2025, 1, 1), DAY)
    own = await store.editions.personal([reader.id], [edition.id])
    return set(await store.editions.rankings(edition.id)), set(own.get((reader.id, edition.id), {}))


async def test_what_was_worded_comes_back_whole(store: Store, ada: Subscriber) -> None:
    assert ada.own == (BRAINS, SHELLS)
    assert ada.follows == ("robots", "~brains", "~shells")
    assert await left_of(store, ada) == ({"robots", "~brains", "~shells"},) * 2


async def test_a_topic_that_is_taken_out_is_gone_with_what_was_ranked_for_it(store: Store, ada: Subscriber) -> None:
    reworded = replace(BRAINS, name="Brains")
    wishes = Wishes((), "Europe/Rome", 9, Rhythm.WEEKLY, "de", (reworded,))
    assert await store.subscribers.change(ada.id, **wishes.fields())
    now = await known(store, ADA.address)
    assert (Wishes.of(now), now.own) == (wishes, (reworded,))
    assert await left_of(store, ada) == ({"robots", "~brains"},) * 2
    [edition] = await store.editions.between(date(2025, 1, 1), DAY)
    assert (await store.editions.rankings(edition.id))["~brains"].topic == BRAINS  # frozen as it was worded


async def test_what_a_file_cannot_say_is_its_readers_own(store: Store, ada: Subscriber) -> None:
    await store.subscribers.sync_file([replace(ADA, topics=()), CLEO])
    for address in (ADA.address, CLEO.address):
        reader = await known(store, address)
        wishes = Wishes(("shells",), "Europe/Rome", 3, Rhythm.WEEKLY, "de", (*reader.own, NEW))
        assert await store.subscribers.change(reader.id, **wishes.fields())
        assert not await store.subscribers.read_weekly(reader.id)
        assert await store.subscribers.mute(reader.id, ["survey"], ["Alan Turing"])
        mine = replace(reader, own=wishes.own, muted_words=("survey",), muted_authors=("Alan Turing",))
        assert await known(store, address) == mine
    await store.subscribers.sync_file([CLEO])  # the file says nothing of it
    assert (await known(store, CLEO.address)).muted_words == ("survey",)
    assert await left_of(store, ada) == ({"robots", "~brains", "~shells"},) * 2


async def test_who_gets_no_mail_words_and_mutes_nothing(store: Store, ada: Subscriber) -> None:
    await store.subscribers.leave(ADA.address, "left", NOW)
    gone = await known(store, ADA.address)
    assert not await store.subscribers.mute(ada.id, ["survey"], [])
    assert not await store.subscribers.change(ada.id, **Wishes().fields())
    assert not await store.subscribers.mute(999, ["survey"], [])
    assert await known(store, ADA.address) == gone


async def test_the_topics_of_those_who_read_are_ranked(store: Store, ada: Subscriber) -> None:
    ben = await known(store, BEN.address)
    await store.subscribers.change(ben.id, **Wishes(own=(replace(SHELLS, slug="~other"),)).fields())
    assert [one.slug for one in await store.subscribers.own_topics()] == ["~brains", "~shells", "~other"]
    await store.subscribers.pause(ada.id, date(2025, 4, 1))
    assert len(await store.subscribers.own_topics()) == 3  # the digest after a pause looks back
    await store.subscribers.leave(ADA.address, "left", NOW)
    assert [one.slug for one in await store.subscribers.own_topics()] == ["~other"]
    await store.subscribers.sign_up(replace(CLEO, own=(BRAINS,)), NOW, ())
    assert [one.slug for one in await store.subscribers.own_topics()] == ["~other"]  # not before it is confirmed


async def test_to_be_forgotten_takes_every_word_along(store: Store, ada: Subscriber) -> None:
    await store.subscribers.mute(ada.id, ["secretmute"], ["Secret Author"])
    assert "secret" in await everything(store)
    assert await store.subscribers.forget(ada.id, "left", NOW)
    assert "secret" not in await everything(store)
    assert await left_of(store, ada) == ({"robots"}, set())


async def everything(store: Store) -> str:
    """The whole database, in small letters."""
    async with store.database.read() as connection:
        names = await connection.run_sync(lambda one: inspect(one).get_table_names())
        found = [(await connection.exec_driver_sql(f'SELECT * FROM "{name}"')).all() for name in names]
    return json.dumps([[list(map(str, row)) for row in several] for several in found]).lower()


async def test_who_comes_back_has_the_new_words_and_not_the_old(store: Store, ada: Subscriber) -> None:
    await store.subscribers.leave(ADA.address, "left", NOW)
    asked = replace(ADA, topics=(), own=(replace(SHELLS, slug="~new"),))
    waiting = await store.subscribers.sign_up(asked, NOW, {"left"})
    assert waiting is not None
    assert (waiting.own, waiting.status) == (ada.own, Status.PENDING)  # anybody may type an address
    assert await left_of(store, ada) == ({"robots", "~brains", "~shells"},) * 2
    assert await store.subscribers.confirm(ada.id, ADA.address, {"left"}) is Confirmed.NOW
    now = await known(store, ADA.address)
    assert (now.own, now.topics, now.status) == (asked.own, (), Status.ACTIVE)
    assert await left_of(store, ada) == ({"robots"},) * 2


async def test_a_page_of_readers_and_their_counts(store: Store, ada: Subscriber) -> None:
    await store.subscribers.add([replace(CLEO, name="100%_")], NOW)
    await store.subscribers.pause(ada.id, date(2025, 4, 1))
    everybody = await store.subscribers.all()
    assert await store.subscribers.page() == everybody
    assert await store.subscribers.page(after=everybody[0].id, limit=1) == everybody[1:2]
    assert [one.address for one in await store.subscribers.page(search="%_")] == [CLEO.address]
    assert [one.address for one in await store.subscribers.page(search="ADA")] == [ADA.address]
    assert [one.own for one in await store.subscribers.page(status=Status.PAUSED)] == [ada.own]
    assert await store.subscribers.page(search="ada", status=Status.ACTIVE) == []
    assert await store.subscribers.counts() == {
        Status.ACTIVE: 2,
        Status.PENDING: 0,
        Status.PAUSED: 1,
        Status.LEFT: 0,
    }
