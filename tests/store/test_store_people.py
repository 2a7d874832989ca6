"""Topics and subscribers: the file has the last word, except on leaving and pausing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import insert, select, update

from newsletter.model import Rhythm, State, Status, Subscriber, Topic
from newsletter.store import Store, tables
from newsletter.store.forgetting import is_forgotten
from newsletter.store.subscribers import Confirmed
from newsletter.subscribing.wishes import Wishes

NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)
ADA = Subscriber("ada@example.org", "Ada", ("vision", "language"), "Europe/Berlin", 6, Rhythm.WEEKLY)
BEN = Subscriber("ben@example.org")


async def statuses(store: Store) -> dict[str, Status]:
    return {reader.address: reader.status for reader in await store.subscribers.all()}


async def pause(store: Store, address: str) -> None:
    """Without an end."""
    change = update(tables.subscribers).where(tables.subscribers.c.address == address)
    async with store.database.write() as connection:
        await connection.execute(change.values(status=Status.PAUSED))


async def known(store: Store, address: str) -> Subscriber:
    found = await store.subscribers.find(address)
    assert found is not None
    return found


async def test_topics_mirror_the_configuration(store: Store) -> None:
    vision = Topic(
        "vision",
        "Vision",
        "Seeing.",
        ("image", "3D scenes"),
        ("medical",),
        1.5,
        3,
        categories=("cs.CV", "math"),
        authors=("É. du Châtelet",),
        institutions=("東京大学",),
        examples=("2003.08934", "A title"),
        weight=0.1,
    )
    language, robots = Topic("language", "Language"), Topic("robots", "Robots")
    await store.topics.sync([vision, language])
    assert await store.topics.all() == [vision, language]
    changed = replace(vision, name="Computer vision", keywords=())
    await store.topics.sync([robots, changed])
    assert await store.topics.all() == [robots, changed]
    await store.topics.sync([])
    assert await store.topics.all() == []


async def test_a_topic_of_an_earlier_version_has_the_defaults_of_what_it_could_not_say(store: Store) -> None:
    said = {"slug": "vision", "name": "Vision", "keywords": ["image"], "min_score": 1.0}
    async with store.database.write() as connection:
        row = {"slug": "vision", "position": 0, "name": "Vision", "definition": said}
        await connection.execute(insert(tables.topics), row)
    assert await store.topics.all() == [Topic("vision", "Vision", keywords=("image",), min_score=1.0)]


async def test_readers_of_the_file(store: Store) -> None:
    await store.subscribers.sync_file([ADA, BEN])
    assert await store.subscribers.all() == [replace(ADA, id=1), replace(BEN, id=2)]
    assert await store.subscribers.find("ada@example.org") == replace(ADA, id=1)
    assert await store.subscribers.find("nobody@example.org") is None
    moved = replace(ADA, timezone="Asia/Tokyo", topics=(), locale="de")
    await store.subscribers.sync_file([BEN, moved])
    assert await store.subscribers.all() == [replace(moved, id=1), replace(BEN, id=2)]


async def test_a_reader_whose_line_goes_has_left_and_comes_back_with_it(store: Store) -> None:
    await store.subscribers.sync_file([ADA, BEN])
    await store.subscribers.sync_file([BEN])
    assert await statuses(store) == {"ada@example.org": Status.LEFT, "ben@example.org": Status.ACTIVE}
    assert await store.subscribers.suppressed() == {}
    await store.subscribers.sync_file([ADA, BEN])
    assert await store.subscribers.all() == [replace(ADA, id=1), replace(BEN, id=2)]


async def test_leaving_outlives_the_file(store: Store) -> None:
    await store.subscribers.sync_file([ADA, BEN])
    assert await store.subscribers.leave("ada@example.org", "one click", NOW) is True
    assert (await statuses(store))["ada@example.org"] is Status.LEFT
    for readers in ([ADA, BEN], [BEN], [ADA, BEN]):
        await store.subscribers.sync_file(readers)
        assert (await statuses(store))["ada@example.org"] is Status.LEFT
    assert await store.subscribers.add([replace(ADA, origin="import")]) == (0, 0, ["ada@example.org"])
    assert (await statuses(store))["ada@example.org"] is Status.LEFT


async def test_leaving_twice_keeps_the_first_reason(store: Store) -> None:
    await store.subscribers.sync_file([ADA])
    assert await store.subscribers.leave("ada@example.org", "one click", NOW) is True
    assert await store.subscribers.leave("ada@example.org", "hard bounce", NOW) is True
    assert await store.subscribers.suppressed() == {"ada@example.org": "one click"}
    async with store.database.read() as connection:
        assert await connection.scalar(select(tables.suppressions.c.since)) == NOW


async def test_an_unknown_address_can_leave_too(store: Store) -> None:
    assert await store.subscribers.leave("ada@example.org", "complaint", NOW) is False
    assert await store.subscribers.all() == []
    await store.subscribers.sync_file([ADA])
    # There is no row to say it: the suppression does, and a forgotten reader's line of the file must not make one.
    assert await statuses(store) == {}
    assert await store.subscribers.leave("ada@example.org", "complaint", NOW) is False


async def test_a_pause_is_kept(store: Store) -> None:
    await store.subscribers.sync_file([ADA, BEN])
    await pause(store, "ada@example.org")
    await store.subscribers.sync_file([replace(ADA, hour=9), BEN])
    assert await store.subscribers.find("ada@example.org") == replace(ADA, id=1, hour=9, status=Status.PAUSED)
    await store.subscribers.add([replace(ADA, hour=10)])
    assert await store.subscribers.find("ada@example.org") == replace(ADA, id=1, hour=10, status=Status.PAUSED)


async def test_an_import(store: Store) -> None:
    await store.subscribers.sync_file([ADA])
    await store.subscribers.leave("gone@example.org", "hard bounce", NOW)
    cleo, gone = Subscriber("cleo@example.org", origin="import"), Subscriber("gone@example.org", origin="import")
    ada = replace(ADA, name="Ada L.", locale="de", origin="import")
    assert await store.subscribers.add([cleo, gone, ada]) == (1, 1, ["gone@example.org"])
    assert await store.subscribers.all() == [replace(ADA, name="Ada L.", locale="de", id=1), replace(cleo, id=2)]
    assert await store.subscribers.add([]) == (0, 0, [])


async def test_the_last_line_of_an_address_counts(store: Store) -> None:
    twice = [
        Subscriber("cleo@example.org", hour=1, origin="import"),
        Subscriber("cleo@example.org", hour=2, origin="import"),
    ]
    assert await store.subscribers.add(twice) == (1, 0, [])
    assert [reader.hour for reader in await store.subscribers.all()] == [2]


async def test_an_imported_reader_stays_until_the_file_takes_it_over(store: Store) -> None:
    await store.subscribers.add([replace(BEN, origin="import")])
    await store.subscribers.sync_file([ADA])
    assert await statuses(store) == {"ben@example.org": Status.ACTIVE, "ada@example.org": Status.ACTIVE}
    await store.subscribers.sync_file([ADA, BEN])
    assert await store.subscribers.find("ben@example.org") == replace(BEN, id=1, origin="file")
    await store.subscribers.sync_file([ADA])
    assert (await statuses(store))["ben@example.org"] is Status.LEFT


async def test_an_import_does_not_revive_who_left_the_file(store: Store) -> None:
    await store.subscribers.sync_file([ADA, BEN])
    await store.subscribers.sync_file([ADA])
    assert await store.subscribers.add([replace(BEN, origin="import")]) == (0, 0, ["ben@example.org"])
    assert (await statuses(store))["ben@example.org"] is Status.LEFT


async def test_many_readers(store: Store) -> None:
    readers = [Subscriber(f"reader{n}@example.org", origin="import") for n in range(3000)]
    assert await store.subscribers.add(readers) == (3000, 0, [])
    assert await store.subscribers.add(readers) == (0, 3000, [])
    assert [reader.id for reader in await store.subscribers.all()] == list(range(1, 3001))


WEB = Subscriber("wim@example.org", topics=("vision",), timezone="Europe/Berlin", hour=5)
OWN_WILL = frozenset({"left"})


async def test_signing_up_waits_for_its_confirmation(store: Store) -> None:
    waiting = await store.subscribers.sign_up(WEB, NOW, OWN_WILL)
    assert waiting == replace(WEB, id=1, status=Status.PENDING, origin="web", asked_at=NOW, joined_at=NOW)
    later = NOW + timedelta(hours=1)
    newest = replace(WEB, topics=(), hour=9)
    assert await store.subscribers.sign_up(newest, later, OWN_WILL) == replace(
        newest, id=1, status=Status.PENDING, origin="web", asked_at=later, joined_at=NOW
    )
    assert await store.subscribers.confirm(1, "other@example.org", OWN_WILL) is Confirmed.NOT
    assert await store.subscribers.confirm(2, WEB.address, OWN_WILL) is Confirmed.NOT
    assert await store.subscribers.confirm(1, WEB.address, OWN_WILL) is Confirmed.NOW
    assert await store.subscribers.confirm(1, WEB.address, OWN_WILL) is Confirmed.BEFORE
    there = await known(store, WEB.address)
    assert there.status is Status.ACTIVE
    # Who reads is not changed by a stranger who types their address, nor is who has paused.
    assert await store.subscribers.sign_up(WEB, later, OWN_WILL) == there
    assert await store.subscribers.pause(1, date(2025, 4, 1))
    paused = await known(store, WEB.address)
    assert await store.subscribers.sign_up(WEB, later, OWN_WILL) == paused
    assert await store.subscribers.confirm(1, WEB.address, OWN_WILL) is Confirmed.BEFORE
    assert (await known(store, WEB.address)).status is Status.PAUSED


async def test_only_ones_own_will_is_taken_back(store: Store) -> None:
    await store.subscribers.leave(WEB.address, "complaint", NOW)
    assert await store.subscribers.sign_up(WEB, NOW, OWN_WILL) is None
    assert await store.subscribers.all() == []
    await store.suppressions.remove(WEB.address)
    await store.subscribers.leave(WEB.address, "left", NOW)
    waiting = await store.subscribers.sign_up(WEB, NOW, OWN_WILL)
    assert waiting is not None
    assert await store.subscribers.suppressed() == {WEB.address: "left"}  # until it is confirmed
    await store.suppressions.add("x@example.org", "left", NOW)
    assert await store.subscribers.confirm(waiting.id, WEB.address, OWN_WILL) is Confirmed.NOW
    assert await store.subscribers.suppressed() == {"x@example.org": "left"}


async def test_who_does_not_confirm_goes_and_who_has_a_past_has_left(store: Store) -> None:
    await store.subscribers.add([replace(BEN, origin="import")])
    ben = await known(store, BEN.address)
    await store.ledger.plan(NOW.date(), [ben.id], NOW)
    await store.subscribers.leave(BEN.address, "left", NOW)
    for reader in (WEB, replace(BEN)):
        await store.subscribers.sign_up(reader, NOW, OWN_WILL)
    fresh = replace(WEB, address="fresh@example.org")
    await store.subscribers.sign_up(fresh, NOW + timedelta(days=1), OWN_WILL)
    assert await store.subscribers.give_up(NOW) == 0
    assert await store.subscribers.give_up(NOW + timedelta(seconds=1)) == 2
    assert await statuses(store) == {BEN.address: Status.LEFT, fresh.address: Status.PENDING}
    assert await store.ledger.balanced()
    assert await store.subscribers.give_up(NOW + timedelta(days=9)) == 1


async def test_a_pause_ends_on_its_day(store: Store) -> None:
    await store.subscribers.sync_file([ADA, BEN])
    until = date(2025, 4, 1)
    assert await store.subscribers.pause(1, until)
    assert not await store.subscribers.pause(99, until)
    await store.subscribers.sync_file([replace(ADA, hour=3), BEN])
    assert await known(store, ADA.address) == replace(ADA, id=1, hour=3, status=Status.PAUSED, paused_until=until)
    assert await store.subscribers.wake(until - timedelta(days=1)) == 0
    assert await store.subscribers.wake(until) == 1
    assert await known(store, ADA.address) == replace(ADA, id=1, hour=3)
    await pause(store, BEN.address)
    assert await store.subscribers.wake(date.max) == 0  # without an end
    assert await store.subscribers.resume(2)
    assert not await store.subscribers.resume(2)
    await store.subscribers.leave(BEN.address, "left", NOW)
    assert not await store.subscribers.pause(2, until)


async def test_what_a_reader_may_change(store: Store) -> None:
    await store.subscribers.sync_file([ADA])
    await store.subscribers.add([replace(BEN, origin="import")])
    await store.subscribers.sign_up(WEB, NOW, OWN_WILL)
    own = (Topic("~1", "Mine", keywords=("brain",)),)
    new = Wishes(("robots",), "Asia/Tokyo", 4, Rhythm.WEEKDAYS, "de", own)
    changed = [await store.subscribers.change(number, **new.fields()) for number in (1, 2, 3, 4)]
    assert changed == [True, True, False, False]  # of the file; an import; not confirmed; nobody
    ada = await known(store, ADA.address)
    assert Wishes.of(ada) == replace(Wishes.of(ADA), own=own)  # the file decides on the rest
    ben = await known(store, BEN.address)
    assert Wishes.of(ben) == new


async def test_forgetting(store: Store) -> None:
    await store.subscribers.add([replace(ADA, origin="import")])
    await store.ledger.plan(NOW.date(), [1], NOW)
    assert await store.subscribers.forget(1, "left", NOW)
    assert not await store.subscribers.forget(1, "left", NOW)
    assert not await store.subscribers.forget(2, "left", NOW)
    assert await store.subscribers.find(ADA.address) is None
    nobody = await store.subscribers.get(1)
    assert nobody is not None
    assert is_forgotten(nobody.address)
    assert (nobody.name, nobody.topics, nobody.timezone, nobody.status) == ("", (), "UTC", Status.LEFT)
    [(hidden, reason)] = (await store.subscribers.suppressed()).items()
    assert (hidden.startswith("forgotten:"), "ada" in hidden, reason) == (True, False, "left")
    there = await store.suppressions.find(ADA.address)
    assert there is not None
    assert (there.address, there.reason) == (ADA.address, "left")
    assert await store.ledger.balanced()
    assert await store.feedback.standing([1]) == {}
    assert await store.subscribers.add([replace(ADA, origin="import")]) == (0, 0, [ADA.address])
    # An earlier reason stays: what bounced bounces still.
    await store.subscribers.add([replace(BEN, origin="import")])
    ben = await known(store, BEN.address)
    await store.subscribers.leave(BEN.address, f"hard bounce: 550 <{BEN.address}> is nobody", NOW)
    assert await store.subscribers.forget(ben.id, "left", NOW)
    there = await store.suppressions.find(BEN.address)
    assert there is not None
    assert there.reason == "hard bounce"
    assert BEN.address not in await store.subscribers.suppressed()


async def test_who_is_in_the_file_no_more_comes_back_by_the_page(store: Store) -> None:
    await store.subscribers.sync_file([ADA])
    await store.subscribers.sync_file([])
    asked = Subscriber(ADA.address, topics=("shells",), own=(Topic("~1", "Mine", keywords=("brain",)),))
    waits = await store.subscribers.sign_up(asked, NOW, OWN_WILL)
    assert waits is not None
    await store.subscribers.sync_file([])
    assert await store.subscribers.confirm(waits.id, ADA.address, OWN_WILL) is Confirmed.NOW
    await store.subscribers.sync_file([])
    ada = await known(store, ADA.address)
    assert (ada.status, ada.topics, ada.own) == (Status.ACTIVE, ("shells",), asked.own)


async def test_what_a_relay_says_late_of_a_forgotten_reader_is_not_kept(store: Store) -> None:
    await store.subscribers.add([replace(ADA, origin="import")])
    await store.ledger.plan(NOW.date(), [1], NOW)
    [claimed] = await store.ledger.claim(NOW.date(), "me", NOW, timedelta(minutes=5), 10)
    await store.ledger.begin_data(claimed, "me", NOW, message_id="<1@x>", sections=1, papers=1, size=1)
    assert await store.subscribers.forget(1, "left", NOW)
    said = f"5.1.1 <{ADA.address}> no such mailbox"
    await store.ledger.settle(claimed, "me", NOW, State.REFUSED, code=550, reply=said, reason=said)
    await store.subscribers.stay_forgotten()
    [kept] = await store.ledger.of_date(NOW.date())
    assert (kept.state, kept.reply, kept.reason) == (State.REFUSED, "", "the reader was forgotten")


async def test_an_import_changes_what_it_says_of_whom_it_knows(store: Store) -> None:
    before = replace(BEN, topics=("robots",), timezone="Asia/Tokyo", hour=9, origin="import")
    await store.subscribers.add([before])
    told = replace(BEN, topics=("shells",), hour=3, origin="import")
    await store.subscribers.add([told], NOW, {BEN.address: {"address", "hour"}})
    assert await known(store, BEN.address) == replace(before, id=1, hour=3)


async def test_two_buttons_at_once_mute_two_authors(store: Store) -> None:
    await store.subscribers.sync_file([ADA])
    names = [f"Author {number}" for number in range(5)]
    mute = store.subscribers.mute_authors
    await asyncio.gather(*(mute(1, lambda those, one=name: (*those, one)) for name in names))
    assert sorted((await known(store, ADA.address)).muted_authors) == names
    assert not await store.subscribers.mute_authors(99, lambda those: those)


async def test_very_many_at_once_are_as_they_would_be_alone(store: Store) -> None:
    """A server takes them by COPY."""
    odd = ['Ada, "Lovelace"', "tab\tand\nline", "\\N", "Ünïcode 論文", ""]
    many = [
        Subscriber(
            f"r{n}@example.org",
            odd[n % len(odd)],
            topics=("vision", "a\\b") if n % 2 else (),
            rhythm=list(Rhythm)[n % len(Rhythm)],
            locale="de" if n % 3 else "",
            origin="import",
        )
        for n in range(1_200)
    ]
    assert await store.subscribers.add(many[:1], NOW) == (1, 0, [])
    assert await store.subscribers.add(many, NOW) == (1_199, 1, [])
    found = await store.subscribers.all()
    assert [replace(one, id=0, joined_at=None) for one in found] == many
    assert {one.joined_at for one in found} == {NOW}
