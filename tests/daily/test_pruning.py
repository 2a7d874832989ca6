"""What is too old to be kept goes, and nothing else does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import postgres
import pytest
from sqlalchemy import event, func, insert, inspect, select
from world import FRIDAY, ROBOTS, World, reader

from newsletter.daily.pruning import Keep, Pruned, Pruning
from newsletter.errors import StoreError
from newsletter.model import (
    Answer,
    Batch,
    Listing,
    Observation,
    Opinion,
    Paper,
    Pick,
    Ranking,
    State,
    Subscriber,
    Topic,
    Verdict,
)
from newsletter.ranking.standings import Standings
from newsletter.settings import Settings
from newsletter.settings.keeping import KeepingTable
from newsletter.store import Shown, Store, pruning, tables
from newsletter.store.compacting import compact
from newsletter.store.exporting import exported
from newsletter.subscribing.wishes import Wishes

NOW = datetime(2027, 3, 15, 8, tzinfo=UTC)
LOOK_BACK = 7
EVERY = dict.fromkeys("deliveries answers sign_ups batches observations opinions rankings reports".split(), 10)
OWN = Topic("~0123", "Mine", keywords=("robot",))


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(f"sqlite:///{tmp_path}/newsletter.db") as store:
        yield store


@pytest.fixture
async def served() -> AsyncIterator[Store]:
    with postgres.database() as url:
        async with await Store.open(url) as store:
            yield store


def pruner(store: Store, **days: int) -> Pruning:
    return Pruning(store, Keep(LOOK_BACK, **(EVERY | days)), NOW.date)


async def numbers(of: Pruning, *, rehearse: bool = False) -> dict[str, int]:
    return {one.kind: one.number for one in await of.prune(NOW, rehearse=rehearse) if one.number}


async def rows(store: Store) -> dict[str, int]:
    async with store.database.read() as connection:
        return {
            table.name: await connection.scalar(select(func.count()).select_from(table)) or 0
            for table in tables.metadata.sorted_tables
        }


async def of_two_ages(store: Store) -> None:
    """Of each kind, something of eleven days ago and something of nine."""
    await store.subscribers.add([Subscriber("ada@example.org", origin="import")])
    wishes = Wishes(("robots",), own=(OWN,))
    assert await store.subscribers.change(1, **wishes.fields())
    for days in (11, 9):
        at, day = ago(days), ago(days).date()
        await store.answers.keep("hf", Answer(f"https://x.org/{days}", 200, b"[]", at))
        paper = Paper(f"arxiv:{days}", f"A Title of {days}", "", listings=(Listing(day, "hf", 1),), first_seen=day)
        seen = (Observation(f"arxiv:{days}", "votes", days), Observation("arxiv:11", "votes", 100 - days))
        await store.batches.remember(Batch("hf", str(day), day, (paper,), Verdict.NEW, "1", observations=seen), at)
        await store.feedback.record(1, "robots", f"arxiv:{days}", Opinion.LIKE, at)
        assert await store.feedback.reset(1, at) == 1
        own = Ranking(OWN, (Pick(f"arxiv:{days}", OWN.slug, 1.0, (), ()),), ())
        both = [own, Ranking(ROBOTS, (), ()), Ranking(None, (), ())]
        edition = await store.editions.freeze(day, [f"arxiv:{days}"], [], both)
        await store.editions.freeze_personal({(1, edition.id): [own]})
        await store.bounces.record(str(days) * 32, 1, "ada@example.org", "soft", "<1@x>", "4.2.2", "is full", at)
        await store.ledger.plan(day, [1], at)
        [claimed] = await store.ledger.claim(day, "me", at, timedelta(minutes=5), 9)
        await store.ledger.settle(claimed, "me", at, State.ACCEPTED, code=250)
        await store.subscribers.sign_up(Subscriber(f"new{days}@example.org", origin="web"), at, ())
        await store.sign_ups.note(Subscriber(f"noted{days}@example.org", origin="web"), "http://x", at, 9)


async def test_what_is_too_old_goes_and_nothing_else(store: Store) -> None:
    await of_two_ages(store)
    # The newest edition is nine days old, and what is ranked is counted from there.
    of = pruner(store, rankings=1)
    before = await rows(store)
    going = {
        "deliveries": 1,
        "answers": 1,
        "sign_ups": 2,
        "batches": 1,
        "observations": 1,
        "opinions": 1,
        "reports": 1,
    }
    assert await numbers(of, rehearse=True) == going
    assert await rows(store) == before
    assert await numbers(of) == going
    assert await numbers(of) == {}
    after = await rows(store)
    gone = {name: before[name] - after[name] for name in before if before[name] != after[name]}
    assert gone == {
        "deliveries": 1,
        "answers": 1,
        "subscribers": 1,
        "sign_ups": 1,
        "batches": 1,
        "observations": 1,
        "feedback": 1,
    }
    assert await store.ledger.balanced()
    assert [one.detail for one in await store.bounces.of_subscriber(1)] == ["", "is full"]
    # The last number of a paper stays, however old it is.
    assert await store.papers.observed(["arxiv:11"]) == {"arxiv:11": {"votes": 91}}
    assert await store.answers.latest("hf", "https://x.org/11") is None
    assert await store.answers.latest("hf", "https://x.org/9") is not None


async def test_on_a_server_the_same_goes(served: Store) -> None:
    await of_two_ages(served)
    of = pruner(served)
    assert sum((await numbers(of, rehearse=True)).values()) == 8
    assert sum((await numbers(of)).values()) == 8
    assert await numbers(of) == {}
    assert await served.ledger.balanced()
    kinds = [kind async for kind, _ in exported(served.database)]
    assert (kinds.count("deliveries"), kinds.count("personal_rankings"), kinds.count("papers")) == (1, 2, 2)
    assert await served.subscribers.erase("ada@example.org", "forgotten", NOW)
    assert (await rows(served))["personal_rankings"] == 0
    assert await served.suppressions.find("ada@example.org") is not None


async def test_what_was_ranked_for_one_reader_goes_when_newer_editions_have_come(store: Store) -> None:
    await of_two_ages(store)
    for days in (1, 0):
        paper = Paper(f"arxiv:{days}", f"A Title of {days}", "", first_seen=ago(days).date())
        await store.batches.remember(Batch("x", "", None, (paper,), Verdict.NEW, "1"), ago(days))
        await store.editions.freeze(ago(days).date(), [paper.id], [], [Ranking(None, (), ())])
    of = pruner(store)
    assert (await numbers(of, rehearse=True))["rankings"] == 2
    assert (await numbers(of))["rankings"] == 2
    first, second = [await store.editions.find(ago(days).date()) for days in (11, 9)]
    assert first is not None
    assert second is not None
    assert set(await store.editions.rankings(first.id)) == {"robots", "trending"}
    assert set(await store.editions.rankings(second.id)) == {OWN.slug, "robots", "trending"}
    assert set(await store.editions.personal([1], [first.id, second.id])) == {(1, second.id)}


async def post(store: Store, days: float, state: State, reason: str = "") -> None:
    """A post of so many days ago, and what became of it."""
    day, at = ago(days).date(), ago(days)
    await store.posts.plan(day, {"lab": day}, at)
    claimed = await store.posts.claim(["lab"], day, "me", at, timedelta(minutes=5))
    assert claimed
    await store.posts.settle(claimed, "me", at, state, reason)


async def looked_back_on(store: Store) -> object:
    posts, today = store.posts, NOW.date()
    missed = [(one.local_date, one.reason) for one in (await posts.missed("lab", 2))[1]]
    return await posts.last_settled("lab", today), (await posts.missed("lab", 2))[0], missed


@pytest.mark.parametrize("end", [State.ACCEPTED, State.UNKNOWN, State.REFUSED])
async def test_of_posts_stays_what_the_next_one_begins_with_and_since_when_there_is_none(
    store: Store, end: State
) -> None:
    """Whatever the rhythm of the channel, which nobody who prunes knows."""
    for days in (90, 80, 70):
        await post(store, days, State.ACCEPTED)
    await post(store, 60, State.SKIPPED, "nothing new for these topics")
    await post(store, 50, State.REFUSED, "no such channel")
    await post(store, 40, end, "what was said last")
    before = await looked_back_on(store)
    gone = 5 if end is State.ACCEPTED else 2
    assert await numbers(pruner(store), rehearse=True) == {"deliveries": gone}
    assert await numbers(pruner(store)) == {"deliveries": gone}
    assert await looked_back_on(store) == before


async def test_for_ever_is_for_ever_and_a_digest_finds_what_it_looks_back_on(store: Store) -> None:
    await of_two_ages(store)
    assert await numbers(Pruning(store, Keep(LOOK_BACK, **dict.fromkeys(EVERY, 0)), NOW.date)) == {}
    # Whoever says one day gets the look-back.
    left = await numbers(Pruning(store, Keep(30, **dict.fromkeys(EVERY, 1)), NOW.date), rehearse=True)
    assert left == {"answers": 2, "sign_ups": 4, "observations": 1, "reports": 2}


async def test_the_last_answer_of_a_source_and_the_days_it_was_asked_for_are_known_for_ever(store: Store) -> None:
    for number, asked in enumerate([None, FRIDAY, None]):
        batch = Batch("arxiv", f"cs.CL {FRIDAY}", FRIDAY, (), Verdict.QUIET, "", asked=asked)
        await store.batches.remember(batch, ago(100 - number))
    assert (await numbers(pruner(store)))["batches"] == 1
    assert [one.collected_at for one in await store.batches.newest()] == [ago(98)]
    assert await store.batches.answered("arxiv", FRIDAY) == {FRIDAY}


async def test_a_great_deal_goes_while_others_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one transaction nobody could write for as long as it takes; here, between any two."""
    monkeypatch.setattr(pruning, "GAP", 0)
    monkeypatch.setattr(pruning, "BLOCK_OF_LARGE", 1)
    seen = {"source": "hf", "status": 200, "headers": {}, "sha256": "", "body": b"x", "first_at": ago(50)}
    old = [seen | {"request": str(number), "fetched_at": ago(50)} for number in range(95)]
    async with store.database.write() as connection:
        await connection.execute(insert(tables.answers), old)
    left: list[int] = []

    async def other() -> None:
        while not left or left[-1]:
            await store.suppressions.add(f"{len(left)}@example.org", "left", NOW)
            left.append((await rows(store))["answers"])

    gone, _ = await asyncio.gather(numbers(pruner(store)), other())
    assert gone == {"answers": 95}
    assert len(set(left)) > 3, left  # it saw some gone and others not, again and again


