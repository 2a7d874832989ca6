"""What the operator hears: the heartbeat after good runs, one mail for each event, whatever the relay does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from web_server import Reply, WebServer
from world import FRIDAY, World, reader

from newsletter.assembly import outbox, watch
from newsletter.daily import Daily, Report
from newsletter.daily.watching import LEASE, Watch
from newsletter.doctor.fault_server import Fault, FaultServer
from newsletter.errors import CompositionError, StoreError
from newsletter.heartbeat import TRIES, ping
from newsletter.mail.local import messages
from newsletter.model import State, Step, Subscriber
from newsletter.settings.channels import ChannelTable
from newsletter.settings.operating import HeartbeatTable, OperatorTable
from newsletter.settings.relays import SmtpTable
from newsletter.store import RUN

OPERATOR = "operator@example.net"
HOUR = timedelta(hours=1)
REFUSED = Fault(Step.MAIL, "550 5.7.1 not yours")


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.list_papers(FRIDAY, "A Robot That Walks")
    made.readers(reader("ada"))
    made.settings(operator=OperatorTable(address=OPERATOR))
    return made


@asynccontextmanager
async def opened(world: World) -> AsyncIterator[tuple[Daily, Watch]]:
    async with world.daily() as daily:
        yield daily, watch(world.configuration, daily.store)


async def run(daily: Daily, watching: Watch, world: World) -> Report:
    """A run, and what follows it."""
    report = await daily.run(world.now)
    await watching.after(report, world.now)
    return report


def over(world: World, server: FaultServer) -> None:
    table = {"host": server.host, "port": server.port, "security": "none", "patience": 0}
    world.settings(smtp=SmtpTable.model_validate(table))


def told(server: FaultServer) -> list[str]:
    """The Message-IDs of the operator's mail."""
    return [one.message_id for one in server.taken if one.recipient == OPERATOR]


def mail(world: World) -> list[str]:
    """The operator's mail in the local mailbox, oldest first: subject, a line, and the text."""
    found = []
    for content in messages(outbox(world.configuration.settings)):
        message = message_from_bytes(content, policy=policy.default)
        if message["To"].addresses[0].addr_spec == OPERATOR:
            found.append(f"{message['Subject']}\n{message.get_content()}")
    return found


async def test_a_good_run_is_heard_and_remembered(world: World) -> None:
    async with WebServer() as server, opened_with(world, server) as (daily, watching):
        await run(daily, watching, world)
        assert [(one.method, one.target) for one in server.requests] == [("GET", "/papers?key=1")]
        steps = await daily.store.steps.all()
        assert {"collect", "freeze", "plan", "deliver", RUN} == set(steps)
        assert (steps[RUN].good_at, steps[RUN].good_day, steps[RUN].failures) == (world.now, FRIDAY, 0)
        assert all(one.times == 1 and one.seconds == one.last_seconds > 0 for one in steps.values() if one.step != RUN)
        assert await daily.store.alerts.newest(9) == []
    assert mail(world) == []


@asynccontextmanager
async def opened_with(world: World, server: WebServer) -> AsyncIterator[tuple[Daily, Watch]]:
    server.answer("/papers", Reply())
    world.settings(heartbeat=HeartbeatTable.model_validate({"url": f"{server.url}/papers?key=1"}))
    async with opened(world) as (daily, watching):
        yield daily, watching


async def test_a_failed_day_is_not_heard_and_is_told_once(world: World) -> None:
    """By the same relay: it refuses the readers' sender, then it does not."""
    async with FaultServer(always=[REFUSED]) as relay, WebServer() as server:
        over(world, relay)
        async with opened_with(world, server) as (daily, watching):
            for _ in range(2):
                assert (await run(daily, watching, world)).failure
                world.now += HOUR
            [alert] = await daily.store.alerts.newest(9)
            assert (alert.event, alert.told_at, told(relay)) == (f"failed {FRIDAY}", None, [])
            assert (await daily.store.steps.all())[RUN].failures == 2
            relay.always.clear()
            await watching.look(world.now)
            assert len(told(relay)) == 1
            [alert] = await daily.store.alerts.newest(9)
            assert alert.told_at == world.now
            # The day fails once more, for another reason: that is known.
            await watching.after(CompositionError("the disk is full"), world.now, FRIDAY)
            await watching.look(world.now)
            assert len(told(relay)) == 1
            assert server.requests == []
            assert (await run(daily, watching, world)).counts == {State.ACCEPTED: 1}
            assert len(server.requests) == 1


