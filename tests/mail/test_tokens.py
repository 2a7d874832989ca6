"""Tokens: nobody can make one up, and old ones stay good."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from itsdangerous import Signer

from newsletter.mail.tokens import Tokens

TOKENS = Tokens(["new key", "old key"])
DAY = date(2025, 3, 12)
ROWS = st.integers(min_value=1, max_value=2**63 - 1)
DAYS = st.dates()
CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.= "


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=2**63 - 1))
def test_a_token_reads_back(subscriber_id: int) -> None:
    token = TOKENS.leave(subscriber_id)
    assert TOKENS.read_leave(token) == subscriber_id
    assert token.isascii()
    assert len(token) < 70


def test_keys_can_be_changed() -> None:
    before = Tokens(["old key"]).leave(7)
    assert TOKENS.read_leave(before) == 7
    assert TOKENS.leave(7) != before
    assert TOKENS.leave(7) == Tokens(["new key"]).leave(7)
    assert Tokens(["new key"]).read_leave(before) is None


@settings(deadline=None, max_examples=300)
@given(st.text())
def test_nothing_made_up_is_believed(token: str) -> None:
    assert TOKENS.read_leave(token) is None


def test_no_other_spelling_is_believed() -> None:
    token = TOKENS.leave(12)
    for index in range(len(token)):
        assert TOKENS.read_leave(token[:index]) is None
        assert TOKENS.read_leave(token[:index] + token[index + 1 :]) is None
        for character in CHARACTERS:
            changed = token[:index] + character + token[index + 1 :]
            assert changed == token or TOKENS.read_leave(changed) is None
    for wrapped in (
        f" {token}",
        f"{token}\n",
        f"0{token}",
        f"{token}=",
        f"{token}.{token}",
        f"-{token}",
        f"１{token[1:]}",
    ):
        assert TOKENS.read_leave(wrapped) is None
    _, _, signature = token.partition(".")
    assert TOKENS.read_leave(f"13.{signature}") is None


def test_a_token_for_another_purpose_is_worthless() -> None:
    other = Signer("new key", salt="newsletter.confirm", key_derivation="hmac").sign("7").decode()
    assert TOKENS.read_leave(other) is None


@pytest.mark.parametrize("nothing", [None, "", ".", "7", "7.", ".x", "None"])
def test_nothing_is_nobody(nothing: str | None) -> None:
    assert TOKENS.read_leave(nothing) is None


@pytest.mark.parametrize("keys", [[], [""], ["good", ""]])
def test_there_must_be_a_key(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="secret key"):
        Tokens(keys)


@settings(deadline=None)
@given(ROWS)
def test_tokens_for_links_are_for_one_purpose_only(subscriber_id: int) -> None:
    leave, preferences = TOKENS.leave(subscriber_id), TOKENS.preferences(subscriber_id)
    assert TOKENS.read_preferences(preferences) == subscriber_id
    assert TOKENS.read_preferences(leave) is None
    assert TOKENS.read_leave(preferences) is None
    assert TOKENS.read_preferences(preferences[:-1]) is None
    assert Tokens(["new key"]).read_preferences(Tokens(["old key"]).preferences(subscriber_id)) is None
    assert TOKENS.read_preferences(Tokens(["old key"]).preferences(subscriber_id)) == subscriber_id


def test_the_links_that_are_out_still_work() -> None:
    """What these keys signed once is signed for ever."""
    assert TOKENS.leave(7) == "7.IcibGFc-hoMmGkMTy6LkjJc0qyk81hRz4s4Mnuky5GU"
    assert TOKENS.bounce(7, DAY) == "4lycnsateehscx6yqt2hviqa7icw5ufkmmrtrcar"


@settings(deadline=None)
@given(ROWS, DAYS)
@example(2**63 - 1, date.max)
@example(1, date.min)
def test_a_bounce_token_reads_back_and_fits_a_local_part(subscriber_id: int, day: date) -> None:
    token = TOKENS.bounce(subscriber_id, day)
    assert TOKENS.read_bounce(token) == (subscriber_id, day)
    assert token == TOKENS.bounce(subscriber_id, day)
    assert re.fullmatch(r"[a-z2-7]{40}", token)
    assert len(f"bounces+{token}") <= 64


@settings(deadline=None)
@given(ROWS, DAYS, st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
def test_mail_systems_may_change_the_case_of_a_bounce_token(
    subscriber_id: int, day: date, change: Callable[[str], str]
) -> None:
    assert TOKENS.read_bounce(change(TOKENS.bounce(subscriber_id, day))) == (subscriber_id, day)


def test_bounce_tokens_survive_a_change_of_keys() -> None:
    before = Tokens(["old key"]).bounce(7, DAY)
    assert TOKENS.read_bounce(before) == (7, DAY)
    assert TOKENS.bounce(7, DAY) != before
    assert Tokens(["new key"]).read_bounce(before) is None


def test_a_bounce_token_shows_neither_reader_nor_day() -> None:
    """Neighbours look as different as strangers: nothing of the plain octets stays in place."""
    tokens = [TOKENS.bounce(number, DAY) for number in range(1, 200)] + [TOKENS.bounce(7, date(2025, 3, 13))]
    octets = [base64.b32decode(token.upper()) for token in tokens]
    assert len(set(octets)) == 200
    for place in range(25):
        assert len({one[place] for one in octets}) > 60


def test_no_other_spelling_of_a_bounce_token_is_believed() -> None:
    token = TOKENS.bounce(12, DAY)
    for index in range(len(token)):
        assert TOKENS.read_bounce(token[:index]) is None
        assert TOKENS.read_bounce(token[:index] + token[index + 1 :]) is None
        for character in CHARACTERS:
            changed = token[:index] + character + token[index + 1 :]
            assert changed.lower() == token or TOKENS.read_bounce(changed) is None
    for wrapped in (f" {token}", f"{token}\n", f"{token}=", token + token):
        assert TOKENS.read_bounce(wrapped) is None
    kelvin = next(made for number in range(1, 99) if "k" in (made := TOKENS.bounce(number, DAY)))
    assert TOKENS.read_bounce(kelvin.replace("k", "\u212a")) is None  # its lower case is a k


@settings(deadline=None, max_examples=300)
@given(st.text() | st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=40, max_size=40))
@example("a" * 40)
def test_no_made_up_bounce_token_is_believed(token: str) -> None:
    assert TOKENS.read_bounce(token) is None


def test_no_bounce_token_is_nobody() -> None:
    assert TOKENS.read_bounce(None) is None
    assert TOKENS.read_bounce(TOKENS.leave(7)) is None
    with pytest.raises(OverflowError):
        TOKENS.bounce(-1, DAY)
