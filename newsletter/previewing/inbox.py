"""The line of an inbox: sender, subject and the beginning of the message, cut as clients cut them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

ELLIPSIS = "…"

_SPACE = re.compile(r"[ \t\r\n\f]+")
_BLANK = " \t\r\n\f\u00a0\u00ad\u034f\u2007\u200b\u200c\u200d\u2060\ufeff" + ELLIPSIS
_ENOUGH = 2_000
"""Characters to look at; no inbox shows more."""


@dataclass(frozen=True, slots=True)
class Client:
    """How much an inbox shows, in columns: one for a Latin letter, two for a Chinese character.

    `subject` and `preview` are the most that is shown of each; `line`, if any, is what both share. `from_text` says
    that the preview comes from the text part. Real lines are cut by pixels, so the last few columns are a guess.
    """

    name: str
    subject: int
    preview: int
    line: int | None
    from_text: bool
    source: str


CLIENTS = (
    Client(
        "Gmail on the web",
        *(70, 120, 120, False),
        source="@emailens/engine 0.9.6 measures about 70 characters of subject; the preview has the rest of the row",
    ),
    Client(
        "Gmail on a phone",
        *(40, 40, None, False),
        source="@emailens/engine 0.9.6 measures about 40 characters; the subject has a line, the preview one below it",
    ),
    Client(
        "Apple Mail",
        *(45, 140, None, False),
        source="its default is two lines of preview, on an iPhone about 70 characters each; the subject has one line",
    ),
    Client(
        "K-9, GMX and WEB.DE",
        *(40, 80, None, True),
        source="they take the preview from the text part (good-email-code, “preheader”); K-9 shows two lines of it",
    ),
)


@dataclass(frozen=True, slots=True)
class Line:
    """What `client` shows: the subject, and the preview as the part that is the preheader and what came in after it."""

    client: Client
    subject: str
    preheader: str
    rest: str
    whole_subject: bool

    @property
    def leak(self) -> str:
        """The readable part of `rest`: nothing if the filler after the preheader did its work."""
        return self.rest.strip(_BLANK)


def lines(subject: str, preheader: str, body: str, text: str) -> list[Line]:
    """Every client's line. `body` are the words of the HTML part, hidden ones too, `text` those of the text part."""
    return [_line(client, subject, preheader, text if client.from_text else body) for client in CLIENTS]


def _line(client: Client, subject: str, preheader: str, words: str) -> Line:
    cut_subject = cut(subject, client.subject)
    room = client.preview
    if client.line is not None:
        room = min(room, client.line - columns(cut_subject) - 3)  # " - " stands between them
    words, preheader = (_SPACE.sub(" ", one).strip(" ")[:_ENOUGH] for one in (words, preheader))
    meant = len(preheader) if words.startswith(preheader) else 0
    shown = cut(words, room)
    return Line(client, cut_subject, shown[:meant], shown[meant:], cut_subject == subject)


def cut(text: str, room: int) -> str:
    """`text` in at most `room` columns, with an ellipsis if that is not all; never inside one of its `clusters`."""
    if columns(text) <= room:
        return text
    kept, used = "", 0
    for cluster in clusters(text):
        used += columns(cluster)
        if used > room - 1:
            break
        kept += cluster
    return kept.rstrip(f" {ELLIPSIS}") + ELLIPSIS  # never two in a row


def columns(text: str) -> int:
    """How wide `text` is: clusters of several characters are as wide as their widest."""
    return sum(max(map(_columns, cluster)) for cluster in clusters(text))


def clusters(text: str) -> Iterator[str]:
    """`text` in pieces that read as one character each: a letter with its accents, a flag, a family of emoji.

    The rules of UAX #29 (GB6 to GB13) as far as the standard library knows the characters: combining marks, variation
    selectors, emoji modifiers and tags, joiners, pairs of regional indicators, Hangul of single letters.
    """
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or not _joined(text, start, place):
            yield text[start:place]
            start = place


def _joined(text: str, start: int, place: int) -> bool:
    """Whether the character at `place` belongs to the cluster that began at `start`."""
    before, char = text[place - 1], text[place]
    if char == "\u200d" or unicodedata.category(char).startswith("M") or 0x1F3FB <= ord(char) <= 0x1F3FF:
        return True
    if 0xE0020 <= ord(char) <= 0xE007F:  # tags, as in the flag of Scotland
        return True
    if before == "\u200d":
        return unicodedata.category(char) == "So"
    if _regional(char) and _regional(before):
        return (place - start) % 2 == 1
    return "\u1100" <= before <= "\u11a7" and "\u1160" <= char <= "\u11ff"


def _regional(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
