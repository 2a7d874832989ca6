"""What readers type: everything is read or refused in a sentence, and nothing raises."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model import Rhythm
from newsletter.policy.disposable import is_disposable
from newsletter.subscribing.preferring import LONGEST_PAUSE, paused_until
from newsletter.subscribing.signing_up import address_asked
from newsletter.subscribing.wishes import Faults, Typed, Wishes, wishes

TODAY = date(2025, 3, 12)
GOOD = Typed(["robots", "shells", "robots"], "Europe/Berlin", "21", "Weekly", "de")


def test_good_wishes() -> None:
    faults = Faults()
    assert wishes(GOOD, {"robots", "shells"}, faults) == Wishes(
        ("robots", "shells"), "Europe/Berlin", 21, Rhythm.WEEKLY, "de"
    )
    assert faults == {}


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text(max_size=10), max_size=3), st.text(), st.text(), st.text(), st.text())
def test_whatever_is_typed_becomes_a_wish_or_a_fault(
    topics: list[str], timezone: str, hour: str, rhythm: str, locale: str
) -> None:
    faults = Faults()
    wanted = wishes(Typed(topics, timezone, hour, rhythm, locale), {"robots"}, faults)
    assert faults.keys() <= {"topics", "timezone", "hour", "rhythm", "locale"}
    assert "topics" in faults or set(wanted.topics) <= {"robots"}
    assert 0 <= wanted.hour <= 23
    assert all(0 < len(sentence) < 200 for sentence in faults.values())


@settings(deadline=None, max_examples=200)
@given(st.text() | st.emails())
def test_an_address_is_normal_or_a_fault(text: str) -> None:
    faults = Faults()
    address = address_asked(text, faults)
    assert bool(address) is not ("address" in faults) or is_disposable(address)
    if address:
        assert address_asked(address, Faults()) == address


@pytest.mark.parametrize(
    ("address", "thrown_away"),
    [
        ("a@mailinator.com", True),
        ("a@deep.below.mailinator.com", True),
        ("a@notmailinator.org", False),
        ("a@mailinator.com.example.org", False),
        ("a@xmailinator.com", False),
        ("a@com", False),
        ("a@uni-bonn.de", False),
    ],
)
def test_mailboxes_that_are_thrown_away(address: str, thrown_away: bool) -> None:
    assert is_disposable(address) is thrown_away
    faults = Faults()
    address_asked(address, faults)
    assert ("thrown away" in faults.get("address", "")) is thrown_away


@settings(deadline=None, max_examples=100)
@given(st.dates())
def test_a_pause_lasts_from_tomorrow_to_a_year(day: date) -> None:
    if TODAY < day <= TODAY + LONGEST_PAUSE:
        assert paused_until(day.isoformat(), TODAY) == day
    else:
        with pytest.raises(ValueError, match="a pause may end"):
            paused_until(day.isoformat(), TODAY)


@pytest.mark.parametrize("text", ["", "soon", "2025-02-30", "٢٠٢٥-٠٤-٠١", "0000-01-01"])
def test_the_end_of_a_pause_is_a_date(text: str) -> None:
    with pytest.raises(ValueError, match=f"is not a date like {TODAY + timedelta(days=1)}"):
        paused_until(text, TODAY)
