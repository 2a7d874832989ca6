"""An edition ready to be addressed: the pieces of all its e-mails, and how one reader's is put together."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import chain, count

from newsletter.errors import CompositionError
from newsletter.model import TRENDING, Digest, Parts, Pick, ReaderLinks, Section
from newsletter.rendering import words
from newsletter.rendering.card import Card
from newsletter.rendering.checks import check_whole
from newsletter.rendering.fitting import fit
from newsletter.rendering.look import Look
from newsletter.rendering.pieces import Piece
from newsletter.rendering.weight import Weight
from newsletter.text import clean

VALUES = (
    "subject",
    "preheader",
    "filler",
    "date",
    "heading",
    "intro",
    "contents",
    "content",
    "left_out",
    "reason",
    "curators",
)
"""What the shells may show of one reader's digest, besides LINKS; "" where there is nothing to say."""

LINKS = ("unsubscribe", "topics", "web")

# Keeps an inbox from showing what follows a short preheader: figure space, zero-width no-break space, grapheme joiner.
_FILLER = "\u2007\ufeff\u034f "
_FILLED_PREHEADER, _MOST_FILLERS = 90, 40

_BLANK_LINES = re.compile(r"\n{3,}")
_ADDRESS = re.compile(r"(?:https?://|mailto:)\S+")


@dataclass(frozen=True, slots=True)
class Entry:
    """A pick in all its renderings."""

    card: Card
    html_card: str
    html_row: str
    text_card: Piece
    text_row: Piece
    words: int = field(init=False)
    card_weight: Weight = field(init=False)
    row_weight: Weight = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", self.card.words)
        object.__setattr__(self, "card_weight", Weight.of(self.html_card))
        object.__setattr__(self, "row_weight", Weight.of(self.html_row))


