"""When sending stops, and what it leaves behind."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from answering import Answering, relay
from world import FRIDAY, World, reader

from newsletter.errors import CompositionError, RelayError, StoreError
from newsletter.model import State, Status
from newsletter.reconciling import reconcile


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.list_papers(FRIDAY, "A Robot That Walks")
    return made


async def test_a_hard_bounce_at_rcpt_suppresses_and_the_words_are_kept(world: World) -> None:
    world.readers(reader("gone"))
    async with relay(world, Answering(rcpt="550 5.1.1 no such user here")):
        assert await world.run(FRIDAY) == {"gone@example.org": State.REFUSED}
    async with world.daily() as daily:
        [delivery] = await daily.store.ledger.deliveries()
        assert (delivery.code, delivery.enhanced) == (550, "5.1.1")
        assert "no such user here" in delivery.reply
        assert "gone@example.org" in await daily.store.subscribers.suppressed()


async def test_a_policy_refusal_alerts_and_suppresses_nobody(world: World) -> None:
    world.readers(reader("ada"))
    async with relay(world, Answering(rcpt="550 5.7.1 your reputation is poor")), world.daily() as daily:
        report = await daily.run(world.now)
        assert [one.state for one in report.deliveries] == [State.REFUSED]
        assert any("5.7.1" in alert for alert in report.alerts)
        assert await daily.store.subscribers.suppressed() == {}


async def test_too_many_refusals_stop_the_run_and_leave_the_rest_open(world: World) -> None:
    world.readers(*(reader(f"reader{n}") for n in range(60)))
    async with relay(world, Answering(dot="554 5.7.1 spam")), world.daily() as daily:
        report = await daily.run(world.now)
        assert isinstance(report.failure, RelayError)
        assert re.search(r"refused \d+ of \d+ messages, last with “.*spam”", str(report.failure))
        counts = await daily.store.ledger.counts()
        assert 20 <= counts[State.REFUSED] < 40
        assert counts[State.READY] == 60 - counts[State.REFUSED]
        assert await daily.store.ledger.balanced()


async def test_told_to_stop_it_finishes_what_is_open_and_releases_the_rest(world: World) -> None:
    world.readers(*(reader(f"reader{n}") for n in range(30)))
    answers = Answering(delay=0.1)
    async with relay(world, answers), world.daily() as daily:
        running = asyncio.create_task(daily.run(world.now))
        await answers.begun.wait()
        daily.stop()
        report = await running
        counts = await daily.store.ledger.counts()
        assert report.stopped
        assert 0 < counts[State.ACCEPTED] == len(answers.taken) < 30
        assert counts[State.READY] == 30 - counts[State.ACCEPTED]
    async with relay(world, answers):
        await world.run(FRIDAY)
    assert sorted(to for _, to, _ in answers.taken) == sorted(f"reader{n}@example.org" for n in range(30))


async def test_a_message_that_is_not_whole_is_not_sent(world: World, tmp_path: Path) -> None:
    world.readers(reader("ada"))
    templates = tmp_path / "own" / "email"
    templates.mkdir(parents=True)
    shipped = Path(__file__).parents[2] / "templates" / "email" / "card.txt.j2"
    text = shipped.read_text(encoding="utf-8").replace("{{ card.url }}", "(the link was forgotten)")
    (templates / "card.txt.j2").write_text(text, encoding="utf-8")
    email = world.configuration.settings.email.model_copy(update={"templates": templates.parent})
    world.settings(email=email)
    with pytest.raises(CompositionError, match="the text part lost the paper"):
        await world.run(FRIDAY)
    async with world.daily() as daily:
        assert (await daily.store.ledger.counts())[State.READY] == 1
    assert world.mail() == []


async def test_a_first_message_that_fails_the_wire_gate_stops_the_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate's own tests damage messages; whole ones pass it, so here it is told what to find."""
    monkeypatch.setattr("newsletter.daily.gate.faults", lambda *_, **__: ["Date stands twice"])
    world.readers(reader("ada"))
    with pytest.raises(CompositionError, match="does not pass the wire gate: Date stands twice"):
        await world.run(FRIDAY)
    assert world.mail() == []


async def test_the_envelope_sender_names_the_reader_and_the_day(world: World) -> None:
    world.readers(reader("ada"))
    bounces = world.configuration.settings.bounces.model_copy(update={"address": "bounces@example.org"})
    world.settings(bounces=bounces)
    answers = Answering()
    async with relay(world, answers):
        await world.run(FRIDAY)
    [(sender, _, _)] = answers.taken
    assert re.fullmatch(r"bounces\+[a-z0-9]+@example\.org", sender)
    assert len(sender.partition("@")[0]) <= 64