async def test_what_was_shown_goes_some_at_a_time_and_each_digest_is_found_by_an_index(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "GAP", 0)
    monkeypatch.setattr(pruning, "BLOCK", 2)
    monkeypatch.setattr(pruning, "BLOCK_OF_LARGE", 2)
    await store.subscribers.add([Subscriber(f"r{number}@example.org", origin="import") for number in range(5)])
    for days in (30, 9):
        day = ago(days).date()
        await store.shown.note(day, {number: Shown((1,), (f"arxiv:{number}",)) for number in range(1, 6)})
        await store.votes.freeze(Standings(day))
    sizes: list[int] = []

    @event.listens_for(store.database.engines()[0], "before_cursor_execute")
    def heard(_: object, __: object, statement: str, parameters: Sequence[object], ___: object, many: bool) -> None:
        if statement.startswith("DELETE FROM shown"):
            sizes.append(len(parameters) if many else 1)

    await pruner(store).prune(NOW)
    assert sizes == [2, 2, 1, 2, 2, 1]
    left = await rows(store)
    assert (left["shown"], left["shown_digests"], left["standings"]) == (5, 5, 1)
    async with store.database.read() as connection:
        indexes = await connection.run_sync(lambda one: inspect(one).get_indexes("shown"))
    assert ["digest_id"] in [one["column_names"] for one in indexes]


