"""`clean`: what could break a reader is gone, everything else is untouched."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.text import clean

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=300)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("plain text, 20% & <b>", "plain text, 20% & <b>"),
        ("a\nb\tc\r\nd", "a b c d"),
        ("a\x00b\x07c\x85d\x9fe", "abc de"),
        ("lone \ud800 surrogate \udfff", "lone surrogate"),
        ("non\ufffe\uffff\ufdd0\U0001ffffcharacters", "noncharacters"),
        ("private \ue000\uf8ff use", "private use"),
        ("over\u202eride \u2066iso\u2069late", "override isolate"),
        ("marks\u200e stay\u200f", "marks\u200e stay\u200f"),
        ("no\u00a0break   space ", "no break space"),
        ("e\u0301", "é"),
        ("\u2028line\u2029", "line"),
        ("", ""),
    ],
)
def test_clean(raw: str, expected: str) -> None:
    assert clean(raw) == expected


@given(ANY_TEXT)
@settings(deadline=None, max_examples=300)
def test_result_is_well_formed(raw: str) -> None:
    text = clean(raw)
    text.encode()  # no surrogates
    assert unicodedata.is_normalized("NFC", text)
    assert text == " ".join(text.split())
    assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cs") or "\ue000" <= char <= "\uf8ff"]
    assert clean(text) == text


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S")), max_size=300))
@settings(deadline=None, max_examples=200)
def test_visible_text_is_only_normalised(raw: str) -> None:
    assert clean(raw) == unicodedata.normalize("NFC", raw)


def test_marks_in_a_row_are_limited() -> None:
    start = time.process_time()
    text = clean("a" + "\u0301\u0323" * 50_000)
    assert time.process_time() - start < 1  # ordering them all would take many seconds
    assert len(text) <= 32
    assert clean("e\u0301\u0323") == "ẹ\u0301"
