"""Workers on which sending fails, that take no part in a step, or that are not like the others: what the run does."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, Self

import pytest
from certificates import certificate
from procrastinate.manager import JobManager
from pydantic import SecretStr
from sqlalchemy import make_url, text
from test_fleet_steps import TODAY, configured, rows, run, store, through, url, workers

from newsletter.assembly import opened_daily, utc_now
from newsletter.cli.dispatching import dispatch
from newsletter.daily import Report
from newsletter.doctor.fault_server import Fault, FaultServer
from newsletter.errors import RelayError
from newsletter.fleet import QUEUES, Fleet, Jobs, dispatching, jobs, staff
from newsletter.fleet.jobs import new_app
from newsletter.fleet.staff import Likeness, Standing, likeness
from newsletter.fleet.working import Fenced
from newsletter.model import State, Step
from newsletter.settings import Configuration
from newsletter.store import Store

__all__ = ["store", "url"]  # fixtures
NOBODY = Fault(Step.EHLO, "550 5.7.1 You are not welcome")


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ROWS", 10)
    monkeypatch.setattr(dispatching, "LONELY", 0.2)


def with_smtp(configuration: Configuration, **smtp: object) -> Configuration:
    """The same installation on a machine with other settings of the relay."""
    table = type(configuration.settings.smtp).model_validate(configuration.settings.smtp.model_dump() | smtp)
    return replace(configuration, settings=configuration.settings.model_copy(update={"smtp": table}))


def with_broken_template(configuration: Configuration, folder: Path) -> Configuration:
    own = folder / "own" / "email"
    own.mkdir(parents=True)
    (own / "card.html.j2").write_text("{{ no_such_word.at_all }}", encoding="utf-8")
    table = configuration.settings.email.model_copy(update={"templates": own.parent})
    return replace(configuration, settings=configuration.settings.model_copy(update={"email": table}))


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def until(there: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not there():  # noqa: ASYNC110 - a list
            await asyncio.sleep(0.02)


async def until_one_failed(store: Store) -> None:
    async with asyncio.timeout(30):
        while True:
            with suppress(Exception):  # the table is not there yet
                if await rows(store, "SELECT 1 FROM newsletter_workers WHERE failures > 0"):
                    return
            await asyncio.sleep(0.05)


Spoiled = Callable[[Configuration, Path], Configuration]


@asynccontextmanager
async def told_run(configuration: Configuration, said: list[str]) -> AsyncIterator[asyncio.Task[Report]]:
    """A run whose words to the operator go to `said`."""
    opened = dispatch(configuration)
    assert opened

    @asynccontextmanager
    async def heard(*parts: Any) -> AsyncIterator[Fleet]:
        async with opened(*parts) as fleet:
            assert isinstance(fleet, Fleet)
            fleet._say = said.append
            yield fleet

    async with opened_daily(configuration, dispatch=heard) as daily:
        running = asyncio.create_task(daily.run(utc_now(), TODAY))
        try:
            async with asyncio.timeout(90):
                yield running
        finally:
            running.cancel()


class Door:
    """A way to the server of `url` that can be shut: `knocks` counts who came meanwhile."""

    def __init__(self, url: str) -> None:
        self._there = make_url(url)
        self.open = True
        self.knocks = 0
        self._inside: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._came, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        here = self._there.set(host="127.0.0.1", port=port).difference_update_query(["host", "port"])
        self.url = here.render_as_string(hide_password=False)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.shut()
        self._server.close()
        await self._server.wait_closed()

    async def shut(self) -> None:
        self.open = False
        for one in self._inside:
            one.transport.abort()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.open:
            self.knocks += 1
            writer.transport.abort()
            return
        folder = self._there.query.get("host")
        port = self._there.port or 5432
        if folder:
            beyond = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")
        else:
            beyond = await asyncio.open_connection(self._there.host, port)
        self._inside |= {writer, beyond[1]}
        self._passing |= {asyncio.create_task(_pass(reader, beyond[1])), asyncio.create_task(_pass(beyond[0], writer))}


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda made, folder: with_smtp(made, password="wrong"), "refuses the login"),
        (lambda made, folder: with_smtp(made, port=closed_port(), patience=0), "cannot be used"),
        (with_broken_template, "card.html.j2"),
    ],
    ids=["password", "network", "template"],
)
async def test_a_worker_that_cannot_send_leaves_it_to_the_others(
    spoil: Spoiled, why: str, tmp_path: Path, url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, _ = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "relay.pem"))
    async with FaultServer(tls=tls, login=("me", "right")) as server:
        smtp = through(server) | {"security": "starttls", "username": "me", "password": "right"}
        configuration = configured(tmp_path, url, 60, smtp=smtp)
        async with workers(spoil(configuration, tmp_path)):
            running = asyncio.create_task(run(configuration))
            await until_one_failed(store)
            async with workers(configuration):
                report = await running
        assert (report.counts, report.failure) == ({State.ACCEPTED: 60}, None)
        assert len(server.taken) == 60
    [alert] = report.alerts
    assert "leaves its mail to the others" in alert
    assert f"{socket.gethostname()}:{os.getpid()}" in alert
    assert why in alert
    assert "right" not in alert


async def test_a_run_for_which_nobody_can_send_ends_and_the_rest_goes_out_when_somebody_can(
    tmp_path: Path, url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "NOBODY_FIT", 0.5)
    async with FaultServer() as server, FaultServer(always=[NOBODY]) as unwilling:
        configuration = configured(tmp_path, url, 30, smtp=through(server))
        async with workers(with_smtp(configuration, port=unwilling.port), 2):
            report = await run(configuration)
            assert isinstance(report.failure, RelayError)
            assert "no worker can send" in str(report.failure)
            assert " and 1 more: The relay" in str(report.failure)
            assert "not welcome" in str(report.failure)
            assert report.counts == {State.READY: 30}
            async with workers(configuration), asyncio.timeout(30):
                while (await store.ledger.counts(TODAY))[State.ACCEPTED] < 30:  # noqa: ASYNC110 - a database
                    await asyncio.sleep(0.05)


async def test_a_worker_that_works_again_is_not_lost_any_more(url: str, store: Store) -> None:
    app = new_app(url)
    await Jobs(app, store).prepare()
    standing = Standing(store, ["deliver"], Likeness("", ""))
    async with app.open_async():
        await Fenced(app.connector, standing).register_worker()
        for failures, rest in ((1, 10), (2, 20), (3, 40)):
            made = await standing.failed("the network", passing=True)
            assert made
            assert made[0] == failures
            assert rest - 5 < (made[1] - utc_now()).total_seconds() < rest + 5
            assert await standing.failed("once more, from beside", passing=True) is None
            assert await standing.rests()
            await _let_pass(store)
            assert not await standing.rests()
        assert [one.lost for one in await staff.at_work(store, 60)] == [False]
        for _ in range(3):
            assert await standing.failed("the network", passing=True)
            await _let_pass(store)
        assert [(one.why, one.lost) for one in await staff.at_work(store, 60)] == [("the network", True)]
        await standing.went_well()
        assert [(one.why, one.lost) for one in await staff.at_work(store, 60)] == [("", False)]
        assert await standing.failed("the password", passing=False)
        assert [one.lost for one in await staff.at_work(store, 60)] == [True]
        await staff.call_back(store)
        assert not await standing.rests()
        assert await staff.at_work(store, 0) == []


async def test_a_run_calls_back_who_rests_and_a_look_does_not(tmp_path: Path, url: str, store: Store) -> None:
    configuration = configured(tmp_path, url)
    async with opened_daily(configuration) as daily:
        await daily.collect()
        await daily.publishing.freeze(TODAY)
    app = new_app(url)
    await Jobs(app, store).prepare()
    standing = Standing(store, ["deliver"], Likeness("", ""))
    async with app.open_async():
        await Fenced(app.connector, standing).register_worker()
        assert await standing.failed("the network", passing=True)
        rest = "UPDATE newsletter_workers SET rests_until = now() + interval '1 hour'"
        async with store.database.write() as connection:
            await connection.execute(text(rest))
        noon = datetime.combine(TODAY, time(12), UTC)  # when there is nothing that a worker would have to do
        fleet = dispatch(configuration)
        async with opened_daily(configuration, now=lambda: noon, dispatch=fleet) as daily, asyncio.timeout(30):
            await daily.look()
        assert await standing.rests()
        async with told_run(configuration, []) as running:
            async with asyncio.timeout(30):
                while await standing.rests():  # noqa: ASYNC110 - a database
                    await asyncio.sleep(0.05)
            async with workers(configuration):
                assert (await running).failure is None


@pytest.mark.parametrize("step", [Step.EHLO, Step.RCPT])
async def test_what_is_kept_and_told_of_a_relays_words_names_nobody(
    step: Step, tmp_path: Path, url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "NOBODY_FIT", 0.5)
    monkeypatch.setattr(jobs, "ROWS", 30)  # enough to judge by
    unknown = Fault(step, "550 5.1.1 <ada@example.org>: Nobody of that name")
    async with FaultServer(always=[unknown]) as server:
        configuration = configured(tmp_path, url, 30, smtp=through(server), delivery={"error_share": 0.5})
        async with workers(configuration):
            report = await run(configuration)
            kept = await rows(store, "SELECT why FROM newsletter_workers")
    kept += await rows(store, "SELECT args::text FROM procrastinate_jobs")
    assert "<(an address)>: Nobody of that name" in str(report.failure)
    assert any("Nobody of that name" in str(one) for one in kept)
    assert not [one for one in kept if "@" in str(one)]


async def _let_pass(store: Store) -> None:
    async with store.database.write() as connection:
        await connection.execute(text("UPDATE newsletter_workers SET rests_until = now() - interval '1 second'"))


async def test_a_run_says_which_step_nobody_takes(tmp_path: Path, url: str) -> None:
    configuration = configured(tmp_path, url, 5)
    said: list[str] = []
    async with told_run(configuration, said) as running:
        await until(lambda: any("no worker is there" in one for one in said))
        async with workers(configuration, queues=("deliver", "confirm")):
            await until(lambda: any("takes “collect”" in one for one in said))
            async with workers(configuration, queues=("collect", "freeze", "plan")):
                assert (await running).counts == {State.ACCEPTED: 5}
    assert len(said) == 2


async def test_a_run_waits_for_its_database_until_it_is_back(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "_PAUSES", (0.05,))
    said: list[str] = []
    async with Door(url) as door:
        configuration = configured(tmp_path, door.url, 5)
        async with told_run(configuration, said) as running:
            await until(lambda: any("no worker is there" in one for one in said))
            await door.shut()
            await until(lambda: any("This run waits for it" in one for one in said))
            await until(lambda: door.knocks > 3)
            door.open = True
            await until(lambda: "the database is back" in said)
            async with workers(configuration):
                assert (await running).counts == {State.ACCEPTED: 5}
    assert len([one for one in said if "waits for it" in one]) == 1


async def test_a_worker_unlike_the_run_is_told(tmp_path: Path, url: str, store: Store) -> None:
    configuration = configured(tmp_path, url, 5)
    settings = configuration.settings
    other = settings.model_copy(update={"secret_keys": (SecretStr("another-key-for-the-tests"),)})
    async with workers(replace(configuration, settings=other)):
        report = await run(configuration)
    [alert] = report.alerts
    assert "signs links with other secret_keys than this run" in alert
    assert report.counts == {State.ACCEPTED: 5}
    kept = str(await rows(store, "SELECT args::text FROM procrastinate_jobs UNION SELECT keys FROM newsletter_workers"))
    assert "another-key" not in kept


def test_a_fingerprint_tells_keys_and_their_order_apart() -> None:
    made = {likeness(keys, "").keys for keys in (("a", "b"), ("b", "a"))}
    assert [len(one) for one in made] == [16, 16]


async def test_jobs_of_other_programs_are_left_alone(url: str, store: Store) -> None:
    app = new_app(url)
    deferring = Jobs(app, store)
    await deferring.prepare()
    async with app.open_async():
        for queue in ("theirs", "deliver"):
            await app.configure_task("something", queue=queue).defer_async()
        fenced = Fenced(app.connector, Standing(store, QUEUES, Likeness("", "")))
        theirs = await JobManager(app.connector).register_worker()
        async with store.database.write() as connection:
            doing = "UPDATE procrastinate_jobs SET status = 'doing', worker_id = :theirs"
            await connection.execute(text(doing), {"theirs": theirs})
            silent = "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
            await connection.execute(text(silent))
        ours = await fenced.register_worker()
        assert await fenced.prune_stalled_workers(15) == []
        assert await fenced.prune_stalled_workers(-60) == [ours]  # as if a minute had passed
        assert await staff.at_work(store, 60) == []
        assert [one.queue for one in await fenced.get_stalled_jobs(seconds_since_heartbeat=15)] == ["deliver"]