async def test_the_mail_says_what_happened_and_what_resumes(world: World, tmp_path: Path) -> None:
    world.configuration = replace(world.configuration, folder=tmp_path / "my papers")
    async with opened(world) as (_, watching):
        await watching.after(CompositionError("the disk is full, says bob@example.org"), world.now, FRIDAY)
    [said] = mail(world)
    assert said.startswith(f"[Trending Papers] {FRIDAY} failed\nThe run for {FRIDAY} failed at {FRIDAY} 08:00 UTC:\n")
    assert "    the disk is full, says (an address)\n" in said
    assert f"    newsletter --config '{tmp_path}/my papers' run --date {FRIDAY}\n" in said
    [content] = messages(outbox(world.configuration.settings))
    message = message_from_bytes(content, policy=policy.default)
    assert message["Auto-Submitted"] == "auto-generated"
    assert not [name for name in message if name.startswith("List-")]
    assert not message.defects
    assert max(map(len, content.split(b"\r\n"))) <= 998


async def test_several_that_look_at_once_tell_it_once(world: World) -> None:
    async with FaultServer() as relay:
        over(world, relay)
        async with opened(world) as (daily, one), opened(world) as (_, other):
            for day in (FRIDAY, FRIDAY + timedelta(1)):
                await asyncio.gather(
                    *(each.after(CompositionError("full"), world.now, day) for each in (one, other, one))
                )
            assert len(told(relay)) == len(set(told(relay))) == 2
            assert len(await daily.store.alerts.newest(9)) == 2


async def test_silence_is_told_once_until_something_goes_out(world: World) -> None:
    async with opened(world) as (daily, watching):
        await run(daily, watching, world)
        since = world.now
        for hours, mails in ((79, 0), (80, 0), (81, 1), (120, 1)):
            await watching.look(since + hours * HOUR)
            assert len(mail(world)) == mails, hours
        assert mail(world)[0].startswith("[Trending Papers] nothing has gone out for 81 hours\n")
        assert f"The relay took the last message at {FRIDAY} 08:00 UTC, and no message since then." in mail(world)[0]
        assert "\n    newsletter run\n" in mail(world)[0]
        later = FRIDAY + timedelta(days=6)
        world.list_papers(later, "A Robot That Swims")
        world.now = since + timedelta(days=6)
        assert (await run(daily, watching, world)).counts == {State.ACCEPTED: 1}
        await watching.look(world.now + 81 * HOUR)
        assert len(mail(world)) == 2


async def test_a_day_after_day_of_good_runs_that_send_nothing_is_silence(world: World) -> None:
    """What counts is the age of the last success, not that nothing failed."""
    async with opened(world) as (daily, watching):
        await run(daily, watching, world)
        for _ in range(4):
            world.now += timedelta(days=1)
            assert not (await run(daily, watching, world)).failure
        assert [one.event for one in await daily.store.alerts.newest(9)] == [f"silent since {FRIDAY}T08:00:00+00:00"]


async def test_one_that_never_sent_is_silent_since_it_was_begun(world: World) -> None:
    async with FaultServer(always=[Fault(Step.RCPT, "451 4.3.0 later")]) as relay:
        over(world, relay)
        async with opened(world) as (daily, watching):
            await watching.look(world.now + 99 * HOUR)  # nothing was ever begun
            await run(daily, watching, world)
            await watching.look(world.now + 81 * HOUR)
            [failed, silent] = sorted(await daily.store.alerts.newest(9), key=lambda one: one.event)
            assert failed.event == f"failed {FRIDAY}"
            assert "but no message has gone out yet" in silent.words


@pytest.mark.parametrize("case", ["no limit", "no readers"])
async def test_silence_that_is_meant(world: World, case: str) -> None:
    if case == "no limit":
        world.settings(operator=OperatorTable(address=OPERATOR, silence=0))
    async with opened(world) as (daily, watching):
        await run(daily, watching, world)
        if case == "no readers":
            await daily.store.subscribers.leave("ada@example.org", "left", world.now)
        await watching.look(world.now + timedelta(days=30))
        assert await daily.store.alerts.newest(9) == []


async def test_without_an_address_events_are_kept_and_nobody_gets_mail(world: World) -> None:
    world.settings(operator=OperatorTable())
    async with opened(world) as (daily, watching):
        await watching.after(CompositionError("full"), world.now)
        [alert] = await daily.store.alerts.newest(9)
        assert (alert.event, alert.told_at) == (f"failed {FRIDAY}", None)
    assert mail(world) == []


