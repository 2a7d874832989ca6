"""Readers are planned some at a time, what a run reads again is kept, and a report counts what it does not list."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from world import FRIDAY, World, reader

from newsletter.cli.run import exit_code, show
from newsletter.daily import Daily, journey, publishing
from newsletter.model import TRENDING, Rhythm, State, Subscriber, Topic
from newsletter.policy import due

MONTH = [FRIDAY - timedelta(days=back) for back in range(30, 0, -1)]
OUTCOMES = (State.ACCEPTED, State.UNKNOWN, State.REFUSED, State.SKIPPED, State.READY, State.DEFERRED)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.list_papers(FRIDAY, "A Robot That Walks", "The Hidden Life of a Mollusc")
    return made


async def execute(daily: Daily, *statements: str) -> None:
    async with daily.store.database.write() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)


async def crowd(daily: Daily, number: int) -> None:
    await daily.store.subscribers.add([Subscriber(f"r{n}@example.org", origin="import") for n in range(number)])


async def test_spans_are_those_of_the_whole_history(world: World) -> None:
    """As the rule says it: the last date that a reader has, else where the first digest would have begun."""
    draw = random.Random(8)
    async with world.daily() as daily:
        store, look_back = daily.store, world.configuration.settings.edition.look_back
        rhythms = [Rhythm.DAILY, Rhythm.WEEKLY, Rhythm.WEEKDAYS]
        await store.subscribers.add([reader(f"r{n}", rhythm=rhythms[n % 3]) for n in range(120)])
        editions = ", ".join(f"('{day}', '[]')" for day in MONTH)
        past = ", ".join(
            f"({n}, '{day}', '{draw.choice(OUTCOMES)}', '{draw.choice(['', 'nothing new'])}', "
            f"{draw.choice(['false', 'true'])}, '{draw.choice(['', '<x@y>'])}', 1, '', 0, 0, 0, '2025-03-01 00:00:00')"
            for n in range(1, 121)
            for day in draw.sample(MONTH, draw.randrange(4))
        )
        names = "subscriber_id, local_date, state, reason, resent, message_id, attempt, reply, sections, papers, size"
        for day in MONTH:
            await store.ledger.plan(day, [], world.now)  # a place for the day's rows
        await execute(
            daily,
            f"INSERT INTO editions (day, curators) VALUES {editions}",
            f"INSERT INTO deliveries ({names}, updated_at) VALUES {past}",
        )
        for day in (FRIDAY, MONTH[20], MONTH[5]):
            readers = await store.subscribers.all()
            spans = await daily.publishing.spans(readers, day)
            between = await store.editions.between(day - timedelta(days=2 * look_back), day)
            last, first = await store.ledger.last_settled(before=day), await store.ledger.first_planned()
            for one in readers:
                begun = last.get(one.id)
                if begun is None and one.id in first:
                    begun = due.span_start(one, min(first[one.id], day), last=None, look_back=look_back)
                start = due.span_start(one, day, last=begun, look_back=look_back)
                assert spans[one.id] == [edition for edition in between if edition.day > start]
            assert {len(span) for span in spans.values()} > {1, look_back - 1}


async def test_everybody_who_is_due_is_planned_and_nobody_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "TOGETHER", 900)
    async with world.daily() as daily:
        await daily.collect()
        await daily.publishing.freeze(FRIDAY)
        await crowd(daily, 2100)
        await daily.store.subscribers.read_weekly(4)
        await daily.store.suppressions.add("r8@example.org", "operator", world.now)
        await daily.store.subscribers.pause(1500, FRIDAY + timedelta(days=1))
        assert await daily.publishing.plan(FRIDAY) == 2097
        planned = await daily.store.ledger.readers(FRIDAY)
        assert planned == set(range(1, 2101)) - {4, 9, 1500}
        assert planned == {one.id for one in await daily.publishing.due(FRIDAY)}
        assert await daily.publishing.plan(FRIDAY) == 0
        assert await daily.store.ledger.balanced()


@pytest.mark.sqlite
async def test_a_plan_that_was_cut_off_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "TOGETHER", 1000)
    async with world.daily() as daily:
        ledger = daily.store.ledger
        await daily.collect()
        await daily.publishing.freeze(FRIDAY)
        await crowd(daily, 3500)
        await ledger.plan(FRIDAY - timedelta(days=1), range(1, 3501), world.now)
        full = "BEGIN SELECT RAISE(ABORT, 'cut off'); END"
        await execute(daily, f"CREATE TRIGGER full BEFORE INSERT ON deliveries WHEN NEW.subscriber_id = 2700 {full}")
        with pytest.raises(IntegrityError, match="cut off"):
            await daily.publishing.plan(FRIDAY)
        assert await ledger.readers(FRIDAY) == set(range(1, 2001))
        assert await ledger.balanced()
        await execute(daily, "DROP TRIGGER full")
    async with world.daily() as daily:
        ledger = daily.store.ledger
        assert await daily.publishing.plan(FRIDAY) == 1500
        assert await ledger.balanced()
        counts = {state: number for state, number in (await ledger.counts()).items() if number}
        assert counts == {State.READY: 3500, State.SUPERSEDED: 3500}


async def test_frozen_rankings_are_read_once(world: World) -> None:
    async with world.daily() as daily:
        await daily.collect()
        edition = await daily.publishing.freeze(FRIDAY)
        assert edition
        ada, ben = reader("ada"), reader("ben", "robots", "shells")
        before = await daily.publishing.rankings(edition, [ada])
        assert before.keys() == {"robots", TRENDING}
        await execute(daily, "DELETE FROM rankings WHERE slug = 'robots'")
        after = await daily.publishing.rankings(edition, [ada, ben])
        assert after.keys() == {"robots", "shells", TRENDING}
        assert all(after[slug] == before[slug] for slug in before)


async def test_a_topic_that_came_later_is_ranked_once_for_all_slices(world: World) -> None:
    async with world.daily() as daily:
        await daily.collect()
        edition = await daily.publishing.freeze(FRIDAY)
        assert edition
        cats = Topic("cats", "Cats", keywords=("hidden",), min_score=0.1)
    world.configuration = replace(world.configuration, topics=(cats,))
    async with world.daily() as daily:
        assert (await daily.publishing.rankings(edition, [reader("ada")])).keys() == {"robots", TRENDING}
        found = await daily.publishing.rankings(edition, [reader("cat", "cats")])
        assert found["cats"].topic == cats
        assert found["cats"].picks
        assert (await daily.store.editions.rankings(edition.id))["cats"] == found["cats"]
        assert await daily.publishing.rankings(edition, [reader("dog", "cats")]) == found


async def test_papers_are_read_anew_unless_they_may_be_kept(world: World) -> None:
    async with world.daily() as daily:
        await daily.collect()
        edition = await daily.publishing.freeze(FRIDAY)
        assert edition
        one, two = edition.papers
        kept = await daily.publishing.papers([one], FRIDAY, kept=True)
        await execute(daily, "UPDATE papers SET votes = 7")
        assert (await daily.publishing.papers([one], FRIDAY))[one].votes == 7
        again = await daily.publishing.papers([two, one, "nobody's", two], FRIDAY, kept=True)
        assert (list(again), again[one], again[two].votes) == ([two, one], kept[one], 7)


async def test_who_never_said_anything_has_no_rankings_of_their_own(world: World) -> None:
    world.readers(reader("ada"), reader("ben"))
    async with world.daily() as daily:
        await daily.collect()
        edition = await daily.publishing.freeze(FRIDAY)
        assert edition
        readers = await daily.store.subscribers.all()
        common = {edition.id: await daily.publishing.rankings(edition, readers)}
        assert await daily.publishing.personal({edition.id: edition}, common, readers, FRIDAY) == {}
        frozen = {(readers[0].id, edition.id): [common[edition.id]["robots"]]}
        await daily.store.editions.freeze_personal(frozen)
        picked = common[edition.id]["robots"].picks[0].paper
        await execute(
            daily,
            "INSERT INTO feedback (subscriber_id, topic, paper_id, opinion, given, undone) VALUES "
            f"({readers[0].id}, 'robots', '{picked}', 'like', '2025-03-14 06:00:00', '2025-03-14 07:00:00')",
        )
        found = await daily.publishing.personal({edition.id: edition}, common, readers, FRIDAY)
        assert found == {(readers[0].id, edition.id): {"robots": common[edition.id]["robots"]}}


async def test_a_report_counts_all_and_lists_the_first(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.readers(*(reader(f"r{n}") for n in range(5)))
    monkeypatch.setattr(journey, "MOST_TOLD", 2)
    async with world.daily() as daily:
        report = await daily.run(world.now)
        assert (report.counts, report.attempted, exit_code(report)) == ({State.ACCEPTED: 5}, 5, 0)
        assert [one.subscriber_id for one in report.deliveries] == [1, 2]
        rehearsed, previews = await daily.rehearse(FRIDAY)
        assert (rehearsed.counts, len(rehearsed.deliveries), previews) == ({State.ACCEPTED: 5}, 2, [])
    show(world.configuration, report, [])
    told = capsys.readouterr().out
    assert "and 3 more" in told
    assert "5 accepted" in told


async def test_of_earlier_dates_a_report_counts_what_waited(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Ada has read on Thursday; Bea's message of Thursday still waits, and she is not due on Friday."""
    thursday = FRIDAY - timedelta(days=1)
    world.list_papers(thursday, "A Robot That Swims")
    world.readers(reader("ada"), reader("bea", rhythm=Rhythm.WEEKLY))
    async with world.daily() as daily:
        ledger = daily.store.ledger
        await daily.collect()
        await daily.publishing.freeze(thursday)
        await ledger.plan(thursday, [1, 2], world.now)
        for one, state in zip(
            await ledger.claim(thursday, "me", world.now, timedelta(minutes=5), 2),
            (State.ACCEPTED, State.DEFERRED),
            strict=True,
        ):
            later = {"next_at": world.now + timedelta(hours=1)} if state is State.DEFERRED else {}
            await ledger.settle(one, "me", world.now, state, **later)
        report = await daily.run(world.now)
        assert report.counts == {State.ACCEPTED: 1, State.DEFERRED: 1}
        assert [(one.local_date, one.address) for one in report.deliveries] == [
            (thursday, "bea@example.org"),
            (FRIDAY, "ada@example.org"),
        ]
        assert report.next_at == datetime(2025, 3, 14, 9, tzinfo=UTC)
        assert exit_code(report) == 3
        for dispatch, who in (("local", "a run"), ("fleet", "the workers")):
            settings = world.configuration.settings.model_copy(update={"dispatch": dispatch})
            show(replace(world.configuration, settings=settings), report, [])
            told = " ".join(capsys.readouterr().out.split())
            assert f"Deferred ones are tried again by {who} after 2025-03-14 09:00 UTC." in told
        world.now += timedelta(hours=2)
        report = await daily.run(world.now)
        assert report.counts == {State.ACCEPTED: 2}
        assert report.next_at is None
        assert date(2025, 3, 13) in {one.local_date for one in report.deliveries}
