"""Tokens: nobody can make one up, and old ones stay good."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from itsdangerous import Signer

from newsletter.mail.tokens import CONFIRM_WITHIN, Tokens, row_of

TOKENS = Tokens(["new key", "old key"])
DAY = date(2025, 3, 12)
NOW = datetime(2025, 3, 12, 8, tzinfo=UTC)
ADA = "ada@example.org"
ROWS = st.integers(min_value=1, max_value=2**31 - 1)
DAYS = st.dates()
CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.= "


@settings(deadline=None)
@given(ROWS)
def test_a_token_reads_back(subscriber_id: int) -> None:
    token = TOKENS.leave(subscriber_id, ADA)
    assert row_of(token) == subscriber_id
    assert TOKENS.is_leave(token, subscriber_id, ADA)
    assert token.isascii()
    assert len(token) < 70


def test_no_row_is_beyond_what_a_database_counts() -> None:
    assert row_of(f"{2**31 - 1}.x") == 2**31 - 1
    assert row_of(f"{2**31}.x") is None
    assert row_of("9999999999999999999.x") is None


@settings(deadline=None)
@given(ROWS, st.emails(), st.emails())
def test_a_token_is_bound_to_the_address(subscriber_id: int, address: str, other: str) -> None:
    for make, believe in ((TOKENS.leave, TOKENS.is_leave), (TOKENS.preferences, TOKENS.is_preferences)):
        token = make(subscriber_id, address)
        assert believe(token, subscriber_id, address)
        assert believe(token, subscriber_id, other) is (address == other)
        assert not believe(token, subscriber_id + 1, address)
        assert not believe(token, subscriber_id, "")
        assert address not in token


def test_keys_can_be_changed() -> None:
    before = Tokens(["old key"]).leave(7, ADA)
    assert TOKENS.is_leave(before, 7, ADA)
    assert TOKENS.leave(7, ADA) != before
    assert TOKENS.leave(7, ADA) == Tokens(["new key"]).leave(7, ADA)
    assert not Tokens(["new key"]).is_leave(before, 7, ADA)


@settings(deadline=None, max_examples=300)
@given(st.text())
def test_nothing_made_up_is_believed(token: str) -> None:
    number = row_of(token) or 7
    assert not TOKENS.is_leave(token, number, ADA)
    assert not TOKENS.is_confirm(token, number, ADA, NOW)
    assert TOKENS.read_opinion(token, number, ADA) is None
    assert TOKENS.read_form(token) is None


@pytest.mark.parametrize(
    ("token", "believed"),
    [
        (TOKENS.leave(12, ADA), lambda token: TOKENS.is_leave(token, 12, ADA)),
        (TOKENS.opinion(12, ADA, "arxiv:2303.1"), lambda token: TOKENS.read_opinion(token, 12, ADA) is not None),
        (TOKENS.confirm(12, ADA, NOW), lambda token: TOKENS.is_confirm(token, 12, ADA, NOW)),
        (TOKENS.form(NOW), lambda token: TOKENS.read_form(token) is not None),
    ],
    ids=["leave", "opinion", "confirm", "form"],
)
def test_no_other_spelling_is_believed(token: str, believed: Callable[[str], bool]) -> None:
    assert believed(token)
    for index in range(len(token)):
        assert not believed(token[:index])
        assert not believed(token[:index] + token[index + 1 :])
        for character in CHARACTERS:
            changed = token[:index] + character + token[index + 1 :]
            assert changed == token or not believed(changed)
    for wrapped in (
        f" {token}",
        f"{token}\n",
        f"0{token}",
        f"{token}=",
        f"{token}.{token}",
        f"-{token}",
        f"１{token[1:]}",
    ):
        assert not believed(wrapped)
    _, _, rest = token.partition(".")
    assert not believed(f"13.{rest}")


def test_a_token_for_another_purpose_is_worthless() -> None:
    made = {
        "leave": TOKENS.leave(7, ADA),
        "preferences": TOKENS.preferences(7, ADA),
        "confirm": TOKENS.confirm(7, ADA, NOW),
        "opinion": TOKENS.opinion(7, ADA, "arxiv:1"),
        "form": TOKENS.form(NOW),
        "bounce": TOKENS.bounce(7, DAY),
    }
    believed = {
        "leave": lambda token: TOKENS.is_leave(token, 7, ADA),
        "preferences": lambda token: TOKENS.is_preferences(token, 7, ADA),
        "confirm": lambda token: TOKENS.is_confirm(token, 7, ADA, NOW),
        "opinion": lambda token: TOKENS.read_opinion(token, 7, ADA) is not None,
        "form": lambda token: TOKENS.read_form(token) is not None,
        "bounce": lambda token: TOKENS.read_bounce(token) is not None,
    }
    for purpose, token in made.items():
        assert [name for name, believes in believed.items() if believes(token)] == [purpose]


@pytest.mark.parametrize("nothing", [None, "", ".", "7", "7.", ".x", "None"])
def test_nothing_is_nobody(nothing: str | None) -> None:
    assert not TOKENS.is_leave(nothing, 7, ADA)
    assert row_of(nothing) in (None, 7)


@settings(deadline=None, max_examples=50)
@given(ROWS, st.text(min_size=1, max_size=80).filter(lambda text: text.isprintable()))
def test_an_opinion_names_its_paper(subscriber_id: int, paper: str) -> None:
    token = TOKENS.opinion(subscriber_id, ADA, paper)
    assert TOKENS.read_opinion(token, subscriber_id, ADA) == paper
    assert TOKENS.read_opinion(token, subscriber_id, "bea@example.org") is None
    assert TOKENS.read_opinion(token, subscriber_id + 1, ADA) is None
    assert TOKENS.read_opinion(Tokens(["old key"]).opinion(subscriber_id, ADA, paper), subscriber_id, ADA) == paper


def test_a_confirmation_ends_after_seven_days() -> None:
    token = TOKENS.confirm(7, ADA, NOW)
    for age, good in ((timedelta(), True), (CONFIRM_WITHIN, True), (CONFIRM_WITHIN + timedelta(seconds=1), False)):
        assert TOKENS.is_confirm(token, 7, ADA, NOW + age) is good
    # A clock that was set back since makes nobody sign up anew.
    assert TOKENS.is_confirm(token, 7, ADA, NOW - timedelta(minutes=5))
    assert not TOKENS.is_confirm(token, 7, "bea@example.org", NOW)
    later = TOKENS.confirm(7, ADA, NOW + timedelta(days=1))
    _, moment, _ = later.split(".")
    number, _, signature = token.split(".")
    assert not TOKENS.is_confirm(f"{number}.{moment}.{signature}", 7, ADA, NOW)


def test_a_form_tells_when_it_was_shown() -> None:
    assert TOKENS.read_form(TOKENS.form(NOW)) == NOW
    assert TOKENS.read_form(Tokens(["old key"]).form(NOW)) == NOW
    assert TOKENS.read_form(Tokens(["another"]).form(NOW)) is None
    for absurd in ("form..x", "form.AAAAAAAAAAAAAAAA.x", "form.____________.x", f"form.{'A' * 500}.x"):
        assert TOKENS.read_form(absurd) is None


@pytest.mark.parametrize("keys", [[], [""], ["good", ""]])
def test_there_must_be_a_key(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="secret key"):
        Tokens(keys)


def test_the_links_that_are_out_still_work() -> None:
    """What these keys signed once is signed for ever: before addresses were bound in, too."""
    assert TOKENS.is_leave("7.IcibGFc-hoMmGkMTy6LkjJc0qyk81hRz4s4Mnuky5GU", 7, ADA)
    assert not TOKENS.is_leave("7.IcibGFc-hoMmGkMTy6LkjJc0qyk81hRz4s4Mnuky5GU", 8, ADA)
    assert not TOKENS.is_preferences("7.IcibGFc-hoMmGkMTy6LkjJc0qyk81hRz4s4Mnuky5GU", 7, ADA)
    old = Signer("old key", salt="newsletter.preferences", key_derivation="hmac", digest_method=hashlib.sha256)
    assert TOKENS.is_preferences(old.sign("7").decode(), 7, ADA)
    assert TOKENS.leave(7, ADA) == "7.JyZMxJ4xEC2qZyPd4L1xrYlZQAf05EYynSmmMfMEoUw"
    assert TOKENS.bounce(7, DAY) == "4lycnsateehscx6yqt2hviqa7icw5ufkmmrtrcar"


@settings(deadline=None)
@given(ROWS, DAYS)
@example(2**31 - 1, date.max)
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
    assert TOKENS.read_bounce(TOKENS.leave(7, ADA)) is None
    with pytest.raises(OverflowError):
        TOKENS.bounce(-1, DAY)
