"""The first thing that happens to any text from outside."""

from __future__ import annotations

import re
import unicodedata

_SPACED_CONTROLS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")

# C0 and C1 controls; lone surrogates; private use (rendering marks its places with some of these); noncharacters;
# bidi embeddings, overrides and isolates, which can re-order a subject line (the marks U+200E and U+200F stay).
_UNWANTED = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ue000-\uf8ff\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)

MARKS_IN_A_ROW = 30
"""Most combining marks kept on one letter: the Stream-Safe Text Format of UAX #15, section 13."""

# Combining marks are neither word characters nor ASCII, so only such a run can hold too many of them.
_SUSPECT_RUN = re.compile(rf"[^\w\s\x00-\x7f]{{{MARKS_IN_A_ROW + 1},}}")


def clean(raw: str) -> str:
    """`raw` as one line of well-formed Unicode: what it says is unchanged, what could break a reader is gone.

    Line breaks and tabs become spaces; controls, NUL, lone surrogates, private-use characters, noncharacters and bidi
    overrides are dropped; the rest is NFC, with white space (no-break space among it) collapsed and stripped.
    Idempotent, never raises, time linear in the length.
    """
    if raw.isascii() and raw.isprintable():
        return " ".join(raw.split())
    text = _UNWANTED.sub("", _SPACED_CONTROLS.sub(" ", raw))
    # Ordering a run of marks is quadratic in its length (40,000 marks: 2 s), hence the limit before NFC; once more
    # after it because a few marks decompose into two.
    text = _SUSPECT_RUN.sub(_limit_marks, text)
    text = _SUSPECT_RUN.sub(_limit_marks, unicodedata.normalize("NFC", text))
    return " ".join(text.split())


def _limit_marks(run: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for char in run[0]:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= MARKS_IN_A_ROW:
            kept.append(char)
    return "".join(kept)
