"""Messages that differ only in what is a reader's own: laid out once, then only filled.

`Stencils.lay` does once for all readers of a digest what `mime.build` does for one message; `Stencil.fill` puts in what
is one reader's own and joins. The bytes are those that `mime.build` makes.

Quoted-printable knows no context beyond a line (RFC 2045 section 6.7), so lines are encoded one by one and remembered:
a card has the same lines in every digest. Where the soft line breaks of a line fall hangs on lengths alone, as long as
all characters stand for themselves. So a layout is made with fillers that are as long as the readers' own values, and
where these come to lie, cut by soft breaks or not, the values of every reader do. The line that greets is the only one
whose length is a reader's own; it is encoded for each.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from html import escape
from typing import NamedTuple

from newsletter.mail import mime
from newsletter.mail.headers import CRLF
from newsletter.mail.mime import LARGEST_HTML, LONGEST_LINE, PRINTABLE, Letterhead
from newsletter.model import Parts, ReaderLinks

MOST_LINES = 50_000
"""Lines that are remembered; a day of sixty papers has about 3,000."""

FINAL_DOT = b".\r\n"
_SOFT = b"=\r\n"
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_TO = "\ue000to\ue001"


@dataclass(frozen=True, slots=True)
class Own:
    """What is one reader's own, ASCII but for `to`, a whole header field: `tokens` are those in the links, `message_id`
    is what tells the Message-ID from that of others of the day, without the `@` and what follows it."""

    to: bytes
    message_id: bytes
    boundary: bytes
    tokens: tuple[bytes, ...]

    @property
    def values(self) -> tuple[bytes, ...]:
        return (self.to, self.message_id, self.boundary, *self.tokens)


Hole = tuple[int, int, int | None]
"""Which of `Own.values`, and the slice of it that belongs here: a soft line break may part it."""

Greeted = Callable[[str, str, str], str]
"""Makes a line of what stands before the greeting, what stands behind it, and the greeting."""

Segment = tuple[bytes, bytes] | Hole
"""Octets as they are in the message and as the wire has them, with dots doubled; or a hole."""


@dataclass(frozen=True, slots=True)
class _Greeting:
    """A line with the greeting in it, which stands at `place`, in the text (`part` 0) or the HTML (1): `line` makes it
    of the greeting."""

    place: int
    line: Callable[[str], str]
    part: int


class Size(NamedTuple):
    """What a part of a message takes, in octets: as it is, of these how many end a line, and as quoted-printable."""

    raw: int = 0
    ends: int = 0
    encoded: int = 0

    def and_(self, text: bytes, encoded: bytes) -> Size:
        """With `text` besides, which is that when it is `encoded`."""
        return Size(self.raw + len(text), self.ends + text.count(b"\n"), self.encoded + len(encoded))

    @property
    def larger(self) -> int:
        return max(self.raw, self.encoded)

    @property
    def smaller_in_base64(self) -> bool:
        """Whether base64 is shorter: 78 octets for 57, with a CR for each line (RFC 2045 section 6.8)."""
        lines, rest = divmod(self.raw + self.ends, 57)
        return 78 * lines + (4 * -(-rest // 3) + 2 if rest else 0) < self.encoded


@dataclass(frozen=True, slots=True)
class Filled:
    """A message as the wire has it, its `size` without the dots that are doubled there, and `Message.html_size`;
    `content` is the message itself where it was asked for, else empty."""

    wire: bytes
    size: int
    html_size: int
    content: bytes = b""


@dataclass(slots=True)
class Stencil:
    """A message with holes: its `pieces`, those that are `stuffed` on the wire, by their places, and the places where
    each slice of a reader's own values belongs."""

    pieces: list[bytes] = field(default_factory=list)
    stuffed: dict[int, bytes] = field(default_factory=dict)
    holes: dict[Hole, list[int]] = field(default_factory=dict)
    greetings: list[_Greeting] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    """Of the text and of the HTML, without the lines that greet."""

    def fill(self, own: Own, greeting: str, *, whole: bool) -> Filled | None:
        """The message of one reader, `whole` with its content; None when it is one that `mime.build` encodes in another
        way or refuses."""
        pieces, values = self.pieces.copy(), own.values
        for (which, start, stop), places in self.holes.items():
            value = values[which][start:stop]
            for place in places:
                pieces[place] = value
        stuffed, sizes = self.stuffed, self.sizes.copy()
        for line in self.greetings:
            text = line.line(greeting).encode("utf-8", "replace")
            pieces[line.place] = octets = binascii.b2a_qp(text).replace(b"\n", b"\r\n")
            if (on_wire := _stuffed(octets)) != octets:
                stuffed = stuffed | {line.place: on_wire}
            sizes[line.part] = sizes[line.part].and_(text, octets)
        if any(size.smaller_in_base64 for size in sizes) or sizes[-1].larger > LARGEST_HTML:
            return None
        content = b"".join(pieces) if whole else b""
        dots = len(FINAL_DOT)
        for place, on_wire in stuffed.items():
            dots += len(on_wire) - len(pieces[place])
            pieces[place] = on_wire
        pieces.append(FINAL_DOT)
        wire = b"".join(pieces)
        return Filled(wire, len(wire) - dots, sizes[-1].larger, content)

    def add(self, segments: Iterable[Segment]) -> None:
        """Put `segments` behind what is there."""
        for segment in segments:
            place = len(self.pieces)
            if len(segment) == 2:
                self.pieces.append(segment[0])
                if segment[0] != segment[1]:
                    self.stuffed[place] = segment[1]
            else:
                self.holes.setdefault(segment, []).append(place)
                self.pieces.append(b"")

    def add_greeting(self, line: Callable[[str], str]) -> None:
        """Put a line behind what is there in which readers are greeted: what `line` makes of a greeting."""
        self.greetings.append(_Greeting(len(self.pieces), line, len(self.sizes)))
        self.pieces.append(b"")


