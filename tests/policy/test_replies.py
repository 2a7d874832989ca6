"""What a relay's words say, and what follows from them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Outcome, State, Step
from newsletter.policy import replies
from newsletter.policy.replies import Consequences, consequences

SUPPRESS, ALERT, SLOW, NOTHING = "suppress", "alert", "slow", "nothing"


def outcome(step: Step, said: str) -> Outcome:
    """The outcome of a reply, read as the mailer reads it."""
    code, text = int(said[:3]), said[4:]
    temporary = code < 500 or (step is Step.RCPT and code == 552)
    state = State.ACCEPTED if code == 250 else State.DEFERRED if temporary else State.REFUSED
    return Outcome(state, code, text, step, replies.enhanced_code(code, text))


def kind(found: Consequences) -> str:
    kinds = [name for name, yes in ((SUPPRESS, found.suppress), (ALERT, found.alert), (SLOW, found.slow_down)) if yes]
    return "+".join(kinds) or NOTHING


@pytest.mark.parametrize(
    ("step", "said", "expected"),
    [
        # 5.1.x: no such address, wherever it is said
        (Step.RCPT, "550 5.1.1 <ann@example.org>: Recipient address rejected: User unknown", SUPPRESS),
        (Step.RCPT, "550 5.1.2 Bad destination system address", SUPPRESS),
        (Step.RCPT, "553 5.1.3 bad name", SUPPRESS),
        (Step.RCPT, "550 5.1.6 moved, no forwarding address", SUPPRESS),
        (Step.RCPT, "556 5.1.10 Recipient address has null MX", SUPPRESS),
        (Step.RCPT, "550 #5.1.0 Address rejected.", SUPPRESS),
        (Step.RCPT, "550 5.1.1 <sender-verification-helo-command@example.org> is unknown", SUPPRESS),
        (Step.DOT, "550 5.1.1 User unknown", SUPPRESS),
        (Step.DATA, "554 5.1.1 no valid recipients", SUPPRESS),
        # ... unless it is the sender's
        (Step.RCPT, "550 5.1.8 <news@example.org>: Sender address rejected: Domain not found", ALERT),
        (Step.RCPT, "553 5.1.7 Bad sender's mailbox address", ALERT),
        (Step.RCPT, "550 5.1.0 <news@example.org>: Sender address rejected: User unknown", ALERT),
        # 5.2.x: the mailbox
        (Step.RCPT, "550 5.2.1 The email account that you tried to reach is disabled", SUPPRESS),
        (Step.RCPT, "550 5.2.2 over quota", NOTHING),
        (Step.RCPT, "552 5.2.2 mailbox full", NOTHING),
        (Step.RCPT, "550 5.2.3 too long for this mailbox", NOTHING),
        # without an enhanced code, the words decide
        (Step.RCPT, "550 no such user here", SUPPRESS),
        (Step.RCPT, "551 user not local", SUPPRESS),
        (Step.RCPT, "553 sorry, that is no mailbox", SUPPRESS),
        (Step.RCPT, "556 domain takes no mail", SUPPRESS),
        (Step.RCPT, "550 <blocked-spam-list@policy.example.org>: unknown", SUPPRESS),
        (Step.RCPT, "550 relay not permitted", ALERT),
        (Step.RCPT, "553 sorry, that domain is not in my list; relaying denied", ALERT),
        (Step.RCPT, "550 Sender verify failed", ALERT),
        (Step.RCPT, "550 your address is listed at zen.spamhaus.org, blocked", ALERT),
        (Step.RCPT, "550 authentication required", ALERT),
        (Step.RCPT, "554 Client host rejected", ALERT),
        (Step.RCPT, "550 mailbox is full", NOTHING),
        (Step.RCPT, "554 transaction failed", NOTHING),
        (Step.DOT, "550 no", NOTHING),
        # 5.7.x: policy, which is ours
        (Step.RCPT, "550 5.7.1 Relaying denied", ALERT),
        (Step.RCPT, "554 5.7.1 <ann@example.org>: Recipient address rejected: Access denied", ALERT),
        (Step.RCPT, "550 5.7.515 Access denied, sending domain does not meet the required authentication level", ALERT),
        (Step.DOT, "550 5.7.1 looks like spam", ALERT),
        (Step.DATA, "554 5.7.1 not today", ALERT),
        (Step.DOT, "554 rejected as spam", ALERT),
        # the message itself
        (Step.DOT, "552 5.3.4 Message size exceeds fixed limit", ALERT),
        (Step.MAIL, "552 5.3.4 too large", ALERT),
        (Step.DOT, "552 too much", ALERT),
        (Step.DOT, "554 5.6.0 Message contains a bare LF", ALERT),
        (Step.DOT, "554 5.3.0 something else", NOTHING),
        # slower
        (Step.MAIL, "421 4.7.0 Error: too many connections", SLOW),
        (Step.RCPT, "421 come back later", SLOW),
        (Step.DOT, "451 4.7.28 unusual rate of mail", SLOW),
        (Step.RCPT, "450 4.7.1 rate limited", SLOW),
        (Step.MAIL, "451 4.3.2 System not accepting network messages", SLOW),
        (Step.MAIL, "451 4.4.5 congestion", SLOW),
        # only patience
        (Step.RCPT, "451 4.7.1 Greylisting in action, please come back later", NOTHING),
        (Step.RCPT, "450 4.2.0 <ann@example.org>: Recipient address rejected: Greylisted", NOTHING),
        (Step.RCPT, "450 4.1.1 unverified address", NOTHING),
        (Step.RCPT, "452 4.2.2 over quota", NOTHING),
        (Step.DOT, "451 4.3.0 disk", NOTHING),
        (Step.DOT, "250 2.0.0 Ok", NOTHING),
    ],
)
def test_the_table(step: Step, said: str, expected: str) -> None:
    found = consequences(outcome(step, said))
    assert kind(found) == expected
    if found.suppress:
        assert found.suppress == f"hard bounce: {said}"
    if found.alert:
        assert said in found.alert
        assert ":" in found.alert.removesuffix(said)


@pytest.mark.parametrize("state", [State.UNKNOWN, State.DEFERRED, State.REFUSED, State.ACCEPTED])
@pytest.mark.parametrize("text", ["5.1.1 no such user", "4.7.0 slow down", "blocked"])
def test_without_a_reply_nothing_follows(state: State, text: str) -> None:
    assert consequences(Outcome(state, None, text, Step.RCPT)) == Consequences()


@given(st.sampled_from(Step), st.integers(400, 599), st.text(max_size=80), st.sampled_from(["", "5.1.1 ", "5.7.1 "]))
@settings(deadline=None, max_examples=300)
def test_nobody_is_suppressed_for_policy_or_for_now(step: Step, code: int, words: str, enhanced: str) -> None:
    judged = outcome(step, f"{code} {enhanced}{words}")
    found = consequences(judged)
    assert kind(found) in (SUPPRESS, ALERT, SLOW, NOTHING)
    if judged.state is State.DEFERRED or judged.enhanced.startswith("5.7."):
        assert not found.suppress


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (550, "5.1.1 no such user", "5.1.1"),
        (550, "5.7.515 Access denied", "5.7.515"),
        (550, "#5.1.0 Address rejected.", "5.1.0"),
        (550, "(5.2.1) disabled", "5.2.1"),
        (250, "2.0.0 Ok", "2.0.0"),
        (450, "5.1.1 not of this class", ""),
        (550, "no such user", ""),
        (550, "see 5.1.1", ""),
        (550, "5.1.1.1 is no code", ""),
        (550, "5.1.1234", ""),
        (550, "", ""),
        (-1, "5.1.1", ""),
    ],
)
def test_enhanced_codes(code: int, text: str, expected: str) -> None:
    assert replies.enhanced_code(code, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.0.0 Ok: queued as 4F3B21C0A2", "4F3B21C0A2"),  # Postfix
        ("2.0.0 Ok: queued as 4XyZ1b2Qk3z9tRs.", "4XyZ1b2Qk3z9tRs"),
        ("2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 9A8B7C", "9A8B7C"),
        ("Ok: queued as Vg-3hXkPQ4ew0F4mPfNy_g", "Vg-3hXkPQ4ew0F4mPfNy_g"),
        ("OK id=1rQ2xY-0004Lw-2c", "1rQ2xY-0004Lw-2c"),  # Exim
        ("2.0.0 49JKxyz1012345 Message accepted for delivery", "49JKxyz1012345"),  # Sendmail
        ("2.0.0 8a7b6c5d Message accepted for delivery", "8a7b6c5d"),  # OpenSMTPD
        ("2.6.0 <a@b> [InternalId=123456789, Hostname=x.example] Queued mail for delivery", "123456789"),  # Exchange
        ("2.0.0 OK  1700000000 d2e1a72fcca58-6c4cb1de0f2si123.45 - gsmtp", "d2e1a72fcca58-6c4cb1de0f2si123.45"),
        ("ok 1700000000 qp 12345", "12345"),  # qmail
        (
            "Ok 0102018c1a2b3c4d-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9-000000",
            "0102018c1a2b3c4d-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9-000000",
        ),  # Amazon SES
        ("2.0.0 Ok", ""),
        ("Message accepted for delivery", ""),
        ("Great success", ""),
        ("queued as <script>", ""),
    ],
)
def test_queue_ids(text: str, expected: str) -> None:
    assert replies.queue_id(text) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4.2.0 Greylisted, try again in 5 minutes", 300),
        ("4.7.1 retry in 300 seconds", 300),
        ("Please wait 1 hour", 3600),
        ("please wait an hour", 3600),
        ("try again in one minute", 60),
        ("4.2.0 Sender address rejected: Greylisted for 300 sec.", 300),
        ("Greylisting in action, please come back in 00:05:00", 300),
        ("graylisted, come back after 90s", 90),
        ("too many messages; Try Again after 2 hrs", 7200),
        ("wait 99999 hours", 86_400),
        ("try again later", None),
        ("try again as soon as you can", None),
        ("try again, see RFC 5321 section 4.5.4.1", None),
        ("Greylisted, see http://example.org/help/3.html", None),
        ("4.4.5 too many messages in 5 minutes", None),
        ("wait 0 seconds", None),
        ("", None),
    ],
)
def test_the_relays_own_patience(text: str, seconds: int | None) -> None:
    assert replies.retry_after(text) == (None if seconds is None else timedelta(seconds=seconds))


@given(st.text(max_size=500))
@settings(deadline=None, max_examples=200)
def test_any_words_can_be_read(text: str) -> None:
    wait = replies.retry_after(text)
    assert wait is None or timedelta(0) < wait <= replies.LONGEST_WAIT
    assert len(replies.queue_id(text)) <= 100
    assert len(replies.enhanced_code(550, text)) <= 9


@pytest.mark.parametrize(
    "text", ["wait " * 100, "a" * 500, "queued as " + "a-" * 245, "1:" * 250, "try again " + " " * 490]
)
def test_no_words_take_long_to_read(text: str) -> None:
    # 500 characters are kept of a reply; a pattern that backtracks without end would be stopped by the test's timeout.
    for _ in range(200):
        replies.retry_after(text)
        replies.queue_id(text)
        consequences(Outcome(State.REFUSED, 550, text, Step.RCPT))
