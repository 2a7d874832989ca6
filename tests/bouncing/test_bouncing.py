"""What comes back, taken in: who is not mailed any more, and who is, whatever a stranger writes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import databases
import pytest
import warm
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from builders import subscriber
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.bouncing import Taken, take
from newsletter.errors import StoreError
from newsletter.mail.mailboxes import Mail, open_mailbox
from newsletter.mail.tokens import Tokens
from newsletter.model import State, Status
from newsletter.policy.bounces import BounceKind
from newsletter.store import Store

DAY = date(2025, 3, 12)
NOW = datetime(2025, 3, 12, 9, tzinfo=UTC)
TOKENS = Tokens(["a key for these tests"])
OTHERS = Tokens(["a key that a stranger made up"])
ADA, BOB = "ada@uni.example", "bob@lab.example"
LEASE = timedelta(minutes=15)


def returned(message_id: str) -> str:
    return f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {message_id}\n\n" if message_id else ""


def bounce(
    *recipients: tuple[str, str, str], token: str = "", message_id: str = "", note: str = "", head: str = ""
) -> bytes:
    """A delivery report about (address, action, status) of each recipient."""
    to = f"bounces+{token}@papers.example.org" if token else "papers@papers.example.org"
    blocks = "".join(
        f"Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; said so\n\n"
        for address, action, status in recipients
    )
    return (
        f"From: MAILER-DAEMON@mx.example\nTo: {to}\nSubject: returned {note}\n{head}MIME-Version: 1.0\n"
        f"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nSorry.\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{blocks}"
        f"{returned(message_id)}--b--\n"
    ).encode()


def complaint(token: str = "", message_id: str = "", kind: str = "abuse") -> bytes:
    sender = f"Original-Mail-From: <bounces+{token}@papers.example.org>\n" if token else ""
    return (
        f"From: fbl@big.example\nTo: fbl@papers.example.org\nSubject: a complaint\nMIME-Version: 1.0\n"
        f"Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nA complaint.\n"
        f"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nVersion: 1\n{sender}"
        f"Original-Rcpt-To: {ADA}\n\n{returned(message_id)}--b--\n"
    ).encode()


def wish(token: str) -> bytes:
    return f"From: someone@else.example\nSubject: unsubscribe {token}\n\n".encode()


@dataclass
class World:
    """A store with two readers, whose messages of DAY went out."""

    store: Store
    settled: list[bool] = field(default_factory=list)

    async def take(self, *contents: bytes, now: datetime = NOW, repeats: bool = False, soft_limit: int = 5) -> Taken:
        async def settle(understood: bool) -> None:
            self.settled.append(understood)

        async def mails() -> AsyncIterator[Mail]:
            for content in contents:
                yield Mail(content, settle, repeats)

        return await take(self.store, TOKENS, mails(), now, soft_limit)

    async def id(self, address: str) -> int:
        found = await self.store.subscribers.find(address)
        assert found is not None
        return found.id

    async def token(self, address: str, day: date = DAY) -> str:
        return TOKENS.bounce(await self.id(address), day)

    async def message_id(self, address: str) -> str:
        [delivery] = await self.store.ledger.deliveries(local_date=DAY, address=address)
        return delivery.message_id

    async def suppressed(self) -> dict[str, str]:
        return {one.address: one.reason for one in await self.store.suppressions.all()}

    async def deliver(self, day: date, now: datetime) -> list[str]:
        """Plan a day for everybody, claim and send what may be; the addresses that were mailed."""
        everybody = await self.store.subscribers.all()
        await self.store.ledger.plan(day, [one.id for one in everybody], now)
        claimed = await self.store.ledger.claim(day, "test", now, LEASE, 10)
        for one in claimed:
            name = f"<{day}.{one.subscriber_id:020}@papers.example.org>"
            message = {"message_id": name, "sections": 1, "papers": 1, "size": 1}
            await self.store.ledger.begin_data(one, "test", now, **message)  # type: ignore[arg-type]  # str and int
            await self.store.ledger.settle(one, "test", now, State.ACCEPTED, code=250)
        return sorted(one.address for one in claimed)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with await Store.open(databases.of(tmp_path)) as store:
        await store.subscribers.add([subscriber(ADA), subscriber(BOB)])
        made = World(store)
        assert await made.deliver(DAY, NOW) == [ADA, BOB]
        yield made


# --- What each report does


async def test_a_hard_bounce_by_token_ends_it(world: World) -> None:
    taken = await world.take(bounce((ADA, "failed", "5.1.1"), token=await world.token(ADA)))
    assert taken.counts == {BounceKind.HARD: 1}
    assert [(one.address, one.why) for one in taken.suppressed] == [(ADA, "hard bounce (5.1.1)")]
    assert await world.suppressed() == {ADA: "hard bounce (5.1.1)"}
    assert world.settled == [True]
    assert await world.deliver(DAY + timedelta(1), NOW + timedelta(1)) == [BOB]
    [skipped] = await world.store.ledger.deliveries(local_date=DAY + timedelta(1), address=ADA)
    assert (skipped.state, skipped.reason) == (State.SKIPPED, "suppressed: hard bounce (5.1.1)")


async def test_a_hard_bounce_by_message_id_ends_it(world: World) -> None:
    await world.take(bounce((ADA, "failed", "5.1.1"), message_id=await world.message_id(ADA)))
    assert await world.suppressed() == {ADA: "hard bounce (5.1.1)"}


async def test_the_case_of_a_token_does_not_matter(world: World) -> None:
    await world.take(bounce((ADA, "failed", "5.1.1"), token=(await world.token(ADA)).upper()))
    assert await world.suppressed() == {ADA: "hard bounce (5.1.1)"}


async def test_a_complaint_takes_the_reader_out_at_once(world: World) -> None:
    taken = await world.take(complaint(token=await world.token(ADA)), complaint(message_id=await world.message_id(BOB)))
    assert taken.counts == {BounceKind.COMPLAINT: 2}
    assert await world.suppressed() == {ADA: "complaint (abuse)", BOB: "complaint (abuse)"}
    assert {one.status for one in await world.store.subscribers.all()} == {Status.LEFT}


async def test_not_spam_is_no_complaint(world: World) -> None:
    taken = await world.take(complaint(token=await world.token(ADA), kind="not-spam"))
    assert (taken.counts, await world.suppressed()) == ({BounceKind.IGNORED: 1}, {})


async def test_a_mail_to_the_leave_link_takes_the_reader_out(world: World) -> None:
    taken = await world.take(wish(TOKENS.leave(await world.id(ADA), ADA)))
    assert taken.counts == {BounceKind.UNSUBSCRIBE: 1}
    assert await world.suppressed() == {ADA: "left by mail"}
    found = await world.store.subscribers.find(ADA)
    assert found is not None
    assert found.status is Status.LEFT


async def test_what_is_about_us_suppresses_nobody_and_is_told(world: World) -> None:
    taken = await world.take(bounce((ADA, "failed", "5.7.1"), token=await world.token(ADA)))
    assert taken.counts == {BounceKind.REPUTATION: 1}
    assert [(one.address, one.why) for one in taken.reputation] == [(ADA, "smtp; said so")]
    assert await world.suppressed() == {}


async def test_an_automatic_answer_does_nothing(world: World) -> None:
    token = await world.token(ADA)
    answer = f"To: bounces+{token}@papers.example.org\nAuto-Submitted: auto-replied\n\nAway. 550 5.1.1\n"
    taken = await world.take(answer.encode())
    assert (taken.counts, await world.suppressed(), world.settled) == ({BounceKind.IGNORED: 1}, {}, [True])


async def test_soft_bounces_of_as_many_messages_as_the_limit_end_it(world: World) -> None:
    for number in range(5):
        now = NOW + timedelta(hours=number)
        token = await world.token(ADA, DAY + timedelta(number))
        taken = await world.take(bounce((ADA, "failed", "5.2.2"), token=token), now=now)
        assert taken.counts == {BounceKind.SOFT: 1}
        # With decay, five within hours weigh a little less than five.
        assert await world.suppressed() == {}
    await world.take(bounce((ADA, "failed", "5.2.2"), token=await world.token(ADA), note="again"), now=NOW)
    assert await world.suppressed() == {ADA: "soft bounces"}


async def test_soft_bounces_far_apart_end_nothing(world: World) -> None:
    for number in range(12):
        now = NOW + timedelta(days=30 * number)
        await world.take(
            bounce((ADA, "failed", "4.2.2"), token=await world.token(ADA, now.date())), now=now, soft_limit=3
        )
    assert await world.suppressed() == {}


async def test_one_message_counts_one_soft_bounce_however_often_it_is_reported(world: World) -> None:
    token, name = await world.token(ADA), await world.message_id(ADA)
    delays = [bounce((ADA, "delayed", "4.4.1"), token=token, message_id=name, note=str(one)) for one in range(9)]
    final = bounce((ADA, "failed", "4.4.7"), token=token, message_id=name)
    taken = await world.take(*delays, final, soft_limit=2)
    assert taken.counts == {BounceKind.SOFT: 10}
    assert await world.suppressed() == {}
    await world.take(bounce((ADA, "delayed", "4.4.1"), token=await world.token(ADA, DAY + timedelta(1))), soft_limit=2)
    assert await world.suppressed() == {ADA: "soft bounces"}


async def test_of_several_recipients_the_reader_counts(world: World) -> None:
    others = ("x@uni.example", "delivered", "2.0.0"), ("y@uni.example", "failed", "5.2.2")
    await world.take(bounce(*others, ("Ada@UNI.example", "failed", "5.1.1"), token=await world.token(ADA)))
    assert await world.suppressed() == {ADA: "hard bounce (5.1.1)"}


async def test_a_dead_member_of_a_list_does_not_kill_the_list(world: World) -> None:
    members = ("x@uni.example", "failed", "5.1.1"), ("y@uni.example", "failed", "5.2.2")
    taken = await world.take(bounce(*members, token=await world.token(ADA)))
    assert (taken.counts, await world.suppressed()) == ({BounceKind.SOFT: 1}, {})


async def test_a_forwarding_to_a_dead_mailbox_is_the_readers(world: World) -> None:
    await world.take(bounce(("ada@elsewhere.example", "failed", "5.1.1"), token=await world.token(ADA)))
    assert await world.suppressed() == {ADA: "hard bounce (5.1.1)"}


# --- What a stranger cannot do


async def forged(world: World) -> dict[str, bytes]:
    ada, name = await world.id(ADA), await world.message_id(ADA)
    genuine = await world.token(ADA)
    hard = (ADA, "failed", "5.1.1")
    last = "a" if genuine[-1] != "a" else "b"
    return {
        "bounce with an address only": bounce(hard),
        "bounce with a made-up Message-ID": bounce(hard, message_id="<2025-03-12.00@papers.example.org>"),
        "bounce with a token of another key": bounce(hard, token=OTHERS.bounce(ada, DAY)),
        "bounce with a damaged token": bounce(hard, token=genuine[:-1] + last),
        "bounce with a damaged token and our Message-ID": bounce(hard, token=genuine[:-1] + last, message_id=name),
        "bounce with a token of nobody": bounce(hard, token=TOKENS.bounce(4711, DAY)),
        "complaint with an address only": complaint(),
        "complaint with a token of another key": complaint(token=OTHERS.bounce(ada, DAY)),
        "wish to leave without a token": wish(ADA),
        "wish to leave with a token of another key": wish(OTHERS.leave(ada, ADA)),
        "wish to leave with a bounce token": wish(genuine),
        "wish to leave with a token for preferences": wish(TOKENS.preferences(ada, ADA)),
        "plain text": f"From: mailer-daemon@x.example\n\n{ADA}: 550 5.1.1 gone\n".encode(),
        "nothing": b"",
    }


async def test_a_forged_report_changes_nothing_and_is_kept_aside(world: World) -> None:
    reports = await forged(world)
    taken = await world.take(*reports.values())
    assert (sum(taken.counts.values()), await world.suppressed()) == (0, {})
    assert len(taken.aside) == len(reports)
    assert all(one.why for one in taken.aside)
    assert world.settled == [False] * len(reports)
    assert await world.deliver(DAY + timedelta(1), NOW + timedelta(1)) == [ADA, BOB]


async def test_a_reader_can_take_out_nobody_else(world: World) -> None:
    """Bob knows his own token and writes Ada's address wherever a report has room for one."""
    await world.take(bounce((ADA, "failed", "5.1.1"), token=await world.token(BOB)))
    assert set(await world.suppressed()) == {BOB}