async def test_a_mailbox_that_refuses_is_tried_again_when_the_lease_is_over(world: World) -> None:
    world.settings(operator=OperatorTable(address="refuse-rcpt@example.net"))
    async with FaultServer() as relay:
        over(world, relay)
        async with opened(world) as (daily, watching):
            await watching.after(CompositionError("full"), world.now, FRIDAY)
            before = relay.connections
            await watching.look(world.now + LEASE / 2)
            assert relay.connections == before
            await watching.look(world.now + LEASE)
            assert relay.connections == before + 1
            assert [one.told_at for one in await daily.store.alerts.newest(9)] == [None]


async def test_what_is_old_is_not_told_any_more(world: World) -> None:
    async with FaultServer(always=[REFUSED]) as relay:
        over(world, relay)
        async with opened(world) as (_, watching):
            await watching.after(CompositionError("full"), world.now, FRIDAY)
            relay.always.clear()
            await watching.look(world.now + timedelta(days=8))
            assert told(relay) == []


async def test_a_day_on_which_no_source_can_be_read_has_failed(world: World) -> None:
    """Unless its edition is there: then that a source is away changes nothing."""
    world.settings(sources=(world.configuration.settings.sources[0].model_copy(update={"path": Path("/nowhere")}),))
    async with opened(world) as (daily, watching):
        report = await run(daily, watching, world)
        [alert] = await daily.store.alerts.newest(9)
        assert alert.event == f"failed {FRIDAY}"
        assert "No source could be read. page: " in alert.words
        done = replace(report, edition=await _frozen(daily))
        await watching.after(done, world.now, date(2025, 3, 15))
        assert len(await daily.store.alerts.newest(9)) == 1


async def _frozen(daily: Daily):  # type: ignore[no-untyped-def]  # an Edition of no papers
    return await daily.store.editions.freeze(FRIDAY, [], [], [])


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("refuse-rcpt@example.org", "No message was accepted: 1 refused; the first: "),
        ("defer-rcpt@example.org", "No message was accepted: 1 deferred; the first: "),
    ],
)
async def test_a_day_on_which_no_message_is_accepted_has_failed(world: World, address: str, said: str) -> None:
    """And one on which another reader's is has not, nor one of which nobody counted the messages."""
    world.readers(Subscriber(address))
    async with FaultServer() as relay, WebServer() as server:
        over(world, relay)
        async with opened_with(world, server) as (daily, watching):
            report = await run(daily, watching, world)
            assert (report.attempted, report.failure, server.requests) == (1, None, [])
            [alert] = await daily.store.alerts.newest(9)
            assert alert.event == f"failed {FRIDAY}"
            assert said in alert.words
            step = (await daily.store.steps.all())[RUN]
            assert (step.good_at, step.failures) == (None, 1)
            for good in (
                replace(report, counts={**report.counts, State.ACCEPTED: 1}),
                replace(report, counts={**report.counts, State.UNKNOWN: 1}),
                replace(report, counts={State.SKIPPED: 1}),
                replace(report, counts={}),
            ):
                server.requests.clear()
                await watching.after(good, world.now)
                assert len(server.requests) == 1
            assert len(await daily.store.alerts.newest(9)) == 1
            # Nothing is tried any more: that is no better, and nothing new.
            server.requests.clear()
            step = (await daily.store.steps.all())[RUN]
            await watching.after(replace(report, attempted=0), world.now + HOUR)
            assert (server.requests, (await daily.store.steps.all())[RUN]) == ([], step)


async def look(daily: Daily, watching: Watch, world: World, at: datetime) -> int:
    """A look of a scheduler, a sending, and what follows it; how many messages were tried."""
    world.now = at
    await daily.look()
    sent = await daily.send()
    await watching.after(sent.report, world.now)
    return sent.attempted


