"""Who is due, which days a digest spans, and when to try again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model import Outcome, Rhythm, State, Status, Subscriber
from newsletter.policy import due, retry
from newsletter.policy.address import normal_address

MONDAY, FRIDAY, SATURDAY = date(2025, 3, 10), date(2025, 3, 14), date(2025, 3, 15)
NOW = datetime(2025, 3, 12, 7, tzinfo=UTC)


def reader(rhythm: Rhythm = Rhythm.DAILY, status: Status = Status.ACTIVE) -> Subscriber:
    return Subscriber("ada@example.org", rhythm=rhythm, status=status)


@pytest.mark.parametrize(
    ("rhythm", "day", "expected"),
    [
        (Rhythm.DAILY, SATURDAY, True),
        (Rhythm.WEEKDAYS, FRIDAY, True),
        (Rhythm.WEEKDAYS, SATURDAY, False),
        (Rhythm.WEEKLY, MONDAY, True),
        (Rhythm.WEEKLY, FRIDAY, False),
    ],
)
def test_rhythm_decides_the_days(rhythm: Rhythm, day: date, expected: bool) -> None:
    decision = due.due(reader(rhythm), day)
    assert decision.due is expected
    assert decision.why


@pytest.mark.parametrize("status", [Status.PENDING, Status.PAUSED, Status.LEFT])
def test_only_active_readers_are_due(status: Status) -> None:
    decision = due.due(reader(status=status), MONDAY)
    assert not decision.due
    assert status in decision.why


def test_weekly_readers_read_on_the_day_that_is_set() -> None:
    assert due.due(reader(Rhythm.WEEKLY), FRIDAY, weekly_on=4).due


def test_a_span_begins_after_the_last_digest() -> None:
    last = FRIDAY - timedelta(days=3)
    assert due.span_start(reader(), FRIDAY, last=last, look_back=7) == last


def test_a_first_digest_holds_its_own_day_and_a_first_weekly_one_a_week() -> None:
    assert due.span_start(reader(), FRIDAY, last=None, look_back=7) == FRIDAY - timedelta(days=1)
    assert due.span_start(reader(Rhythm.WEEKLY), FRIDAY, last=None, look_back=7) == FRIDAY - timedelta(days=7)


def test_the_look_back_bounds_a_span() -> None:
    assert due.span_start(reader(), FRIDAY, last=date(2024, 1, 1), look_back=7) == FRIDAY - timedelta(days=7)


@given(
    last=st.none() | st.dates(date(2025, 1, 1), date(2025, 12, 31)),
    day=st.dates(date(2025, 1, 1), date(2025, 12, 31)),
    look_back=st.integers(1, 60),
    rhythm=st.sampled_from(Rhythm),
)
def test_a_span_is_bounded_and_holds_its_own_day_unless_the_reader_has_had_that(
    last: date | None, day: date, look_back: int, rhythm: Rhythm
) -> None:
    start = due.span_start(reader(rhythm), day, last=last, look_back=look_back)
    assert day - timedelta(days=due.reach(rhythm, look_back)) <= start <= day
    assert (start == day) == (last is not None and last >= day)


def test_an_accepted_message_is_settled() -> None:
    decision = retry.after(Outcome(State.ACCEPTED, 250, "ok"), attempt=1, now=NOW)
    assert decision == retry.Decision(State.ACCEPTED, "", None)


def test_a_refusal_is_final_and_keeps_the_relays_words() -> None:
    decision = retry.after(Outcome(State.REFUSED, 550, "5.1.1 no such user"), attempt=1, now=NOW)
    assert decision == retry.Decision(State.REFUSED, "5.1.1 no such user", None)


def test_waits_double_up_to_four_hours_and_end() -> None:
    deferred = Outcome(State.DEFERRED, 451, "later")
    decisions = [retry.after(deferred, attempt=attempt, now=NOW) for attempt in range(1, 9)]
    waits = [decision.next_at - NOW for decision in decisions if decision.next_at]
    assert waits == [timedelta(minutes=m) for m in (5, 10, 20, 40, 80, 160, 240)]
    assert decisions[-1].state is State.REFUSED
    assert "8 attempts" in decisions[-1].reason


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" Ada@Example.ORG ", "ada@example.org"),
        ("root@mailhost", "root@mailhost"),
        ("jörg@müller.example", "jörg@müller.example"),
    ],
)
def test_addresses_are_kept_in_one_form(written: str, kept: str) -> None:
    assert normal_address(written) == kept


@pytest.mark.parametrize(
    "wrong", ["", "ada", "ada@", "@example.org", "a b@example.org", "ada@exa mple.org", "a\r\nb@c.d"]
)
def test_what_is_no_address_is_refused_in_one_sentence(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        normal_address(wrong)


@given(st.text(max_size=40))
def test_an_address_once_normal_stays_so(text: str) -> None:
    try:
        once = normal_address(text)
    except ValueError:
        return
    assert normal_address(once) == once