async def test_what_was_kept_aside_is_understood_once_the_key_is_back(world: World) -> None:
    report = bounce((ADA, "failed", "5.1.1"), token=OTHERS.bounce(await world.id(ADA), DAY))
    assert len((await world.take(report)).aside) == 1

    async def settle(understood: bool) -> None:
        assert understood

    async def mails() -> AsyncIterator[Mail]:
        yield Mail(report, settle)

    taken = await take(world.store, OTHERS, mails(), NOW, 5)
    assert taken.counts == {BounceKind.HARD: 1}
    assert set(await world.suppressed()) == {ADA}


# --- Once


@pytest.mark.parametrize("repeats", [False, True])
async def test_a_report_counts_once(world: World, repeats: bool) -> None:
    report = bounce((ADA, "failed", "5.2.2"), token=await world.token(ADA))
    taken = await world.take(report, report, repeats=repeats)
    assert (taken.counts, taken.known) == ({BounceKind.SOFT: 1}, 1)
    taken = await world.take(*[report] * 20, repeats=repeats)
    assert (sum(taken.counts.values()), taken.known, await world.suppressed()) == (0, 20, {})
    assert len(await world.store.bounces.of_subscriber(await world.id(ADA))) == 1


async def test_an_mbox_that_is_read_again_does_not_undo_what_the_operator_removed(world: World) -> None:
    report = bounce((ADA, "failed", "5.1.1"), token=await world.token(ADA))
    assert len((await world.take(report, repeats=True)).suppressed) == 1
    await world.store.suppressions.remove(ADA)
    taken = await world.take(report, repeats=True)
    assert (taken.suppressed, taken.known, await world.suppressed()) == ([], 1, {})


