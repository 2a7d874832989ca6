"""Who is forgotten is in no table and in no file, and the counts are what they were."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import String, cast, select
from world import FRIDAY, World, reader

from newsletter.assembly import copies, database_url, of_readers
from newsletter.model import Opinion, State, Status, Subscriber, Topic
from newsletter.store import Store, tables
from newsletter.store.backing_up import back_up
from newsletter.store.compacting import empty_log
from newsletter.store.subscribers import Confirmed
from newsletter.subscribing import signing_up
from newsletter.subscribing.forgetting import Erased, erase, remove_files
from newsletter.subscribing.wishes import Wishes

PERSON = "zenobia.quist"
ADDRESS = f"{PERSON}@example.org"
NAMED = replace(reader(PERSON), name="Zenobia Quist", origin="import")
OTHER = replace(reader("ada"), origin="import")
OWN = Topic("~0123456789abcdef", "Zenobia's", keywords=("robot", "quistian"))
WORDS = ("zenobia", "quist")


async def of_everything(world: World) -> int:
    """A reader of whom there is something in every place there is; their number."""
    world.list_papers(FRIDAY, "A Robot That Sings", "A Robot That Talks")
    async with world.daily() as daily:
        store = daily.store
        await store.subscribers.add([NAMED, OTHER])
        person = (await store.subscribers.named([ADDRESS]))[ADDRESS].id
        wishes = Wishes(("robots",), own=(OWN,))
        assert await store.subscribers.change(person, **wishes.fields())
        assert await store.subscribers.mute(person, ["quistian"], ["Zenobia Quist"])
        await daily.collect()
        paper = (await store.papers.find())[0].id
        await store.feedback.record(person, "robots", paper, Opinion.LIKE, world.now - timedelta(days=1))
        for topic in ("robots", OWN.slug):
            await store.feedback.record(person, topic, paper, Opinion.DISLIKE, world.now - timedelta(hours=1))
    await world.run(FRIDAY)
    async with world.daily() as daily:
        store = daily.store
        async with store.database.write() as connection:
            said = f"550 5.1.1 <{ADDRESS.upper()}> Quist does not live here"
            await connection.exec_driver_sql(
                f"UPDATE deliveries SET reply = '{said}', reason = 'user {PERSON} unknown', queue_id = '4F2A'"
                f" WHERE subscriber_id = {person}"
            )
        detail = f"{ADDRESS.title()} is full"
        await store.bounces.record("a" * 64, person, ADDRESS, "soft", "<1@x>", "5.2.2", detail, world.now)
        await store.bounces.record("b" * 64, None, ADDRESS, "aside", "", "", f"names {ADDRESS}", world.now)
        await store.bounces.record("c" * 64, None, "", "aside", "", "", f"names {ADDRESS.upper()}", world.now)
        await store.ledger.plan(FRIDAY + timedelta(days=1), [person], world.now)
        await store.sign_ups.note(NAMED, "http://localhost", world.now, 9)
        await store.subscribers.leave(ADDRESS, f"hard bounce: 550 <{ADDRESS}> Zenobia who?", world.now)
    state = world.configuration.settings.state_dir
    for name, content in (
        ("previews/2025-03-14-zenobia.quist@example.org.html", "a digest"),
        ("previews/2025-03-14-page.html", "to=zenobia.quist%40example.org"),
        ("aside/new/1", f"From: a@example.org\n\nFinal-Recipient: rfc822; {ADDRESS.upper()}\n"),
        ("aside/new/2", "Content-Transfer-Encoding: quoted-printable\n\nzenobia.qui=\nst@example.org\n"),
    ):
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text(content)
    return person


async def rows_naming(store: Store) -> list[tuple[str, str]]:
    """(table, column) wherever a text, or a document, says something of who that was."""
    found = []
    async with store.database.read() as connection:
        for table in tables.metadata.sorted_tables:
            for column in table.columns:
                texts = await connection.scalars(select(cast(column, String)))
                if any(word in (text or "").lower() for text in texts for word in WORDS):
                    found.append((table.name, column.name))
    return found


def files_naming(folder: Path) -> list[str]:
    """Files that hold one of the words, as bytes, wherever they are: the database, its log, mails."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        path.name
        for path in files
        if any(word in path.name.lower() or word.encode() in path.read_bytes().lower() for word in WORDS)
    ]


@pytest.mark.sqlite
async def test_nothing_says_who_that_was(tmp_path: Path) -> None:
    world = World(tmp_path)
    person = await of_everything(world)
    settings = world.configuration.settings
    state, other_mail = settings.state_dir, [one for one in world.mail() if ADDRESS not in one]
    await back_up(database_url(settings), state / "backups" / "kept.db", lambda *_: None)
    async with world.daily() as daily:
        store = daily.store
        before = {table for table, _ in await rows_naming(store)}
        named = {"subscribers", "sign_ups", "suppressions", "deliveries", "bounces", "rankings"}
        assert before == named
        counts = await store.ledger.counts()
        erased = await erase(store, ADDRESS, world.now, of_readers(settings), copies(settings))
        assert (erased.was_reader, len(erased.files)) == (True, 5)
        assert erased.copies == (state / "backups" / "kept.db",)
        await empty_log(store.database)

        assert await rows_naming(store) == []
        shutil.rmtree(state / "backups")
        assert files_naming(state) == []
        assert world.mail() == other_mail
        assert await store.ledger.balanced()
        after = await store.ledger.counts()
        # What waited is skipped; nothing else moved.
        assert {state: after[state] - counts[state] for state in State if after[state] != counts[state]} == {
            State.READY: -1,
            State.SKIPPED: 1,
        }
        nobody = await store.subscribers.get(person)
        assert nobody is not None
        assert (nobody.status, nobody.own, nobody.muted_words) == (Status.LEFT, (), ())


