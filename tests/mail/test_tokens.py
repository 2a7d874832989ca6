"""Tokens: nobody can make one up, and old ones stay good."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import Signer

from newsletter.mail.tokens import Tokens

TOKENS = Tokens(["new key", "old key"])
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