async def test_an_mbox_tells_once_what_it_keeps_aside(world: World) -> None:
    assert len((await world.take(b"?", repeats=True)).aside) == 1
    taken = await world.take(b"?", repeats=True)
    assert (taken.aside, taken.known) == ([], 1)


async def test_a_crash_between_noting_and_suppressing_is_made_good(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = complaint(token=await world.token(ADA))

    async def crash(*_: object) -> bool:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(type(world.store.suppressions), "add", crash)
        with pytest.raises(StoreError):
            await world.take(report)
    assert (world.settled, await world.suppressed()) == ([], {})
    await world.take(report)
    assert (world.settled, await world.suppressed()) == ([True], {ADA: "complaint (abuse)"})


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_no_sequence_of_reports_touches_another_reader_or_counts_twice(data: st.DataObject) -> None:
    """Whatever comes about Ada, from her mail systems and from strangers, in whatever order: Bob is mailed on."""

    async def go() -> None:
        async with await Store.open(databases.of(Path(folder))) as store:
            await store.subscribers.add([subscriber(ADA), subscriber(BOB)])
            world = World(store)
            await world.deliver(DAY, NOW)
            genuine = [
                bounce((BOB, action, status), token=await world.token(ADA), note=str(number))
                for number, (action, status) in enumerate(
                    [("failed", "5.1.1"), ("failed", "5.2.2"), ("delayed", "4.0.0"), ("failed", "5.7.1")]
                )
            ]
            genuine += [complaint(token=await world.token(ADA)), wish(TOKENS.leave(await world.id(ADA), ADA))]
            false = list((await forged(world)).values())
            chosen = data.draw(st.lists(st.sampled_from(genuine + false), max_size=12))
            taken = await world.take(*chosen)
            assert sum(taken.counts.values()) == len(set(chosen) & set(genuine))
            assert sum(taken.counts.values()) + taken.known + len(taken.aside) == len(chosen)
            ends = {genuine[0], genuine[4], genuine[5]} & set(chosen)
            assert set(await world.suppressed()) == ({ADA} if ends else set())

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(go())


async def test_a_maildir_from_end_to_end(world: World, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    for name in ("tmp", "new", "cur"):
        (reports / name).mkdir(parents=True)
    (reports / "new" / "1.a").write_bytes(bounce((ADA, "failed", "5.1.1"), token=await world.token(ADA)))
    (reports / "new" / "2.a").write_bytes(b"Dear all, hello\n")
    taken = await take(world.store, TOKENS, open_mailbox(f"maildir:{reports}", folder=tmp_path, aside=tmp_path), NOW, 5)
    assert (taken.counts, len(taken.aside)) == ({BounceKind.HARD: 1}, 1)
    assert [file.name for file in (reports / ".read" / "cur").iterdir()] == ["1.a:2,S"]
    assert [file.name for file in (reports / ".aside" / "cur").iterdir()] == ["2.a:2,S"]


# --- The commands, and the whole way: a run, what comes back about it, the next run


class Relay:
    """A relay that takes everything and remembers the envelopes."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 2.0.0 taken"

    def taken(self) -> dict[str, Envelope]:
        """Envelopes by recipient, and none of them any more."""
        taken = {envelope.rcpt_tos[0]: envelope for envelope in self.envelopes}
        self.envelopes.clear()
        return taken


class AnyPort(Controller):
    """A server in a thread, on whatever port is free."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd has no types


@dataclass
class Installed:
    """A fresh installation that sends to a relay on this machine."""

    state: Path
    relay: Relay
    port: int

    def __call__(self, *arguments: str, expect: int = 0, stdin: bytes = b"", **environment: str) -> str:
        done = warm.newsletter(
            arguments,
            stdin=stdin,
            cwd=self.state.parent,
            env={
                **os.environ,
                "COLUMNS": "200",
                "NEWSLETTER_STATE_DIR": str(self.state),
                "NEWSLETTER_RANKING__MODELS": "none",  # what is expected must not hang on which extras are installed
                "NEWSLETTER_SENDER__ADDRESS": "papers@papers.example.org",
                "NEWSLETTER_BOUNCES__ADDRESS": "bounces@papers.example.org",
                "NEWSLETTER_SMTP__HOST": "127.0.0.1",
                "NEWSLETTER_SMTP__PORT": str(self.port),
                "NEWSLETTER_SMTP__SECURITY": "none",
                **environment,
            },
        )
        assert done.returncode == expect, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout or done.stderr

    def json(self, *arguments: str, expect: int = 0, stdin: bytes = b"") -> Any:
        return json.loads(self(*arguments, "--json", expect=expect, stdin=stdin))


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    relay = Relay()
    controller = AnyPort(relay, hostname="127.0.0.1", port=0, enable_SMTPUTF8=True)
    controller.start()
    try:
        yield Installed(tmp_path / "var", relay, controller.port)
    finally:
        controller.stop()


def test_from_a_run_to_its_bounces_to_the_next_run(installed: Installed) -> None:
    installed("run", "--date", "2025-03-11")
    sent = installed.relay.taken()
    first, second, third, fourth = sorted(sent)
    senders = {address: envelope.mail_from or "" for address, envelope in sent.items()}
    assert all(re.fullmatch(r"bounces\+[a-z2-7]{40}@papers\.example\.org", sender) for sender in senders.values())
    messages = {address: message_from_bytes(envelope.original_content or b"") for address, envelope in sent.items()}

    token = senders[first].partition("+")[2].partition("@")[0]
    assert installed("bounces", "-", stdin=bounce((first, "failed", "5.1.1"), token=token)) == ""
    objection = complaint(message_id=str(messages[second]["Message-ID"]))
    assert installed.json("bounces", "-", stdin=objection)["counts"]["complaint"] == 1
    leave = re.search(r"<mailto:[^>]*subject=unsubscribe%20([^>]+)>", str(messages[third]["List-Unsubscribe"]))
    assert leave is not None
    mbox = installed.state.parent / "reports"
    mbox.write_bytes(b"From x Wed Mar 12 07:00:00 2025\n" + wish(leave.group(1)))
    assert "left by mail" in installed("bounces", "mbox:reports")
    assert "1 were counted before" in installed("bounces", NEWSLETTER_BOUNCES__MAILBOX="mbox:reports")

    found = {one["address"]: one["reason"] for one in installed.json("suppressions", "list")}
    assert found == {first: "hard bounce (5.1.1)", second: "complaint (abuse)", third: "left by mail"}
    installed("run", "--date", "2025-03-12")
    assert set(installed.relay.taken()) == {fourth}


@pytest.mark.sqlite
def test_what_a_pipe_brings_is_never_lost(installed: Installed) -> None:
    """Exit codes are for the mail server: 0 takes it, 75 makes it try again; anything else would throw it away."""
    assert installed("bounces", "-", stdin=b"Dear all\n") == ""
    [kept] = (installed.state / "aside" / "new").iterdir()
    assert kept.read_bytes() == b"Dear all\n"
    (installed.state / "newsletter.db").write_bytes(b"this is no database" * 1000)
    for leftover in installed.state.glob("newsletter.db-*"):
        leftover.unlink()
    assert "is not a database" in installed("bounces", "-", stdin=b"Dear all\n", expect=75)
    assert "no such setting" in installed("bounces", "-", stdin=b"x", expect=75, NEWSLETTER_NONSENSE="1")


def test_bounces_says_what_it_kept_aside_and_what_is_about_us(installed: Installed) -> None:
    installed("run", "--date", "2025-03-11")
    address, envelope = min(installed.relay.taken().items())
    token = (envelope.mail_from or "").partition("+")[2].partition("@")[0]
    mbox = installed.state.parent / "reports"
    mails = [bounce((address, "failed", "5.7.1"), token=token), b"Dear all\n"]
    mbox.write_bytes(b"".join(b"From x Wed Mar 12 07:00:00 2025\n" + one + b"\n" for one in mails))
    found = installed.json("bounces", "mbox:reports", expect=3)
    assert found["reputation"] == [{"address": address, "why": "smtp; said so"}]
    assert found["aside"] == [{"address": "", "why": "neither a report nor an automatic answer"}]
    assert found["suppressed"] == []


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("maildir:nothing",), ("imaps://host/",)])
def test_a_mailbox_that_cannot_be_read_is_one_sentence(installed: Installed, arguments: tuple[str, ...]) -> None:
    said = installed("bounces", *arguments, expect=1)
    assert "bounces.mailbox" in said
    assert len(said.splitlines()) == 1