async def test_unknown_outcomes_are_settled_by_the_relays_log(world: World) -> None:
    world.readers(reader("ada"), reader("bob"))
    world.settings(delivery=world.configuration.settings.delivery.model_copy(update={"on_unknown": "hold"}))
    async with world.daily() as daily:
        await daily.collect()
        await daily.publishing.freeze(FRIDAY)
        await daily.publishing.plan(FRIDAY)
        ledger = daily.store.ledger
        for number, delivery in enumerate(await ledger.claim(FRIDAY, "x", world.now, timedelta(minutes=1), 10)):
            await ledger.begin_data(
                delivery, "x", world.now, message_id=f"<m{number}@example.org>", sections=1, papers=1, size=1
            )
            await ledger.settle(delivery, "x", world.now, State.UNKNOWN, reason="lost")
        log = [
            "Mar 14 08:00:00 mx postfix/cleanup[1]: 4F2A1C0D3E: message-id=<m0@example.org>",
            "Mar 14 08:00:00 mx postfix/qmgr[2]: 4F2A1C0D3E: from=<p@example.org>, size=9, nrcpt=1 (queue active)",
            "Mar 14 08:00:00 mx postfix/cleanup[1]: 5F2A1C0D3E: message-id=<m1@example.org>",
        ]
        found = await reconcile(daily.store, log, world.now)
        assert [one.message_id for one in found.accepted] == ["<m0@example.org>"]
        assert [one.message_id for one in found.silent] == ["<m1@example.org>"]
        counts = await ledger.counts()
        assert (counts[State.ACCEPTED], counts[State.UNKNOWN]) == (1, 1)
        assert await ledger.balanced()
        assert all(one.status is Status.ACTIVE for one in await daily.store.subscribers.all())


class Forgetful(Answering):
    """Takes the first message and breaks the connection before it says so."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        if len(self.taken) == 1:
            assert server.transport
            server.transport.abort()
        return answer


async def test_a_lost_answer_found_the_next_day_repeats_the_message_and_not_the_papers(world: World) -> None:
    world.readers(reader("ada"))
    answers = Forgetful()
    async with relay(world, answers):
        assert await world.run(FRIDAY) == {"ada@example.org": State.UNKNOWN}
        world.list_papers(FRIDAY + timedelta(days=1), "A Robot That Swims")
        await world.run(FRIDAY + timedelta(days=1))
    contents = [content for _, _, content in answers.taken]
    assert len(contents) == 3
    first, *later = contents
    assert later.count(first) == 1
    [saturday] = [content for content in later if content != first]
    assert b"Swims" in saturday
    assert b"Walks" not in saturday


async def test_a_relay_that_knows_nobody_wipes_nobody_off_the_list(world: World) -> None:
    world.readers(*(reader(f"reader{n}") for n in range(60)))
    async with relay(world, Answering(rcpt="550 5.1.1 no such user here")), world.daily() as daily:
        report = await daily.run(world.now)
        assert isinstance(report.failure, RelayError)
        assert await daily.store.subscribers.suppressed() == {}
        assert (await daily.store.ledger.counts())[State.READY] >= 20


async def test_told_to_stop_who_waits_for_the_pace_gives_up_at_once(world: World) -> None:
    world.readers(*(reader(f"reader{n}") for n in range(9)))
    answers = Answering()
    async with relay(world, answers):
        world.settings(smtp=world.configuration.settings.smtp.model_copy(update={"per_second": 0.05}))
        async with world.daily() as daily:
            running = asyncio.create_task(daily.run(world.now))
            await answers.begun.wait()
            daily.stop()
            async with asyncio.timeout(5):
                report = await running
            counts = await daily.store.ledger.counts()
    assert report.stopped
    assert (counts[State.ACCEPTED], counts[State.READY]) == (1, 8)


async def test_as_many_connections_as_are_set_are_used_in_the_end(world: World) -> None:
    world.readers(*(reader(f"reader{n}") for n in range(120)))
    answers = Answering(delay=0.02)
    open_now: set[int] = set()
    most = 0

    class Counting(SMTP):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            nonlocal most
            open_now.add(id(self))
            most = max(most, len(open_now))
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            open_now.discard(id(self))
            super().connection_lost(error)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Counting(answers, hostname="test", loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    smtp = {"host": "127.0.0.1", "port": port, "security": "none", "connections": 8}
    world.settings(smtp=world.configuration.settings.smtp.model_copy(update=smtp))
    await world.run(FRIDAY)
    server.close()
    await server.wait_closed()
    assert len(answers.taken) == 120
    assert 5 < most <= 8


async def test_one_reader_whose_message_cannot_be_made_does_not_stop_the_others(world: World) -> None:
    world.readers(reader("no one at all"), reader("ada"))
    assert await world.run(FRIDAY) == {
        "no one at all@example.org": State.REFUSED,
        "ada@example.org": State.ACCEPTED,
    }
    assert len(world.mail()) == 1


async def test_deliveries_are_kept_as_long_as_they_are_to_be(world: World) -> None:
    """Their numbers go with them, and the day is not sent again."""
    delivery, edition = world.configuration.settings.delivery, world.configuration.settings.edition
    world.settings(
        delivery=delivery.model_copy(update={"keep": 3}), edition=edition.model_copy(update={"look_back": 4})
    )
    world.readers(reader("ada"))
    for number in range(8):
        day = FRIDAY + timedelta(days=number)
        world.list_papers(day, f"A Robot That Walks on Day {number}")
        assert await world.run(day) == {"ada@example.org": State.ACCEPTED}
    async with world.daily() as daily:
        dates = {one.local_date for one in await daily.store.ledger.deliveries()}
        assert dates == {FRIDAY + timedelta(days=number) for number in range(2, 8)}  # the look-back, and a day more
        assert await daily.store.ledger.balanced()
        with pytest.raises(StoreError, match="are not kept any more"):
            await daily.run(world.now, FRIDAY)
    assert len(world.mail()) == 8