@dataclass(frozen=True, slots=True)
class Compiled:
    """The pieces of an edition; `compose` puts one reader's e-mail together. Made by `Renderer.compile`.

    `entries` are by (topic, paper), heads by the topic's slug.
    """

    look: Look
    topics: Mapping[str, str]
    shell: Piece
    text_shell: Piece
    heads: Mapping[str, Piece]
    text_heads: Mapping[str, Piece]
    also: Piece
    text_also: Piece
    entries: Mapping[tuple[str, str], Entry]

    def compose(self, digest: Digest, *, name: str, links: ReaderLinks) -> Parts:
        """One reader's parts. `name` may be "" or nonsense; it is greeted only if it reads as a name.

        Cards and rows are as many as fit the size budget, the rest is counted (`fitting.fit`); the text part and
        `Parts.papers` have the same papers in the same order. Takes well under a millisecond; deterministic.
        Raises CompositionError if the digest holds a pick that was not compiled or the result is not whole.
        """
        if strange := [pick for pick in digest.picks if (pick.topic, pick.paper) not in self.entries]:
            raise CompositionError(f"the paper {strange[0].paper} of the topic {strange[0].topic} was not compiled")
        said = self._words(digest, name) | _link_values(links)
        fitted = fit(
            digest,
            shell=Weight.of(self.shell.fill(_for_html(said))) + Weight.of(self.also.fill({"count": _papers(9_999)})),
            card=lambda pick: self._entry(pick).card_weight,
            row=lambda pick: self._entry(pick).row_weight,
            head=lambda section: Weight.of(self._head(section)),
        )
        if fitted is not digest:
            said = self._words(fitted, name) | _link_values(links)
        html = self.shell.fill(_for_html(said) | {"content": self._html_content(fitted)})
        text = self._text(fitted, said)
        addresses = [self._entry(pick).card.url for pick in fitted.picks]
        check_whole(
            html,
            text,
            unsubscribe=(escape(links.unsubscribe), links.unsubscribe),
            addresses=[(address.replace("&", "&amp;"), address) for address in addresses],
            size=Weight.of(html).total,
        )
        return Parts(said["subject"], said["preheader"], html, text, tuple(pick.paper for pick in fitted.picks))

    def _entry(self, pick: Pick) -> Entry:
        return self.entries[pick.topic, pick.paper]

    def _head(self, section: Section) -> str:
        return self.heads[section.slug].fill({"count": _papers(len(section.picks))})

    def _html_content(self, digest: Digest) -> str:
        pieces: list[str] = []
        for section in digest.sections:
            pieces.append(self._head(section))
            pieces += (self._entry(pick).html_card for pick in section.picks)
        if digest.also:
            pieces.append(self.also.fill({"count": _papers(len(digest.also))}))
            pieces += (self._entry(pick).html_row for pick in digest.also)
        return "".join(pieces)

    def _text(self, digest: Digest, said: Mapping[str, str]) -> str:
        pieces: list[str] = []
        numbers = map(str, count(1))
        for section in digest.sections:
            pieces.append(self.text_heads[section.slug].fill({"number": str(len(section.picks))}))
            pieces += (self._entry(pick).text_card.fill({"number": next(numbers)}) for pick in section.picks)
        if digest.also:
            pieces.append(self.text_also.fill({"number": str(len(digest.also))}))
            pieces += (self._entry(pick).text_row.fill({"number": next(numbers)}) for pick in digest.also)
        values = {key: value.replace("\u00a0", " ") for key, value in said.items()} | {"content": "".join(pieces)}
        text = _BLANK_LINES.sub("\n\n", self.text_shell.fill(values)).strip() + "\n"
        return _wrapped(text, self.look.text_width) if self.look.text_width else text

    def _words(self, digest: Digest, name: str) -> dict[str, str]:
        """The values of the shells that are sentences."""
        entries = [self._entry(pick) for pick in digest.picks]
        cards = [entry.card for entry in entries]
        titles = [card.title for card in cards]
        topics = list(dict.fromkeys(card.topic for card in cards if card.topic != self.topics[TRENDING]))
        preheader = words.preheader(titles, topics, cards[0].summary if cards else "", digest.considered)
        contents = [f"{self.topics[section.slug]}\u00a0({len(section.picks)})" for section in digest.sections]
        if digest.also:
            contents.append(f"Also new\u00a0({len(digest.also)})")
        return {
            "subject": words.subject(titles, digest.day),
            "preheader": preheader,
            "filler": _FILLER * min(max(0, _FILLED_PREHEADER - len(preheader)), _MOST_FILLERS),
            "date": f"{words.short_day(digest.day)} {digest.day.year}",
            "heading": words.heading(digest.day, digest.days, len(cards)),
            "intro": words.opening(clean(name), len(cards), digest.considered, sum(entry.words for entry in entries)),
            "content": "",
            "contents": " · ".join(contents) if len(digest.sections) > 1 else "",
            "left_out": words.left_out(digest.left_out),
            "reason": words.reason(digest.follows or topics, self.look.name),
            "curators": _curators(digest.curators),
        }


def _papers(number: int) -> str:
    return words.count(number, "paper").replace(" ", "\u00a0")


def _for_html(values: Mapping[str, str]) -> dict[str, str]:
    """The values fit for HTML text and quoted attributes."""
    return {key: escape(value) for key, value in values.items()}


def _link_values(links: ReaderLinks) -> dict[str, str]:
    return {"unsubscribe": links.unsubscribe, "topics": links.topics, "web": links.web or ""}


def _curators(names: Sequence[str]) -> str:
    cleaned = list(filter(None, dict.fromkeys(clean(name) for name in names)))
    return f"Curated by {words.listed(cleaned)}." if cleaned else ""


def _wrapped(text: str, width: int) -> str:
    """`text` wrapped at `width` characters; a line that is an address stays whole."""
    lines = (
        [line]
        if len(line) <= width or _ADDRESS.fullmatch(line)
        else textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )
    return "\n".join(chain.from_iterable(lines))