async def test_a_schedule_is_judged_by_the_rule_of_a_run(world: World) -> None:
    """The day's edition is made at seven, and Ada reads at eight. A day on which nothing was accepted is not heard: not
    when it is tried, and not when the next day's edition is made."""
    ada = Subscriber("ada@example.org", topics=("robots",), hour=8)
    world.readers(ada)
    days = [datetime.combine(FRIDAY + timedelta(days=number), datetime.min.time(), UTC) for number in range(4)]
    world.now = days[0] - HOUR
    for day in days[1:]:
        world.list_papers(day.date(), f"A Robot of {day:%A}")
    async with FaultServer() as relay, WebServer() as server:
        over(world, relay)
        async with opened_with(world, server) as (daily, watching):
            heard = server.requests
            await look(daily, watching, world, world.now)  # so that Friday is not the first of all
            heard.clear()
            assert [await look(daily, watching, world, days[0] + hour * HOUR) for hour in (7, 8)] == [0, 1]
            assert len(heard) == 2
            # On Saturday the relay takes nothing from eight on.
            assert await look(daily, watching, world, days[1] + 7 * HOUR) == 0
            assert len(heard) == 3
            relay.always[Step.RCPT] = Fault(Step.RCPT, "550 5.7.1 not today")
            assert await look(daily, watching, world, days[1] + 8 * HOUR) == 1
            [alert] = await daily.store.alerts.newest(9)
            assert alert.event == f"failed {days[1].date()}"
            assert "No message was accepted: 1 refused; the first: " in alert.words
            assert "not today" in alert.words
            # Nor is it on Sunday morning, before anybody was tried.
            assert await look(daily, watching, world, days[2] + 7 * HOUR) == 0
            assert (await daily.store.steps.all())[RUN].good_at == days[1] + 7 * HOUR
            assert len(heard) == 3
            assert len(await daily.store.alerts.newest(9)) == 1
            relay.always.clear()
            assert await look(daily, watching, world, days[2] + 8 * HOUR) == 1
            assert len(heard) == 4


async def test_a_schedule_tries_again_what_was_deferred_before_it_calls_that_a_failure(world: World) -> None:
    world.readers(Subscriber("ada@example.org", topics=("robots",), hour=8))
    world.now = datetime.combine(FRIDAY, datetime.min.time(), UTC) - HOUR
    async with FaultServer() as relay, WebServer() as server:
        over(world, relay)
        async with opened_with(world, server) as (daily, watching):
            await look(daily, watching, world, world.now)
            assert await look(daily, watching, world, world.now + 8 * HOUR) == 0
            server.requests.clear()
            relay.always[Step.RCPT] = Fault(Step.RCPT, "450 4.7.1 greylisted")
            assert await look(daily, watching, world, world.now + HOUR) == 1
            assert (server.requests, await daily.store.alerts.newest(9)) == ([], [])
            relay.always.clear()
            assert await look(daily, watching, world, world.now + HOUR) == 1
            assert len(server.requests) == 1


async def test_a_date_on_which_all_is_skipped_does_not_make_the_one_before_good(world: World) -> None:
    """Ada's mail is refused on Friday; on Saturday there is nothing for anybody."""
    world.readers(Subscriber("refuse-rcpt@example.org", topics=("robots",)))
    friday = datetime.combine(FRIDAY, datetime.min.time(), UTC)
    world.now = friday - HOUR
    async with FaultServer() as relay, WebServer() as server:
        over(world, relay)
        async with opened_with(world, server) as (daily, watching):
            await look(daily, watching, world, world.now)
            assert await look(daily, watching, world, friday + 8 * HOUR) == 1
            await daily.store.subscribers.add([replace(reader("ben"), topics=("brains",), origin="web")], world.now)
            world.list_papers(FRIDAY + timedelta(days=1), "A Robot That Sings")
            server.requests.clear()
            saturday = friday + timedelta(days=1, hours=8)
            assert await look(daily, watching, world, saturday) == 1
            counts = await daily.store.ledger.counts(saturday.date())
            assert {state: number for state, number in counts.items() if number} == {State.SKIPPED: 1}
            assert (server.requests, (await daily.store.steps.all())[RUN].good_day) == ([], FRIDAY - timedelta(days=1))


async def test_a_schedule_that_can_read_no_source_is_not_heard_whatever_goes_out(world: World) -> None:
    world.readers(reader("ada"))
    friday = datetime.combine(FRIDAY, datetime.min.time(), UTC)
    world.now = friday - HOUR
    async with FaultServer() as relay, WebServer() as server:
        over(world, relay)
        async with opened_with(world, server) as (daily, watching):
            await look(daily, watching, world, world.now)
            assert await look(daily, watching, world, friday + 8 * HOUR) == 1
            world.folder.rename(world.folder.with_name("away"))
            server.requests.clear()
            for hour in (8, 12):  # it is waited for, and given up
                await look(daily, watching, world, friday + timedelta(days=1, hours=hour))
            assert await daily.store.ledger.counts(FRIDAY + timedelta(days=1)) != dict.fromkeys(State, 0)
            assert (server.requests, (await daily.store.steps.all())[RUN].good_day) == ([], FRIDAY)


