"""Where sentences end, in the prose of abstracts."""

from __future__ import annotations

import re

_CLOSERS = "\"'”’»)\\]"
_END = re.compile(
    rf"[.!?…؟۔।]+[{_CLOSERS}]*(?=\s)"  # an end mark and a space
    r"|(?<=[a-z]{3})[.!?](?=[A-Z][A-Za-z]*,? )"  # the space was forgotten
    r"|[。！？｡]+[」』”’）]*"
)
_START = re.compile(r"[\"'“‘«(\[]*(?:\W?[^\W_a-z]|[a-z]+[A-Z0-9])")

# Never the end of a sentence.
_ABBREVIATIONS = frozenset(
    """
    e.g i.e eg ie fig figs eq eqs eqn sec secs sect tab vs cf viz ca approx resp w.r.t wrt thm lem cor prop def
    dr prof mr mrs ms st vol pp ref refs ch chap app ed eds nos incl esp dept univ a.k.a aka
    """.split()
)

# The end of a sentence only where the next word plainly opens one.
_AMBIGUOUS = frozenset("etc al i.i.d no inc ltd jr sr ph.d u.s u.k e.u a.m p.m".split())
_OPENERS = frozenset(
    """
    We Our The This These Those That In It Its However Here While When Although To For By As A An And But Finally
    First Second Moreover Furthermore Additionally Then Thus Hence Therefore They Such Despite Both Code Experiments
    Extensive Results Recent Existing On From With Using
    """.split()
)
_LONGEST_WORD = 40


def sentences(text: str) -> list[str]:
    """The sentences of `text` in order, stripped; together they hold every word of it. `[]` for blank text.

    Knows abbreviations (`e.g.`, `et al.`, `Fig. 3`), initials, decimals, addresses and numbered lists for what they
    are, and the end marks of Chinese, Japanese, Arabic, Urdu and Hindi.
    """
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        if end[0][0] not in "。！？｡" and not _ends_sentence(text, start, end):
            continue
        piece = text[start : end.end()].strip()
        if any(char.isalpha() for char in piece):
            found.append(piece)
            start = end.end()
    rest = text[start:].strip()
    if any(char.isalpha() for char in rest) or not found:
        return [*found, rest] if rest else found
    return [*found[:-1], f"{found[-1]} {rest}"] if rest else found


def _ends_sentence(text: str, start: int, end: re.Match[str]) -> bool:
    """Whether the marks matched as `end` close the sentence that begins at `start`."""
    after = text[end.end() : end.end() + _LONGEST_WORD].lstrip()
    if after and not _START.match(after):
        return False
    if end[0][0] in "!?؟۔।":
        return True
    word = text[max(start, end.start() - _LONGEST_WORD) : end.start()].split(" ")[-1].lstrip("(\"'“‘[")
    if word.lower() in _ABBREVIATIONS:
        return False
    is_initial = len(word) == 1 and word.isalpha() and word.isupper()
    if is_initial or word.lower() in _AMBIGUOUS:
        return not after or after.split(" ")[0].rstrip(",:") in _OPENERS
    # "1. Data. 2. Code." is a list: the number belongs to what follows.
    return not (word.isdigit() and len(word) <= 2 and text[start : end.start()].strip() == word)