async def test_what_cannot_go_now_keeps_nothing_else(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await of_two_ages(store)

    async def in_use(before: date) -> int:
        raise StoreError("others are at work on it")

    monkeypatch.setattr(store.ledger, "drop", in_use)
    of = pruner(store)
    [first, *others] = await of.prune(NOW)
    assert first == Pruned("deliveries", 10, 0, "others are at work on it")
    assert sum(one.number for one in others) == 7
    assert await of.faults(NOW) == ["deliveries that are too old to be kept are still there: others are at work on it"]


async def test_files(tmp_path: Path, store: Store) -> None:
    def write(name: str, days: float) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        os.utime(path, (ago(days).timestamp(),) * 2)
        return path

    old = [write("outbox/new/1", 6), write("outbox/cur/2", 7), write("backups/.half", 3)]
    draft, begun = (write(f"exports/.{name}/papers.jsonl", 3).parent for name in ("draft", "begun"))
    for folder, days in ((draft, 3), (begun, 1)):
        os.utime(folder, (ago(days).timestamp(),) * 2)
    stays = [write("outbox/new/3", 4), write("outbox/dovecot.index", 99), write("backups/whole.db", 999)]
    stays += [begun, write("previews/1.html", 999)]
    folders = [
        ("outbox", 5, tmp_path / "outbox", ("new/*", "cur/*")),
        ("previews", 0, tmp_path / "previews", ("*",)),
        ("aside", 5, tmp_path / "aside", ("new/*",)),
    ]
    drafts = [(tmp_path / name, ".*") for name in ("backups", "exports")]
    of = Pruning(store, Keep(LOOK_BACK, **EVERY, folders=folders, drafts=drafts), NOW.date)
    assert await numbers(of, rehearse=True) == {"outbox": 2, "leftovers": 2}
    assert all(path.exists() for path in (*old, draft, *stays))
    assert await numbers(of) == {"outbox": 2, "leftovers": 2}
    assert not any(path.exists() for path in (*old, draft))
    assert all(path.exists() for path in stays)


async def test_a_run_prunes(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.readers(reader("ada"))
    world.settings(keeping=KeepingTable(batches=20, outbox=20))
    world.list_papers(FRIDAY, "A Robot That Sings")
    await world.run(FRIDAY)
    [message] = (tmp_path / "var" / "outbox" / "new").iterdir()
    os.utime(message, (world.now.timestamp(),) * 2)
    assert await _batches(world) == 1
    for days in (10, 30):
        later = FRIDAY + timedelta(days=days)
        world.list_papers(later, f"A Robot of Day {days}")
        await world.run(later)
        assert message.exists() is (days == 10)
    assert await _batches(world) == 1 + 2 + 3 - 1  # each run reads every document, and the first is thirty days ago


async def _batches(world: World) -> int:
    async with world.daily() as daily:
        return (await rows(daily.store))["batches"]


async def test_a_file_is_written_anew_without_what_is_gone(store: Store, tmp_path: Path) -> None:
    body = {"source": "hf", "request": "x", "status": 200, "headers": {}, "sha256": "", "first_at": NOW}
    async with store.database.write() as connection:
        for number in range(20):
            row = body | {"request": str(number), "body": os.urandom(50_000), "fetched_at": ago(50)}
            await connection.execute(insert(tables.answers), row)
    await numbers(pruner(store))
    sizes = await compact(store.database)
    assert sizes is not None
    before, after = sizes
    assert before > 1_000_000 > 500_000 > after
    assert (tmp_path / "newsletter.db").stat().st_size == after
    assert await store.subscribers.all() == []


def test_every_retention_has_a_careful_default() -> None:
    """Nothing that a digest or a reader needs is gone within a year; what proves who had what stays until told."""
    settings = Settings()
    assert settings.delivery.keep == 0
    kept = settings.keeping.model_dump()
    assert all(days >= 365 for kind, days in kept.items() if kind not in {"sign_ups", "aside", "previews"})
    assert Pruned("outbox", kept["outbox"], 0).why == ""
