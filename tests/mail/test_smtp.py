"""Handing messages to a relay: every reply, every loss, at every step of a transaction."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_relay import (
    BODY,
    CONTENT,
    DOT,
    DROP,
    HANG,
    IMPATIENT,
    MESSAGE,
    SLOW,
    Answer,
    Script,
    mailing,
    nothing,
    send,
)

from newsletter.errors import RelayError
from newsletter.model import Message, Outcome, State, Step

STEPS = ["MAIL", "RCPT", "DATA", DOT]
ACCEPTED = Outcome(State.ACCEPTED, 250, "2.0.0 Ok: queued as 42", Step.DOT, "2.0.0", "42")


async def test_an_accepted_message_arrives_as_it_is() -> None:
    script = Script()
    async with mailing(script) as mailer:
        assert await mailer.send(MESSAGE, nothing) == ACCEPTED
    assert script.contents == [CONTENT]
    assert script.envelopes == [(MESSAGE.sender, [MESSAGE.recipient], [f"SIZE={len(CONTENT)}"])]


async def test_the_ledger_is_written_between_rcpt_and_data() -> None:
    script = Script()
    seen: list[str] = []

    async def before_data() -> None:
        seen.extend(script.seen)

    async with mailing(script) as mailer:
        await mailer.send(MESSAGE, before_data)
    assert seen == ["EHLO", "MAIL", "RCPT"]
    assert script.seen == ["EHLO", "MAIL", "RCPT", "DATA", DOT]


async def test_one_connection_serves_many_messages() -> None:
    script = Script()
    async with mailing(script) as mailer:
        outcomes = await asyncio.gather(*(mailer.send(MESSAGE, nothing) for _ in range(20)))
    assert {outcome.state for outcome in outcomes} == {State.ACCEPTED}
    assert script.contents == [CONTENT] * 20
    assert all(len(recipients) == 1 for _, recipients, _ in script.envelopes)
    assert script.connections == 1


@pytest.mark.parametrize(
    ("step", "answer", "state"),
    [
        ("MAIL", "451 4.3.0 busy", State.DEFERRED),
        ("MAIL", "452 4.3.1 full", State.DEFERRED),
        ("MAIL", "421 4.7.0 slow down", State.DEFERRED),
        ("MAIL", "552 5.3.4 too large", State.REFUSED),
        ("RCPT", "450 4.2.0 greylisted", State.DEFERRED),
        ("RCPT", "421 4.7.0 slow down", State.DEFERRED),
        ("RCPT", "552 5.2.2 mailbox full", State.DEFERRED),
        ("RCPT", "452 4.5.3 too many recipients", State.DEFERRED),
        ("RCPT", "550 5.1.1 no such user", State.REFUSED),
        ("RCPT", "553 5.1.3 bad name", State.REFUSED),
        ("RCPT", "554 5.7.1 policy", State.REFUSED),
        ("DATA", "451 4.3.0 later", State.DEFERRED),
        ("DATA", "421 4.3.2 shutting down", State.DEFERRED),
        ("DATA", "554 5.5.1 no valid recipients", State.REFUSED),
        (DOT, "451 4.3.0 disk", State.DEFERRED),
        (DOT, "421 4.3.2 shutting down", State.DEFERRED),
        (DOT, "552 5.3.4 too much", State.REFUSED),
        (DOT, "554 5.7.1 spam", State.REFUSED),
    ],
)
async def test_a_no_is_an_outcome_and_the_next_message_goes_out(step: str, answer: str, state: State) -> None:
    script = Script({step: answer})
    async with mailing(script) as mailer:
        outcome, told = await send(mailer)
        at = Step.DOT if step == DOT else Step(step)
        assert outcome == Outcome(state, int(answer[:3]), answer[4:], at, answer[4:9])
        assert told is (step in ("DATA", DOT))
        assert script.contents == []
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert script.contents == [CONTENT]
    assert script.connections == (2 if answer.startswith("421") else 1)


@pytest.mark.parametrize("fate", [DROP, HANG])
@pytest.mark.parametrize("step", [*STEPS, BODY])
async def test_a_loss_is_unknown_only_once_the_message_has_begun(step: str, fate: str) -> None:
    script = Script({step: fate})
    async with mailing(script, IMPATIENT) as mailer:
        outcome, told = await send(mailer)
        inside = step in (BODY, DOT)
        assert (outcome.state, outcome.code) == (State.UNKNOWN if inside else State.DEFERRED, None)
        assert outcome.step is (Step.DOT if inside else Step(step))
        assert told is (step not in ("MAIL", "RCPT"))
        assert ("no answer in time" in outcome.text) is (fate == HANG)
        assert mailer.served == 0
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert script.contents == [CONTENT]
    assert script.connections == 2


GARBAGE: list[Answer] = ["garbage", "999 what", b"\xff\xfe\x00\r\n", b"250 " + b"x" * 40_000, b"\r\n", b"-1 no\r\n"]


@pytest.mark.parametrize(
    ("step", "answer"), [*((step, answer) for step in STEPS for answer in GARBAGE), ("DATA", "250 done")]
)
async def test_an_answer_that_makes_no_sense_is_never_taken_for_yes(step: str, answer: Answer) -> None:
    script = Script({step: answer})
    async with mailing(script) as mailer:
        outcome, _ = await send(mailer)
        assert outcome.state is (State.UNKNOWN if step == DOT else State.DEFERRED)
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert script.contents == [CONTENT]
    assert script.connections == 2


@pytest.mark.parametrize("step", STEPS)
async def test_a_slow_answer_is_waited_for(step: str) -> None:
    script = Script({step: SLOW})
    async with mailing(script) as mailer:
        assert await mailer.send(MESSAGE, nothing) == ACCEPTED
    assert script.connections == 1


async def test_an_answer_before_the_end_of_the_message_ends_it() -> None:
    script = Script({BODY: b"552 5.3.4 that is too much\r\n"})
    async with mailing(script, IMPATIENT) as mailer:
        outcome = await mailer.send(MESSAGE, nothing)
    assert (outcome.state, outcome.enhanced, script.contents) == (State.REFUSED, "5.3.4", [])


async def test_a_greylisted_message_is_accepted_the_second_time() -> None:
    script = Script(
        {"RCPT": "450 4.2.0 <ann@example.org>: Recipient address rejected: Greylisted, try again in 5 minutes"}
    )
    async with mailing(script) as mailer:
        outcome, told = await send(mailer)
        assert (outcome.state, outcome.retry_after, told) == (State.DEFERRED, timedelta(minutes=5), False)
        assert await mailer.send(MESSAGE, nothing) == ACCEPTED
    assert (script.connections, script.contents) == (1, [CONTENT])


async def test_a_connection_lost_just_before_data_is_known_to_have_sent_nothing() -> None:
    script = Script()

    async def before_data() -> None:
        script.drop_now()
        await asyncio.sleep(0.05)

    async with mailing(script) as mailer:
        outcome = await mailer.send(MESSAGE, before_data)
        assert (outcome.state, outcome.code, outcome.step) == (State.DEFERRED, None, Step.DATA)
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert script.contents == [CONTENT]


async def test_an_idle_connection_that_was_lost_is_opened_again() -> None:
    script = Script()
    async with mailing(script) as mailer:
        await mailer.send(MESSAGE, nothing)
        script.drop_now()
        await asyncio.sleep(0.05)
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert (script.connections, len(script.contents)) == (2, 2)


async def test_a_refused_sender_stops_everything() -> None:
    script = Script({"MAIL": "553 5.7.1 not yours"})
    async with mailing(script) as mailer:
        with pytest.raises(RelayError, match=r"sender news@papers\.example\.org \(553 .*sender\.address") as caught:
            await mailer.send(MESSAGE, nothing)
        assert (caught.value.step, caught.value.code, caught.value.temporary) == ("MAIL", 553, False)
        assert "RCPT" not in script.seen
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED


async def test_a_ledger_that_fails_stops_the_message() -> None:
    script = Script()

    async def before_data() -> None:
        raise OSError("disk full")

    async with mailing(script) as mailer:
        with pytest.raises(OSError, match="disk full"):
            await mailer.send(MESSAGE, before_data)
        assert script.seen == ["EHLO", "MAIL", "RCPT"]
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert script.seen[3:5] == ["RSET", "MAIL"]
    assert (script.connections, script.contents) == (1, [CONTENT])


@pytest.mark.parametrize("step", STEPS)
async def test_a_cancelled_send_leaves_no_half_conversation(step: str) -> None:
    script = Script({step: HANG})
    async with mailing(script) as mailer:
        sending = asyncio.create_task(mailer.send(MESSAGE, nothing))
        await asyncio.wait_for(script.hanging.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert (script.connections, script.contents) == (2, [CONTENT])


async def test_a_connection_that_cannot_be_reset_is_closed() -> None:
    script = Script({"RCPT": "550 no", "RSET": "500 what?"})
    async with mailing(script) as mailer:
        assert (await mailer.send(MESSAGE, nothing)).state is State.REFUSED
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert script.connections == 2


async def test_the_relays_words_are_kept_on_one_bounded_line() -> None:
    script = Script({"RCPT": "550-no\r\n550-such\ttab \x07\r\n550 " + "user " * 300})
    async with mailing(script) as mailer:
        outcome = await mailer.send(MESSAGE, nothing)
    assert outcome.text.startswith("no such tab user user")
    assert len(outcome.text) == 500


async def test_a_message_larger_than_the_relay_takes_is_not_offered() -> None:
    script = Script()
    async with mailing(script, data_size_limit=len(CONTENT) - 1) as mailer:
        outcome, told = await send(mailer)
    assert (outcome.state, told, script.seen) == (State.REFUSED, False, ["EHLO"])
    assert str(len(CONTENT)) in outcome.text
    stuffed = len(CONTENT) + CONTENT.count(b"\r\n.")  # aiosmtpd counts the dots of transparency, too
    async with mailing(script, data_size_limit=stuffed) as mailer:
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED


async def test_international_addresses_need_a_relay_that_takes_them() -> None:
    content = "To: <jürgen@example.org>\r\n\r\nhello\r\n".encode()
    message = Message("<1@example.org>", "news@example.org", "jürgen@example.org", content, 0)
    script = Script()
    async with mailing(script) as mailer:
        outcome = await mailer.send(message, nothing)
        assert (outcome.state, script.seen) == (State.REFUSED, ["EHLO"])
        assert "SMTPUTF8" in outcome.text
    async with mailing(script, enable_SMTPUTF8=True) as mailer:
        assert (await mailer.send(message, nothing)).state is State.ACCEPTED
    assert script.contents == [content]
    assert script.envelopes[0][1:] == (["jürgen@example.org"], [f"SIZE={len(content)}", "BODY=8BITMIME", "SMTPUTF8"])


@pytest.mark.parametrize(
    "address",
    [
        "a@b.org>\r\nRCPT TO:<evil@example.net",
        "a b@c.org",
        "a@b.org> SIZE=1",
        "a@b.org, c@d.org",
        "a(b)@c.org",
        "\r\n",
        "",
    ],
)
async def test_no_address_smuggles_a_command(address: str) -> None:
    script = Script()
    async with mailing(script) as mailer:
        outcome = await mailer.send(Message("<1@x.org>", MESSAGE.sender, address, CONTENT, 0), nothing)
        assert outcome.state is State.REFUSED
        assert script.seen == ["EHLO", "MAIL"]
        with pytest.raises(RelayError, match=r"sender\.address"):
            await mailer.send(Message("<1@x.org>", address, MESSAGE.recipient, CONTENT, 0), nothing)
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert [recipients for _, recipients, _ in script.envelopes] == [[MESSAGE.recipient]]


async def test_stray_line_ends_smuggle_no_command() -> None:
    content = b"Subject: x\r\n\r\none\n.\nMAIL FROM:<evil@example.net>\r.\rtwo"
    script = Script()
    async with mailing(script) as mailer:
        message = Message("<1@x.org>", MESSAGE.sender, MESSAGE.recipient, content, 0)
        assert (await mailer.send(message, nothing)).state is State.ACCEPTED
    assert script.contents == [b"Subject: x\r\n\r\none\r\n.\r\nMAIL FROM:<evil@example.net>\r\n.\r\ntwo\r\n"]
    assert script.seen.count("MAIL") == 1


@given(lines=st.lists(st.binary(max_size=20).map(lambda line: line.translate(None, b"\r\n")), max_size=8))
@settings(deadline=None, max_examples=60)
async def test_any_lines_arrive_as_they_are(lines: list[bytes]) -> None:
    content = b"Subject: x\r\n\r\n" + b"".join(line + b"\r\n" for line in lines)
    script = Script()
    async with mailing(script, enable_SMTPUTF8=True) as mailer:
        message = Message("<1@x.org>", MESSAGE.sender, MESSAGE.recipient, content, 0)
        assert (await mailer.send(message, nothing)).state is State.ACCEPTED
    assert script.contents == [content]
