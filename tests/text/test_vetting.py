"""What a language model wrote: shown as it was judged, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.text import clean, to_text
from newsletter.text.vetting import MOST_CHARACTERS, UnfitError, vetted

TITLE = "FooNet-2: Faster Networks"
ABSTRACT = (
    "We propose FooNet-2, a network of three parts that reaches 41.20% on ImageNet-1k and is 1,000 times faster. "
    "The recall@10 rises by .5 points at 3.5e6 steps."
)
GOOD = "FooNet-2 is a network of three parts that is 1,000 times faster."


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (GOOD, GOOD),
        (f"  {GOOD}\n", GOOD),
        (f"Summary: {GOOD}", GOOD),
        (f"Here is a short summary of the paper:\n\n“{GOOD}”", GOOD),
        (f"<think>17 ideas, http://x.example</think>\n{GOOD}", GOOD),
        (
            GOOD.replace("three", "**3**").replace("1,000", "`1000`"),
            GOOD.replace("three", "3").replace("1,000", "1000"),
        ),
        (
            r"\textbf{FooNet-2} is a network of three parts, much faster.",
            "FooNet-2 is a network of three parts, much faster.",
        ),
        ("FooNet-2 reaches 41.2% on ImageNet-1k, with 0.5 points of recall@10.",) * 2,
        (GOOD.replace("network", "net\u200bwork\u00ad"), GOOD),
    ],
)
def test_a_summary_is_shown_without_what_stands_around_it(answer: str, shown: str) -> None:
    assert vetted(answer, TITLE, ABSTRACT) == shown


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "says nothing"),
        ("A network.", "says nothing"),
        ("network " * 100, f"more than {MOST_CHARACTERS}"),
        ("I'm sorry, but I cannot help you with this paper about networks.", "refusal"),
        ("As an AI language model, I do not read papers about faster networks.", "refusal"),
        (f"{GOOD} See https://evil.example/x for the parts.", "address"),
        (f"{GOOD} See evil.example for the parts.", "address"),
        (f"{GOOD} See ｅｖｉｌ．ｅｘａｍｐｌｅ for the parts.", "address"),
        (f"{GOOD} See ev\u200bil.exam\u00adple for the parts.", "address"),
        (f"{GOOD} Write to boss@evil.example now.", "address"),
        (f"{GOOD} javascript:alert", "address"),
        (f"{GOOD} [parts](//evil)", "markup"),
        (f"{GOOD} <b>parts</b>", "markup"),
        (f"{GOOD} <script>alert(1)</script>", "markup"),
        (f"{GOOD} &lt;script&gt;", "markup"),
        (f"{GOOD} {{{{ reader.name }}}}", "address"),
        ("# FooNet-2\nis a network of three parts that is faster.", "markup"),
        (GOOD.replace("1,000", "2,000"), "a number"),
        (GOOD.replace("three", "four"), "a number"),
        (GOOD.replace("1,000", "1.000.000"), "a number"),
        ("The FooNet-2 network reaches 41.3% and is faster in its parts.", "a number"),
        ("The stock market fell yesterday because investors were in panic.", "hardly a word"),
    ],
)
def test_what_leads_somewhere_or_claims_too_much_is_not_shown(answer: str, why: str) -> None:
    with pytest.raises(UnfitError, match=why):
        vetted(answer, TITLE, ABSTRACT)


_SIGNS = r"< > http :// www. . evil com @ { } \ $ \href{ \url{ \textbf{ &lt; ]( [ * ` _ # ． <think> </think> “ ٣ ² 𝟙"
_PIECES = [*f"{_SIGNS} 1 41.2 three FooNet-2 network faster parts".split(), *' \n"\u200b\u202e\x00\ud800']


@given(st.lists(st.sampled_from(_PIECES), max_size=60).map("".join) | st.text(max_size=200))
@settings(max_examples=300)
def test_whatever_is_answered_what_is_shown_is_one_plain_line(answer: str) -> None:
    try:
        shown = vetted(f"{GOOD[:-1]} {answer}", TITLE, ABSTRACT)
    except UnfitError:
        return
    assert shown == clean(shown) == to_text(shown)
    assert len(shown) <= MOST_CHARACTERS
    assert not set(shown) & set("<>\\{}|\u200b\u202e")
    assert "://" not in shown
    assert "www." not in shown.lower()
    assert "evil.com" not in shown