async def test_one_reader_who_is_a_day_ahead_and_refuses_fails_no_day(world: World) -> None:
    """Friday's readers have theirs when it is Saturday already where Ben is."""
    ben = Subscriber("refuse-rcpt@example.org", topics=("robots",), timezone="Pacific/Kiritimati")
    world.readers(reader("ada"), ben)
    friday = datetime.combine(FRIDAY, datetime.min.time(), UTC)
    world.now = friday - 20 * HOUR  # when both came
    async with FaultServer() as relay, WebServer() as server:
        over(world, relay)
        async with opened_with(world, server) as (daily, watching):
            await look(daily, watching, world, world.now)
            assert await look(daily, watching, world, friday + 8 * HOUR) == 1
            server.requests.clear()
            assert await look(daily, watching, world, friday + 18 * HOUR) == 1
            assert await daily.store.ledger.counts(FRIDAY + timedelta(days=1)) == dict.fromkeys(State, 0) | {
                State.REFUSED: 1
            }
            assert len(server.requests) == 1
            assert await daily.store.alerts.newest(9) == []


async def test_what_is_made_up_for_an_earlier_day_says_nothing_of_today(world: World) -> None:
    async with WebServer() as server, opened_with(world, server) as (daily, watching):
        world.now += timedelta(days=2)
        report = await daily.run(world.now, FRIDAY)
        assert report.counts == {State.ACCEPTED: 1}
        await watching.after(report, world.now, FRIDAY)
        assert server.requests == []
        assert RUN not in await daily.store.steps.all()
        # Today's own, asked for by its date, is one like any other; and a schedule may still be at an earlier edition.
        today = FRIDAY + timedelta(days=2)
        await watching.after(await daily.run(world.now, today), world.now, today)
        assert (await daily.store.steps.all())[RUN].good_day == today
        await watching.after(report, world.now)
        assert len(server.requests) == 2


@pytest.mark.parametrize("change", [{"stopped": True}])
async def test_a_run_that_is_not_over_is_neither(world: World, change: dict[str, object]) -> None:
    async with opened(world) as (daily, watching):
        report = await daily.run(world.now)
        await watching.after(replace(report, **change), world.now)  # type: ignore[arg-type]  # by name
        assert RUN not in await daily.store.steps.all()


