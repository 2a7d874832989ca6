"""Runs whose steps are jobs, with workers in this process: what jobs are about, leave behind and tell."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path

import httpx
import postgres
import pytest
from procrastinate.jobs import Status
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from newsletter.assembly import opened_daily, opened_store, opened_workplace, outbox, utc_now
from newsletter.cli.dispatching import alike, confirming, dispatch
from newsletter.cli.worker import beside
from newsletter.daily import Report
from newsletter.doctor.fault_server import Fault, FaultServer
from newsletter.errors import ConfigurationError, NewsletterError, RelayError
from newsletter.fleet import QUEUES, Fleet, Jobs, jobs, steps, work
from newsletter.fleet.jobs import new_app
from newsletter.fleet.staff import Likeness, Standing
from newsletter.fleet.working import Fenced
from newsletter.mail.local import messages
from newsletter.model import Answer, State, Step, Subscriber, Topic, Verdict
from newsletter.settings import Configuration, configuration_folder, load
from newsletter.store import Store
from newsletter.web.app import application

TODAY = datetime.now(UTC).date()
NOW = datetime(2025, 3, 14, 8, tzinfo=UTC)
ROBOTS = Topic("robots", "Robots", keywords=("robot",), min_score=0.1)


@pytest.fixture
def url() -> Iterator[str]:
    with postgres.database() as made:
        yield made


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with await Store.open(url) as store:
        yield store


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ROWS", 10)
    monkeypatch.setattr(jobs, "READERS", 25)


def configured(folder: Path, url: str, readers: int = 0, name: str = "ok", **tables: object) -> Configuration:
    """An installation that has papers of today."""
    documents = folder / "documents"
    documents.mkdir()
    words = "In this paper we study robots at length, and we find that they work quite well."
    (documents / "today.txt").write_text(f"{TODAY}\n\nRobots that walk\n\n{words}\n", encoding="utf-8")
    flags = {
        "state_dir": folder / "var",
        "dispatch": "fleet",
        "database": {"url": url},
        "secret_keys": ["a-key-for-the-tests"],
        "sources": [{"kind": "listing", "name": "page", "path": str(documents), "settle": 0}],
        "ranking": {"models": "none"},
        **tables,
    }
    people = tuple(Subscriber(f"{name}+{number:03}@example.org", topics=("robots",)) for number in range(readers))
    return replace(load(configuration_folder(), flags), topics=(ROBOTS,), subscribers=people)


def through(server: FaultServer) -> dict[str, object]:
    return {"host": server.host, "port": server.port, "security": "none", "patience": 1}


@asynccontextmanager
async def workers(configuration: Configuration, number: int = 1, queues: Sequence[str] = QUEUES) -> AsyncIterator[None]:
    """Workers at work inside of the block, and ended with it."""
    ending = asyncio.Event()

    async def told() -> None:
        await ending.wait()

    opened = partial(opened_workplace, configuration.settings)
    settings = configuration.settings
    one = partial(work, settings.database.url, alike(settings), opened, partial(beside, configuration), queues, 1)
    working = [asyncio.create_task(one(utc_now, lambda said: None, told)) for _ in range(number)]
    try:
        yield
    finally:
        ending.set()
        await asyncio.gather(*working)


async def run(configuration: Configuration) -> Report:
    async with opened_daily(configuration, dispatch=dispatch(configuration)) as daily, asyncio.timeout(60):
        return await daily.run(utc_now(), TODAY)


async def rows(store: Store, query: str) -> list[tuple[object, ...]]:
    async with store.database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def test_a_run_of_workers_tells_what_a_run_of_one_process_does(tmp_path: Path, url: str, store: Store) -> None:
    async with FaultServer() as server:
        configuration = configured(tmp_path, url, 60, smtp=through(server))
        async with workers(configuration, 2):
            report = await run(configuration)
            again = await run(configuration)
        assert [(one.batch.source, one.batch.verdict, one.papers, one.new) for one in report.collected] == [
            ("page", Verdict.NEW, 1, 1)
        ]
        assert report.edition
        assert (report.attempted, report.counts, report.failure) == (60, {State.ACCEPTED: 60}, None)
        assert {one.address for one in report.deliveries} == {one.recipient for one in server.taken}
        assert len(server.taken) == 60
        assert {one.sections for one in report.deliveries} == {1}
        assert (again.attempted, again.counts) == (0, {State.ACCEPTED: 60})
        assert await store.ledger.balanced()
    # Readers in three ranges, and for each of the first two three jobs that send.
    # What comes by the clock (`prune`, in some minutes of the hour) is left out.
    of_runs = (
        "SELECT task_name, status::text, count(*) FROM procrastinate_jobs WHERE task_name <> 'prune' GROUP BY 1, 2"
    )
    done = sorted(await rows(store, of_runs))
    assert done == [
        ("collect", "succeeded", 2),
        ("deliver", "succeeded", 3 + 3 + 1),
        ("freeze", "succeeded", 1),
        ("plan", "succeeded", 6),
    ]


async def test_who_defers_jobs_logs_nothing_of_them(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("procrastinate", "psycopg"):
        caplog.set_level(logging.NOTSET, logger=name)  # whatever another test left
    caplog.set_level(logging.DEBUG)
    deferring = Jobs(new_app(store_url(store)), store)
    await deferring.prepare()
    await deferring.defer("deliver", {"day": str(TODAY)})
    assert [one.getMessage() for one in caplog.records if one.name.startswith(("procrastinate", "psycopg"))] == []


async def test_a_job_is_there_with_the_rows_it_speaks_of_or_neither_is(store: Store) -> None:
    await store.subscribers.add([Subscriber("ada@example.org", origin="import")])
    deferring = Jobs(new_app(store_url(store)), store)
    await deferring.prepare()
    await deferring.prepare()

    async def and_send(connection: AsyncConnection, new: int) -> None:
        await deferring.defer("deliver", *[{"day": str(TODAY)}] * new, connection=connection)

    async def and_fail(connection: AsyncConnection, new: int) -> None:
        await and_send(connection, new)
        raise LookupError

    with suppress(LookupError):
        await store.ledger.plan(TODAY, [1], NOW, and_fail)
    assert (await store.ledger.counts(TODAY))[State.READY] == await deferring.pending([TODAY]) == 0
    await store.ledger.plan(TODAY, [1], NOW, and_send)
    assert (await store.ledger.counts(TODAY))[State.READY] == await deferring.pending([TODAY]) == 1
    assert await deferring.enough(TODAY, NOW) == 0


def store_url(store: Store) -> str:
    return store.database.place


async def test_what_a_relay_puts_off_has_a_job_for_then(tmp_path: Path, url: str, store: Store) -> None:
    async with FaultServer() as server:
        configuration = configured(tmp_path, url, 12, name="greylist-once", smtp=through(server))
        async with workers(configuration):
            report = await run(configuration)
        assert report.counts == {State.DEFERRED: 12}
        assert report.next_at
    [(moment,)] = await rows(store, "SELECT scheduled_at FROM procrastinate_jobs WHERE status = 'todo'")
    assert isinstance(moment, datetime)
    assert timedelta() <= moment - report.next_at < timedelta(seconds=20)


async def test_a_relay_that_refuses_everybody_stops_all_workers(
    tmp_path: Path, url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FaultServer() as server:
        configuration = configured(
            tmp_path, url, 90, name="refuse-rcpt", smtp=through(server), delivery={"error_share": 0.5}
        )
        monkeypatch.setattr(jobs, "ROWS", 30)
        async with workers(configuration):
            report = await run(configuration)
        assert isinstance(report.failure, RelayError)
        assert "refused" in str(report.failure)
        assert report.counts[State.READY] >= 30
    assert await rows(store, "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')") == [(0,)]


async def test_a_relay_that_cannot_be_reached_is_tried_again_by_another_job(
    tmp_path: Path, url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.fleet.staff.FIRST_REST", 1)
    async with FaultServer(always=[Fault(Step.CONNECT, "421 4.3.2 Not now")]) as server:
        configuration = configured(tmp_path, url, 5, smtp=through(server))
        async with workers(configuration):
            running = asyncio.create_task(run(configuration))
            tried = "SELECT count(*) FROM newsletter_workers WHERE failures > 0"
            async with asyncio.timeout(30):
                while not running.done() and not await _is_there(store, tried):  # noqa: ASYNC110 - a database
                    await asyncio.sleep(0.1)
            server.always.clear()
            assert (await running).counts == {State.ACCEPTED: 5}
        assert len(server.taken) == 5


async def _is_there(store: Store, query: str) -> bool:
    try:
        return await rows(store, query) != [(0,)]
    except Exception:  # the tables are not there yet
        return False


async def test_a_look_at_the_clock_plans_and_sends_by_workers(tmp_path: Path, url: str) -> None:
    """Whose own hour has come gets it, from two workers; who reads later waits for theirs."""
    configuration = configured(tmp_path, url)
    hours = ("UTC", "Pacific/Kiritimati", "Pacific/Honolulu")
    readers = [Subscriber(f"r{n}@example.org", timezone=hours[n % 3], hour=7, origin="web") for n in range(9)]
    tomorrow, now = TODAY + timedelta(days=1), [datetime.combine(TODAY, time(8), UTC)]
    async with opened_store(configuration) as store:
        await store.subscribers.add(readers, now[0] - timedelta(days=2))
    fleet = dispatch(configuration)
    async with workers(configuration, 2), opened_daily(configuration, now=lambda: now[0], dispatch=fleet) as daily:
        looked = await daily.look()
        assert looked.made is not None
        assert [number for _, number in looked.planned] == [3]
        assert (await daily.send()).failure is None
        assert (await daily.look()).planned == ()
        now[0] = datetime.combine(TODAY, time(17, 30), UTC)  # past seven in Honolulu, and tomorrow in Kiritimati
        assert dict((await daily.look()).planned) == {TODAY: 3, tomorrow: 3}
        assert (await daily.send()).failure is None
        async with asyncio.timeout(30):
            while (await daily.store.ledger.counts())[State.ACCEPTED] < 9:  # noqa: ASYNC110 - a database
                await asyncio.sleep(0.05)
        rows = await daily.store.ledger.deliveries(state=State.ACCEPTED)
    assert sorted((row.local_date, row.through) for row in rows) == [(TODAY, TODAY)] * 6 + [(tomorrow, TODAY)] * 3
    assert len(list(messages(outbox(configuration.settings)))) == 9


@pytest.mark.parametrize(
    ("state", "attempts", "owner", "alive"),
    [
        ("doing", 0, "job:1:0", True),
        ("doing", 1, "job:1:0", False),
        ("doing", 1, "job:1:1", True),
        ("todo", 1, "job:1:0", False),
        ("todo", 0, "job:1:0", None),  # it may have begun since
        ("succeeded", 1, "job:1:0", False),
        ("failed", 3, "job:1:3", False),
        ("doing", 0, "job:2:0", None),  # it may be new
        ("doing", 0, "host:17:abc", "asked elsewhere"),
    ],
)
async def test_who_is_at_work(state: str, attempts: int, owner: str, alive: object, store: Store) -> None:
    deferring = Jobs(new_app(store_url(store)), store)
    await deferring.prepare()
    assert await deferring.defer("deliver", {"day": str(TODAY)}) == [1]
    async with store.database.write() as connection:
        query = text(
            "UPDATE procrastinate_jobs SET status = cast(:state AS procrastinate_job_status), attempts = :more"
        )
        await connection.execute(query, {"state": state, "more": attempts})
    judge: Callable[[str], object] = await deferring.judging(lambda owner: "asked elsewhere")  # type: ignore[arg-type,return-value]  # to be seen
    assert judge(owner) == alive


async def test_who_signs_up_is_answered_by_a_worker(tmp_path: Path, url: str, store: Store) -> None:
    configuration = configured(tmp_path, url)
    elsewhere = confirming(configuration)
    assert elsewhere
    noted = await elsewhere(store)
    ada = Subscriber("ada@example.net")
    assert not await store.sign_ups.note(ada, "https://papers.example", utc_now(), 0, noted)
    assert await rows(store, "SELECT * FROM procrastinate_jobs") == []
    assert await store.sign_ups.note(ada, "https://papers.example", utc_now(), 10, noted)
    [(task, priority)] = await rows(store, "SELECT task_name, priority FROM procrastinate_jobs")
    assert (task, priority) == ("confirm", max(jobs.PRIORITY.values()))
    async with workers(configuration), asyncio.timeout(30):
        while await store.sign_ups.next_at():  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.05)
    [message] = messages(outbox(configuration.settings))
    assert b"ada@example.net" in message


async def test_the_page_leaves_the_answer_to_the_workers(tmp_path: Path, url: str, store: Store) -> None:
    configuration = configured(tmp_path, url)
    app = application(configuration, elsewhere=confirming(configuration))
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 5000))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as visitor,
    ):
        said = await visitor.post("/api/v1/subscribe", json={"address": "ada@example.net"})
        assert said.status_code == 202, said.text
        assert await rows(store, "SELECT task_name, status::text FROM procrastinate_jobs") == [("confirm", "todo")]
        assert await store.sign_ups.next_at()
        async with workers(configuration), asyncio.timeout(30):
            while await store.sign_ups.next_at():  # noqa: ASYNC110 - a database
                await asyncio.sleep(0.05)
    assert len(messages(outbox(configuration.settings))) == 1


async def test_a_worker_with_a_mailbox_looks_into_it(tmp_path: Path, url: str, store: Store) -> None:
    mailbox = tmp_path / "bounces"
    for name in ("new", "cur", "tmp"):
        (mailbox / name).mkdir(parents=True)
    (mailbox / "new" / "1.2.host").write_bytes(b"From: ada@example.net\r\nSubject: hello\r\n\r\nno report\r\n")
    configuration = configured(tmp_path, url, bounces={"mailbox": f"maildir:{mailbox}"})
    async with workers(configuration, 2), asyncio.timeout(30):
        while not await _is_there(store, "SELECT count(*) FROM bounces"):  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.05)
    # By the clock, and once for all workers.
    twice = "SELECT args FROM procrastinate_jobs WHERE task_name = 'bounces' GROUP BY args HAVING count(*) > 1"
    assert await rows(store, twice) == []


async def test_jobs_that_are_done_are_taken_out(tmp_path: Path, url: str, store: Store) -> None:
    deferring = Jobs(new_app(url), store)
    await deferring.prepare()
    await deferring.tell(str(TODAY), "of two days ago")
    insert = "INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('theirs', 'tell', 'succeeded')"
    async with store.database.write() as connection:
        await connection.execute(text(insert))  # of another program, on the same tables
        await connection.execute(text("UPDATE procrastinate_events SET at = at - interval '49 hours'"))
    await deferring.tell(str(TODAY), "of today")
    await store.answers.keep("hf", Answer("https://x.org", 200, b"[]", datetime(2020, 1, 1, tzinfo=UTC)))
    await deferring.defer("prune", {})
    async with workers(configured(tmp_path, url)), asyncio.timeout(30):
        while len(await deferring.told([str(TODAY)], 0)) > 1:  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.05)
        while await store.answers.latest("hf", "https://x.org"):  # noqa: ASYNC110 - what is too old goes as well
            await asyncio.sleep(0.05)
    assert [one.sentence for one in await deferring.told([str(TODAY)], 0)] == ["of today"]
    assert await rows(store, "SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'theirs'") == [(1,)]


async def test_tables_of_an_older_procrastinate_are_brought_up(
    url: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = [Jobs(new_app(url), store) for _ in range(4)]
    await asyncio.gather(*(one.prepare() for one in several))
    [(before,)] = await rows(store, "SELECT obj_description('procrastinate_jobs'::regclass)")
    (tmp_path / str(before)).write_text("SELECT 1 / 0")
    (tmp_path / "99.00.00_01_later.sql").write_text("CREATE TABLE later (percent text DEFAULT '%s'); SELECT 1;")
    monkeypatch.setattr("procrastinate.schema.migrations_path", tmp_path)
    await asyncio.gather(*(one.prepare() for one in several))
    assert await rows(store, "SELECT * FROM later") == []
    assert await rows(store, "SELECT obj_description('procrastinate_jobs'::regclass)") == [("99.00.00_01_later.sql",)]


async def test_what_waits_behind_a_job_gets_jobs_of_its_own(tmp_path: Path, url: str, store: Store) -> None:
    configuration = configured(tmp_path, url, 25)
    async with opened_daily(configuration) as daily:
        await daily.collect()
        await daily.publishing.freeze(TODAY)
        await daily.publishing.plan(TODAY)
    # Ten that are ready, and fifteen that a relay put off until a moment ago.
    for delivery in await store.ledger.claim(TODAY, "me", utc_now(), timedelta(minutes=1), 15):
        await store.ledger.settle(delivery, "me", utc_now(), State.DEFERRED, next_at=utc_now() - timedelta(seconds=1))
    deferring = Jobs(new_app(url), store)
    await deferring.prepare()
    await deferring.defer("deliver", {"day": str(TODAY)})  # one, for ten
    async with workers(configuration), asyncio.timeout(30):
        while (await store.ledger.counts(TODAY))[State.ACCEPTED] < 25:  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.05)


async def test_of_jobs_that_end_at_once_the_latest_looks_for_more(store: Store) -> None:
    deferring = Jobs(new_app(store_url(store)), store)
    await deferring.prepare()
    first, last, later = await deferring.defer("deliver", *[{"day": str(TODAY)}] * 3)
    async with store.database.write() as connection:
        await connection.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing' WHERE id <= :last"), {"last": last}
        )
    assert [await deferring.pending([TODAY], one) for one in (0, first, last, later)] == [3, 2, 1, 1]


async def test_what_the_database_refuses_is_told_and_not_tried_for_ever(tmp_path: Path, url: str, store: Store) -> None:
    configuration = configured(tmp_path, url, 5)
    long_ago = TODAY - timedelta(days=100)
    await store.ledger.plan(long_ago, [], utc_now())
    await store.ledger.drop(TODAY)
    async with workers(configuration), opened_daily(configuration, dispatch=dispatch(configuration)) as daily:
        async with asyncio.timeout(40):
            with pytest.raises(NewsletterError, match="not kept any more"):
                await daily.run(utc_now(), long_ago)
    [(state, attempts)] = await rows(
        store, "SELECT status::text, attempts FROM procrastinate_jobs WHERE task_name = 'plan'"
    )
    assert (state, attempts) == ("failed", steps.REFUSALS + 1)


async def test_a_run_hears_what_is_told_last_and_out_of_order(tmp_path: Path, url: str, store: Store) -> None:
    configuration = configured(tmp_path, url)
    deferring = Jobs(new_app(url), store)
    await deferring.prepare()
    async with opened_workplace(configuration.settings) as place:
        rules = place.rules
    ours = alike(configuration.settings)
    waiting = Fleet(
        deferring, store, rules, ours, [], lambda owner: None, utc_now, lambda *step: None, lambda said: None
    )
    await waiting.recover(utc_now())
    await deferring.defer("deliver", {"day": str(TODAY)})
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        async with store.database.write_beside() as slow:
            row = {"about": str(TODAY), "sentence": "begun first", "failed": False}
            await deferring.defer("tell", row, connection=slow)
            await deferring.tell(str(TODAY), "heard first")
            running = group.create_task(waiting.deliver([TODAY]))
            while not waiting.alerts:  # noqa: ASYNC110 - another task
                await asyncio.sleep(0.02)
        real = deferring.told

        async def told(about: Sequence[str], after: int) -> list[jobs.Told]:
            heard = await real(about, after)
            async with store.database.write_beside() as connection:  # now the worker says its last word, and ends
                ended = await connection.execute(
                    text("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE id = 1")
                )
            if ended.rowcount and len(heard) == 2:
                await deferring.tell(str(TODAY), "told last")
            return heard

        deferring.told = told  # type: ignore[method-assign]  # the moment between two looks
        await running
    assert set(waiting.alerts) == {"begun first", "heard first", "told last"}


async def test_what_was_told_before_is_not_heard_again_by_who_only_sends(
    tmp_path: Path, url: str, store: Store
) -> None:
    configuration = configured(tmp_path, url, 1)
    async with opened_daily(configuration) as daily:
        await daily.collect()
        await daily.publishing.freeze(TODAY)
        await daily.publishing.plan(TODAY)
    [delivery] = await store.ledger.claim(TODAY, "me", utc_now(), timedelta(minutes=1), 1)
    await store.ledger.settle(delivery, "me", utc_now(), State.DEFERRED, next_at=utc_now() + timedelta(days=1))
    deferring = Jobs(new_app(url), store)
    await deferring.prepare()
    await deferring.tell(str(TODAY), "the relay refused the login", failed=True)
    async with opened_daily(configuration, dispatch=dispatch(configuration)) as daily, asyncio.timeout(30):
        sent = await daily.send()
    assert (sent.dates, sent.failure, sent.alerts) == ((TODAY,), None, ())


async def test_who_lost_a_job_can_neither_finish_nor_retry_it(url: str, store: Store) -> None:
    app = new_app(url)
    deferring = Jobs(app, store)
    await deferring.prepare()
    await deferring.defer("deliver", {"day": str(TODAY)}, {"day": str(TODAY)})
    async with app.open_async():
        fenced = Fenced(app.connector, Standing(store, QUEUES, Likeness("", "")))
        worker = await fenced.register_worker()
        lost, kept = await fenced.fetch_job(None, worker), await fenced.fetch_job(None, worker)
        assert lost
        assert kept
        async with asyncio.TaskGroup() as group, store.database.write_beside() as other:
            taken_over = "UPDATE procrastinate_jobs SET attempts = attempts + 1, worker_id = NULL WHERE id = :id"
            await other.execute(text(taken_over), {"id": lost.id})
            # Both look while the other has not committed yet.
            group.create_task(fenced.finish_job(lost, Status.SUCCEEDED, delete_job=False))
            group.create_task(fenced.retry_job(lost))
            await asyncio.sleep(0.3)
        await fenced.retry_job(kept)
    found = await rows(store, "SELECT status::text, attempts FROM procrastinate_jobs ORDER BY id")
    assert found == [("doing", 1), ("todo", 1)]


async def test_what_a_worker_tells_of_a_fault_holds_no_address(
    tmp_path: Path, url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*arguments: object) -> None:
        raise LookupError("ada@example.org")

    monkeypatch.setattr("newsletter.daily.publishing.Publishing.freeze", broken)
    async with workers(configured(tmp_path, url)), asyncio.timeout(30):
        deferring = Jobs(new_app(url), store)
        await deferring.prepare()
        await deferring.defer("freeze", {"day": str(TODAY)})
        while not (told := await deferring.told([str(TODAY)], 0)):  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.05)
    assert told[0].failed
    assert "LookupError" in told[0].sentence
    assert "@" not in told[0].sentence


async def test_a_worker_has_all_connections_of_its_process(tmp_path: Path, url: str) -> None:
    async with FaultServer() as server:
        configuration = configured(tmp_path, url, smtp=through(server) | {"connections": 4}, delivery={"processes": 2})
        most = []
        async with opened_workplace(configuration.settings) as place, opened_daily(configuration) as daily:
            for delivering in (place.delivering_as("me"), daily._delivering):
                async with delivering._mailer(print) as mailer:
                    most.append(mailer.most)
        assert most[0] == 2 * most[1]


def test_a_fleet_needs_postgresql_and_keys_of_its_own(tmp_path: Path) -> None:
    configuration = configured(tmp_path, "", secret_keys=[])
    with pytest.raises(ConfigurationError) as raised:
        dispatch(configuration)
    assert [fault.key for fault in raised.value.faults] == ["database.url", "secret_keys"]
    local = configuration.settings.model_copy(update={"dispatch": "local"})
    assert dispatch(replace(configuration, settings=local)) is None


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "newsletter.fleet", None)
    with pytest.raises(NewsletterError, match="pip install 'paper-newsletter\\[fleet\\]'"):
        dispatch(configured(tmp_path, "postgresql://papers@localhost/papers"))