def test_suppressions_by_hand(installed: Installed) -> None:
    address = installed.json("subscribers", "list")[0]["address"]
    assert "gets no more mail" in installed("suppressions", "add", address.upper(), "--reason", "asked by phone")
    assert "already" in installed("suppressions", "add", address)
    [row] = installed.json("suppressions", "list")
    assert (row["address"], row["reason"]) == (address, "asked by phone")
    assert "asked by phone" in installed("suppressions", "list")
    installed("run", "--date", "2025-03-11")
    assert address not in installed.relay.taken()
    assert "not suppressed any more." in installed("suppressions", "remove", address)
    assert installed.json("suppressions", "list") == []
    assert "is not suppressed" in installed("suppressions", "remove", address, expect=1)
    installed("run", "--date", "2025-03-12")
    assert address in installed.relay.taken()


def test_a_reader_who_was_imported_stays_away_when_the_suppression_is_removed(installed: Installed) -> None:
    installed("subscribers", "import", "-", stdin=b"address\neve@uni.example\n")
    installed("subscribers", "leave", "eve@uni.example")
    assert "has left and gets no mail" in installed("suppressions", "remove", "eve@uni.example")


@pytest.mark.parametrize("command", ["add", "remove"])
def test_what_is_no_address_is_one_sentence(installed: Installed, command: str) -> None:
    assert "is not an e-mail address" in installed("suppressions", command, "not an address", expect=2)
    assert "one line" in installed("suppressions", "add", "a@b.example", "--reason", "a\nb", expect=2)