@pytest.mark.sqlite
async def test_what_fails_in_the_watch_ends_no_run(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(world) as (daily, watching):
        report = await daily.run(world.now)
        async with daily.store.database.write() as connection:
            for table in ("steps", "alerts"):
                refuse = "BEGIN SELECT RAISE(ABORT, 'no room'); END"
                await connection.exec_driver_sql(f"CREATE TRIGGER no_{table} BEFORE INSERT ON {table} {refuse}")
        await watching.after(report, world.now)
        await watching.look(world.now + 99 * HOUR)
    assert {"a run that ended could not be noted", "nobody could look after it"} <= set(caplog.messages)


async def test_a_heartbeat_is_tried_again_and_never_raises() -> None:
    async with WebServer() as server:
        server.answer("/shaky", Reply(500), Reply(503), Reply())
        server.answer("/moved", Reply(302, headers={"Location": "/shaky"}))
        assert await ping(f"{server.url}/shaky", 0.001) == ""
        assert len(server.requests) == TRIES
        assert await ping(f"{server.url}/moved", 0.001) == ""
        assert await ping(f"{server.url}/nowhere", 0.001) == "127.0.0.1 answered 404"
        port = server.port
    assert await ping(f"http://127.0.0.1:{port}/gone?key=1", 0.001) == "127.0.0.1 did not answer (ConnectError)"


def with_channels(world: World, *urls: str) -> None:
    named = zip(("lab", "club"), urls, strict=False)
    world.settings(channels=tuple(ChannelTable(name=name, url=url, topics=("robots",)) for name, url in named))


async def posting_day(world: World, number: int, hour: float = 8) -> None:
    """A run by hand on the day so many after Friday, which has a paper, and what follows it."""
    day = FRIDAY + timedelta(days=number)
    world.list_papers(day, f"A Robot of {day:%A}")
    world.now = datetime.combine(day, datetime.min.time(), UTC) + hour * HOUR
    async with opened(world) as (daily, watching):
        await run(daily, watching, world)


def subjects(world: World) -> list[str]:
    return [one.splitlines()[0].removeprefix("[Trending Papers] ") for one in mail(world)]


async def test_a_channel_that_gets_no_posts_is_told_once_until_it_has_got_one(world: World) -> None:
    async with WebServer() as server:
        server.answer("/s3cr3t", Reply())
        with_channels(world, f"json://127.0.0.1:{server.port}/s3cr3t")
        await posting_day(world, 0)
        assert subjects(world) == []
        server.answer("/s3cr3t", Reply(403))
        for number in (1, 2):
            await posting_day(world, number)
            assert subjects(world) == ["channel lab gets no posts"]
        [said] = mail(world)
        assert "\n    channel lab: JSON answered 403 Forbidden\n" in said
        assert f"The last post that its service took is that of {FRIDAY}." in said
        for command in ("doctor", "preview --channel lab", "run", "channels"):
            assert f"\n    newsletter {command}\n" in said
        assert "s3cr3t" not in said
        server.answer("/s3cr3t", Reply())
        await posting_day(world, 3)
        assert len(mail(world)) == 1
        server.answer("/s3cr3t", Reply(403))
        await posting_day(world, 4)
        assert subjects(world) == ["channel lab gets no posts"] * 2
        async with opened(world) as (daily, _):
            days = [FRIDAY, FRIDAY + timedelta(days=3)]
            found = sorted(one.event for one in await daily.store.alerts.newest(9))
            assert found == [f"channel lab: no post since {day}" for day in days]
            # The readers had theirs: no day has failed.
            assert (await daily.store.steps.all())[RUN].failures == 0


async def test_a_channel_that_asks_for_patience_is_told_when_the_next_post_fares_no_better(world: World) -> None:
    async with WebServer() as server:
        server.answer("/x", Reply(503), Reply(), Reply(503))
        with_channels(world, f"json://127.0.0.1:{server.port}/x")
        await posting_day(world, 0)
        await posting_day(world, 0, 9)  # it was taken at the second try
        await posting_day(world, 1)
        assert subjects(world) == []
        await posting_day(world, 2)
        assert subjects(world) == ["channel lab gets no posts"]
        assert "channel lab: JSON answered 503 Service Unavailable" in mail(world)[0]


async def test_a_channel_that_cannot_be_used_is_told_at_once_and_each_for_itself(world: World) -> None:
    async with WebServer() as server:
        server.answer("/x", Reply())
        with_channels(world, "nothing://s3cr3t", f"json://127.0.0.1:{server.port}/x")
        await posting_day(world, 0)
        [said] = mail(world)
        assert "channel lab: its url is none that Apprise can use" in said
        assert "Its service took no post yet." in said
        assert "s3cr3t" not in said
        with_channels(world, f"json://127.0.0.1:{server.port}/x", f"json://127.0.0.1:{server.port}/x")
        await posting_day(world, 1)
        assert len(mail(world)) == 1


async def test_who_is_told_to_stop_waits_for_no_heartbeat(world: World) -> None:
    async with WebServer() as server, opened_with(world, server) as (daily, watching):
        server.answer("/papers", Reply(delay=3600))
        report = await daily.run(world.now)
        after = asyncio.create_task(watching.after(report, world.now))
        while not server.requests:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        watching.stop()
        await after
        await watching.after(report, world.now)
        assert len(server.requests) == 1
        assert (await daily.store.steps.all())[RUN].good_at == world.now


async def test_who_is_told_to_stop_waits_for_no_relay_and_tells_it_the_next_time(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        host, port = silent.getsockname()
        world.settings(smtp=SmtpTable.model_validate({"host": host, "port": port, "security": "none", "patience": 0}))
        async with opened(world) as (daily, watching):
            after = asyncio.create_task(watching.after(CompositionError("full"), world.now, FRIDAY))
            connection, _ = await asyncio.get_running_loop().sock_accept(silent)
            with connection:
                watching.stop()
                await after
            [alert] = await daily.store.alerts.newest(9)
            assert alert.told_at is None
            async with FaultServer() as relay:
                over(world, relay)
                await watch(world.configuration, daily.store).look(world.now)
                assert len(told(relay)) == 1


async def test_a_run_that_the_database_ended_is_only_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is asked of it again: a lock that stays would be waited for once more."""
    async with opened(world) as (daily, watching):
        await watching.after(StoreError("The database is locked."), world.now, FRIDAY)
        assert await daily.store.alerts.newest(9) == []
        assert await daily.store.steps.all() == {}
    assert caplog.messages == ["run failed"]
