"""What a language model wrote about a paper: fit to be shown, or not.

The abstract that it read is a stranger's text, and may have told it what to write. So whatever could lead a reader
anywhere, look like anything but a sentence, or claim a number that the paper does not, makes the whole answer unfit:
a summary with a hole in it is no better than none.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from newsletter.text.clean import clean
from newsletter.text.latex import to_text

LEAST_BYTES, MOST_CHARACTERS = 48, 500
"""A Chinese character says as much as three Latin letters, so what is too short is counted in bytes of UTF-8."""

_MOST_READ = 20_000
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_LABEL = re.compile(r"\A(?:(?:here is|here’s|here's) [^:.]{0,60}:|(?:summary|tl;?dr)\s*:)\s*", re.IGNORECASE)
_EMPHASIS = re.compile(r"\*\*|__|`+")
_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»", "'": "'"}

# A host ends in letters; "e.g." and "3.5x" are none. Mail programs make links of hosts without any http before them.
_ADDRESS = re.compile(r"://|\bwww\.|\b(?:mailto|javascript|data|tel):|[\w-]\.[^\W\d_]{2,}", re.IGNORECASE)
_MARKUP = re.compile(r"[<>\\{}|]|\]\s*\(|&#?\w+;|^\s*(?:#|[-*•]\s)")
_REFUSAL = re.compile(
    r"(?i)\A\W*(?:i(?:’|')?m (?:sorry|unable|not able)|i (?:am sorry|am unable|cannot|can(?:’|')?t|apologi[sz]e)|"
    r"sorry\b|unfortunately, i|as an? (?:ai|language model)|(?:ich kann|es tut mir leid))"
)
_NUMBER = re.compile(r"(?:(?<![\w.])\.)?\d+(?:[.,]\d+)*")
_COUNTED = "two three four five six seven eight nine ten eleven twelve".split()
_LONG_WORD = re.compile(r"[^\W\d_]{5,}")
_STEM, _AT_HOME = 5, 0.25
"""A word is known by its first letters; so many of the longer words have to be the paper's."""


class UnfitError(ValueError):
    """The answer cannot be shown; the message says why, in words that hold nothing of the answer."""


def vetted(answer: str, title: str, abstract: str) -> str:
    """The summary in `answer`, one line of plain text of at most MOST_CHARACTERS, about the paper of this `title` and
    `abstract` (readable text, no TeX).

    A model's thoughts before it, a label like "Summary:", quotes around it and signs of emphasis are taken off. Raises
    UnfitError for what holds markup, an address, or a number that neither title nor abstract has ("three" and 3 are
    the same); for refusals; for what is too long, too short, or has hardly a word of the paper's.
    """
    text = _plain(answer)
    if len(text.encode("utf-8", "replace")) < LEAST_BYTES:
        raise UnfitError("it says nothing")
    if len(text) > MOST_CHARACTERS:
        raise UnfitError(f"it has more than {MOST_CHARACTERS} characters")
    if _REFUSAL.search(text):
        raise UnfitError("it is a refusal")
    compared = unicodedata.normalize("NFKC", text)
    if _MARKUP.search(compared):
        raise UnfitError("it holds markup")
    if _ADDRESS.search(compared):
        raise UnfitError("it holds an address")
    paper = unicodedata.normalize("NFKC", f"{title}\n{abstract}")
    if _numbers(compared) - _numbers(paper):
        raise UnfitError("it holds a number that the abstract does not")
    said, known = _stems(compared), _stems(paper)
    if said and len(said & known) < _AT_HOME * len(said):
        raise UnfitError("it has hardly a word of the abstract")
    return text


def _plain(answer: str) -> str:
    """`answer` as one line, without what stands around a summary; what is TeX in it is read, as cards will."""
    text = _THOUGHTS.sub("", answer[:_MOST_READ])
    text = _EMPHASIS.sub("", _LABEL.sub("", "".join(one for one in clean(text) if not _is_hidden(one))))
    text = " ".join(text.split())
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    # Once more, and it must not become anything else: what is shown is what was judged.
    text = to_text(text)
    if to_text(text) != text:
        raise UnfitError("it holds markup")
    return text


def _is_hidden(letter: str) -> bool:
    """Whether nobody sees it: it could take an address apart. Two that some scripts cannot be written without stay."""
    return unicodedata.category(letter) == "Cf" and letter not in "\u200c\u200d"


def _numbers(text: str) -> set[str]:
    """The numbers in `text`, however they are written: 1,000 and 1000, .50 and 0.5, two and 2."""
    found = {_number(one) for one in _NUMBER.findall(text)}
    words = set(re.findall(r"[^\W\d_]+", text.lower()))
    return found | {str(value) for value, word in enumerate(_COUNTED, start=2) if word in words}


def _number(written: str) -> str:
    plain = re.sub(r",(?=\d{3}(?:\D|\Z))", "", written).replace(",", ".")
    whole, _, rest = plain.partition(".")
    if "." in rest:
        return plain  # a version, an address of sections: as it stands
    value = Decimal("".join(str(unicodedata.digit(one)) if one != "." else one for one in plain))
    return f"{value.normalize():f}" if len(whole) < 30 else plain


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _LONG_WORD.findall(text.lower())}