class Stencils:
    """Lays out messages of one edition. `greeting` is what stands in their parts where readers are greeted."""

    def __init__(self, letterhead: Letterhead, date: datetime, one_click: bool, greeting: str) -> None:
        self._letterhead = letterhead
        self._date = date
        self._one_click = one_click
        self._greeting = greeting
        self._lines: dict[str, _Line] = {}
        self._open_lines: dict[tuple[str, bytes], _Line] = {}

    def lay(
        self, parts: Parts, links: ReaderLinks, filler: Own, message_id: str, wrapped: Callable[[str], str]
    ) -> Stencil | None:
        """The message of `parts`, whose links and Message-ID hold the values of `filler`. `wrapped` wraps a line of the
        text part that greets. None where the message is one that has to be built for each reader.

        What stands in `filler` must be as long as the readers' own, and nobody's guess. Raises ValueError when the
        head cannot be written.
        """
        boundary = f"=_{filler.boundary.decode()}"
        fields = mime.head(
            self._letterhead,
            subject=parts.subject,
            to=_TO,
            links=links,
            message_id=message_id,
            date=self._date,
            one_click=self._one_click,
        )
        values = (_TO.encode(), filler.message_id, filler.boundary, *filler.tokens)
        pattern = re.compile(b"|".join(b"(" + re.escape(value) + b")" for value in values))
        if max(map(len, CRLF.join(fields).split(CRLF))) > LONGEST_LINE:
            return None
        opened = [*fields, *mime.mime_head(boundary), "", f"--{boundary}", *mime.part_head("plain", PRINTABLE)]
        between = ["", f"--{boundary}", *mime.part_head("html", PRINTABLE)]
        made = Stencil()
        made.add(_cut(f"{CRLF.join(opened)}{CRLF}".encode(), pattern))

        def in_text(before: str, after: str, greeting: str) -> str:
            # A no-break space is one of HTML's; the text part has plain ones.
            return wrapped(before + greeting.replace("\u00a0", " ") + after)

        if not self._body(made, parts.text, pattern, in_text):
            return None
        made.add(_cut(f"{CRLF.join(between)}{CRLF}".encode(), pattern))
        if not self._body(made, parts.html, pattern, _in_html):
            return None
        made.add(_cut(f"{CRLF}--{boundary}--{CRLF}".encode(), pattern))
        return made

    def _body(self, made: Stencil, text: str, pattern: re.Pattern[bytes], greeted: Greeted) -> bool:
        """Put a part behind what is there, and its size; False where that cannot be done."""
        if "\r" in text:
            return False
        raw = ends = encoded = 0
        for line in _LINE.findall(text):
            if self._greeting in line:
                if line.count(self._greeting) > 1 or pattern.search(line.encode("utf-8", "replace")):
                    return False
                before, _, after = line.partition(self._greeting)
                made.add_greeting(partial(greeted, before, after))
                continue
            found = self._lines.get(line) or self._line(line, pattern)
            if found.plain is not None:
                made.pieces.append(found.plain)
            else:
                made.add(found.segments)
            raw += found.raw
            ends += line.endswith("\n")
            encoded += found.encoded
        made.sizes.append(Size(raw, ends, encoded))
        return True

    def _line(self, line: str, pattern: re.Pattern[bytes]) -> _Line:
        """A line that is new, or one with holes: these hang on the lengths of what goes there."""
        if found := self._open_lines.get((line, pattern.pattern)):
            return found
        made = _Line.of(line, pattern)
        for kept in (self._lines, self._open_lines):
            if len(kept) >= MOST_LINES:
                kept.clear()
        if any(len(segment) == 3 for segment in made.segments):
            self._open_lines[line, pattern.pattern] = made
        else:
            self._lines[line] = made
        return made


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a body, encoded, `plain` where it has neither a hole nor a dot to double; and how many octets it has
    before and after."""

    plain: bytes | None
    segments: tuple[Segment, ...]
    raw: int
    encoded: int

    @classmethod
    def of(cls, line: str, pattern: re.Pattern[bytes]) -> _Line:
        raw = line.encode("utf-8", "replace")
        encoded = binascii.b2a_qp(raw).replace(b"\n", CRLF.encode())
        segments = _cut(encoded, pattern)
        only = segments[0]
        plain = only[0] if len(segments) == 1 and len(only) == 2 and only[0] == only[1] else None
        return cls(plain, segments, len(raw), len(encoded))


def _in_html(before: str, after: str, greeting: str) -> str:
    return before + escape(greeting, quote=False) + after


def _cut(octets: bytes, pattern: re.Pattern[bytes]) -> tuple[Segment, ...]:
    """`octets`, which begin a line, with holes where `pattern` matches; a soft line break may part a hole in two."""
    if not pattern.search(octets.replace(_SOFT, b"")):
        return ((octets, _stuffed(octets)),)
    segments: list[Segment] = []
    literal, begins_line = b"", True

    def end_literal(following: bytes) -> None:
        """Put the literal behind what is there; a dot that begins a line and a hole is doubled before the hole."""
        nonlocal literal, begins_line
        wire = _stuffed(literal) if begins_line else literal.replace(b"\n.", b"\n..")
        if (literal.endswith(b"\n") or (begins_line and not literal)) and following.startswith(b"."):
            wire += b"."
        if literal or wire:
            segments.append((literal, wire))
        literal, begins_line = b"", False

    chunks = octets.split(_SOFT)
    plain = b"".join(chunks)
    holes = [(found.start(), found.end(), (found.lastindex or 1) - 1) for found in pattern.finditer(plain)]
    position = end = 0
    for number, chunk in enumerate(chunks):
        literal += _SOFT if number else b""
        end += len(chunk)
        while position < end:
            if holes and holes[0][0] <= position:
                start, over, which = holes[0]
                stop = min(end, over)
                end_literal(plain[position:stop])
                segments.append((which, position - start, None if stop == over else stop - start))
                if stop == over:
                    del holes[0]
            else:
                stop = min(end, holes[0][0]) if holes else end
                literal += plain[position:stop]
            position = stop
    end_literal(b"")
    return tuple(segments)


def _stuffed(octets: bytes) -> bytes:
    """`octets`, which begin a line, with dots doubled at the start of lines (RFC 5321 section 4.5.2)."""
    stuffed = octets.replace(b"\n.", b"\n..")
    return b"." + stuffed if octets.startswith(b".") else stuffed


def unstuffed(wire: bytes) -> bytes:
    """The message that is `wire` on the wire. None of ours begins with a dot."""
    return wire.removesuffix(FINAL_DOT).replace(b"\n..", b"\n.")