async def test_nobody_brings_them_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    await of_everything(world)
    async with world.daily() as daily:
        store = daily.store
        await erase(store, ADDRESS, world.now, (), ())
        stays = await store.suppressions.find(ADDRESS)
        assert stays is not None
        assert (stays.address, stays.reason) == (ADDRESS, "forgotten")
        # An import, a file, a form.
        assert await store.subscribers.add([NAMED]) == (0, 0, [ADDRESS])
        await store.subscribers.sync_file([replace(NAMED, origin="file")])
        assert await store.subscribers.sign_up(Subscriber(ADDRESS), world.now, signing_up.REVIVABLE) is None
        # A bounce that comes late suppresses nobody by name, and the operator who suppresses them learns nothing.
        assert not await store.suppressions.add(ADDRESS, "hard bounce", world.now)
        assert await rows_naming(store) == []
    # Nor a run, in which the reader would have been due.
    world.readers(replace(NAMED, origin="file"), reader("ada"))
    world.list_papers(FRIDAY + timedelta(days=3), "A Robot That Walks")
    states = await world.run(FRIDAY + timedelta(days=3))
    assert set(states) == {"ada@example.org"}


async def test_the_operator_can_allow_them_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.daily() as daily:
        store = daily.store
        for address in (ADDRESS, "other@example.org"):  # one salt for both
            assert await erase(store, address, world.now, (), ()) == Erased(False, (), ())
        assert len({one.split(":")[1] for one in await store.subscribers.suppressed()}) == 1
        assert await store.suppressions.remove(ADDRESS)
        assert not await store.suppressions.remove(ADDRESS)
        assert await store.suppressions.find("other@example.org") is not None
        assert await store.subscribers.add([NAMED]) == (1, 0, [])


async def test_who_was_forgotten_by_a_button_may_sign_up_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    person = await of_everything(world)
    async with world.daily() as daily:
        store = daily.store
        async with store.database.write() as connection:
            await connection.exec_driver_sql("UPDATE suppressions SET reason = 'one click'")
        assert await store.subscribers.forget(person, "left", world.now)
        asked = await store.subscribers.sign_up(Subscriber(ADDRESS), world.now, signing_up.REVIVABLE)
        assert asked is not None
        assert asked.id != person
        assert (await store.suppressions.find(ADDRESS)) is not None  # until it is confirmed
        assert await store.subscribers.confirm(asked.id, ADDRESS, signing_up.REVIVABLE) is Confirmed.NOW
        assert await store.subscribers.suppressed() == {}
        assert await store.ledger.plan(date(2025, 3, 20), [asked.id], world.now) == 1


async def test_forgotten_twice_takes_what_came_since(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.daily() as daily:
        store = daily.store
        await erase(store, ADDRESS, world.now, (), ())
        await store.bounces.record("d" * 64, None, ADDRESS, "aside", "", "", "", world.now)
        await erase(store, ADDRESS, world.now, (), ())
        assert await rows_naming(store) == []
        assert len(await store.subscribers.suppressed()) == 1


SHORT = "a.b+c@example.org"
NAMING = (
    "To: A.B+C@example.org\n",
    'To: "A B" <a.b+c@example.org>\n',
    "see https://x.org/?to=a.b%2Bc%40example.org&x=1",
    "mailto%3Aa.b%2Bc%40example.org%3E",
    "<=3Ca.b+c=40example.org=3E>",
    "a.b+c@exam=\nple.org",
    "Write to a.b+c@example.org.",
    "rfc822;a.b+c@example.org",
    "“a.b+c@example.org” is nobody",
)
OTHERS = (
    "To: xa.b+c@example.org\n",
    "To: z+a.b+c@example.org\n",
    "To: a.b+c@example.org.uk\n",
    "To: a.b+c@example.organic\n",
    "To: b+c@example.org\n",
    "To: a.b+cc@example.org\n",
)


def test_a_file_goes_that_names_the_address_and_not_one_that_names_another(tmp_path: Path) -> None:
    for number, text in enumerate((*NAMING, *OTHERS)):
        (tmp_path / f"{number:02}").write_text(f"Subject: x\n{text}")
    far = tmp_path / "far"
    far.write_bytes(b"x" * ((1 << 20) - 8) + b" a.b+c@example.org ")  # where one piece ends and the next begins
    made = [tmp_path / "2025-03-14-a.b-c@example.org.html", tmp_path / "2025-03-14-xa.b-c@example.org.html"]
    for path in made:
        path.write_text("a digest")
    gone = remove_files([tmp_path, tmp_path / "not there"], SHORT)
    assert [path.name for path in gone] == [*(f"{number:02}" for number in range(len(NAMING))), made[0].name, "far"]
    left = {path.read_text() for path in tmp_path.iterdir()}
    assert left == {*(f"Subject: x\n{text}" for text in OTHERS), "a digest"}


async def test_a_report_about_another_keeps_its_words(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.daily() as daily:
        for number, text in enumerate((*NAMING[-2:], *OTHERS)):
            await daily.store.bounces.record(str(number) * 64, None, "", "aside", "", "", text, world.now)
        await erase(daily.store, SHORT, world.now, (), ())
        async with daily.store.database.read() as connection:
            left = set(await connection.scalars(select(tables.bounces.c.detail)))
    assert left == {"", *OTHERS}
