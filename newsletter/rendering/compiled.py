"""An edition ready to be addressed: the pieces of all its e-mails, and how one reader's is put together."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass, field
from html import escape
from itertools import chain
from itertools import count as counting

from newsletter.errors import CompositionError
from newsletter.languages import Language
from newsletter.model import TRENDING, Digest, Parts, Pick, ReaderLinks, Reason
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
    "outside",
    "left_out",
    "left_out_on_web",
    "reason",
    "curators",
    "sources",
    "origin",
)
"""What the shells may show of one reader's digest, besides LINKS; "" where there is nothing to say."""

LINKS = ("unsubscribe", "topics", "web")

OWN_FRAMES = ("top", "also", "outside")
"""The sections that are not a topic's: the day's top pick, the compact list, and the paper from outside."""

# Keeps an inbox from showing what follows a short preheader: figure space, zero-width no-break space, grapheme joiner.
_FILLER = "\u2007\ufeff\u034f "
_FILLED_PREHEADER, _MOST_FILLERS = 90, 40

_BLANK_LINES = re.compile(r"\n{3,}")
_ADDRESS = re.compile(r"(?:https?://|mailto:)\S+")


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the `cards` of a section: its head, with a `count` in it."""

    html: Piece
    text: Piece


@dataclass(frozen=True, slots=True)
class Entry:
    """A pick in all its renderings."""

    card: Card
    html_card: str
    html_row: str
    text_card: Piece
    text_row: Piece
    card_words: int = field(init=False)
    row_words: int = field(init=False)
    card_weight: Weight = field(init=False)
    row_weight: Weight = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "card_words", self.card.words)
        object.__setattr__(self, "row_words", len(self.card.title.split()) + len(self.card.authors.split()))
        object.__setattr__(self, "card_weight", Weight.of(self.html_card))
        object.__setattr__(self, "row_weight", Weight.of(self.html_row))


@dataclass(frozen=True, slots=True)
class _Shown:
    """A section of one reader: the picks in their frame, and whether they are shown as rows."""

    frame: Frame
    count: str
    picks: tuple[Pick, ...]
    rows: bool = False


Key = tuple[str, str, tuple[Reason, ...]]


def key(pick: Pick) -> Key:
    """What the renderings of a pick depend on. The reasons may be a reader's own, and are nobody else's business."""
    return pick.topic, pick.paper, pick.reasons


@dataclass(frozen=True, slots=True)
class Compiled:
    """The pieces of an edition in one language; `compose` puts one reader's e-mail together. Made by
    `Renderer.compile`.

    `entries` are by what `key` says of a pick, `topics` (their names) and `frames` by slug, `own_frames` by their name.
    """

    look: Look
    language: Language
    topics: Mapping[str, str]
    shell: Piece
    text_shell: Piece
    frames: Mapping[str, Frame]
    own_frames: Mapping[str, Frame]
    entries: Mapping[Key, Entry]

    def compose(self, digest: Digest, *, name: str, links: ReaderLinks, mark: str = "") -> Parts:
        """One reader's parts. `name` may be "" or nonsense; it is greeted only if it reads as a name. `mark`
        stands before the subject.

        Cards and rows are as many as fit the size budget, the rest is counted (`fitting.fit`); the text part and
        `Parts.papers` have the same papers in the same order. Takes well under a millisecond; deterministic.
        Raises CompositionError if the digest holds a pick that was not compiled or the result is not whole.
        """
        if strange := [pick for pick in digest.picks if key(pick) not in self.entries]:
            raise CompositionError(f"the paper {strange[0].paper} of the topic {strange[0].topic} was not compiled")
        said = self._words(digest, name, links, mark)
        own_frames = (Weight.of(_filled(self.own_frames[name].html, "x" * 40, "")) for name in OWN_FRAMES)
        fitted = fit(
            digest,
            shell=sum(own_frames, Weight.of(self.shell.fill(_for_html(said)))),
            card=lambda pick: self._entry(pick).card_weight,
            row=lambda pick: self._entry(pick).row_weight,
            head=lambda section: Weight.of(_filled(self.frames[section.slug].html, self._papers(section.picks), "")),
        )
        if fitted is not digest:
            said = self._words(fitted, name, links, mark)
        html = self.shell.fill(_for_html(said) | self._html_content(fitted))
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
        return self.entries[key(pick)]

    def _papers(self, picks: Sized) -> str:
        return words.papers(self.language, len(picks)).replace(" ", "\u00a0")

    def _sections(self, digest: Digest) -> Iterator[_Shown]:
        """What is shown before the compact list's end, in order."""
        if digest.top:
            yield _Shown(self.own_frames["top"], self.topics[digest.top.topic], (digest.top,))
        for section in digest.sections:
            yield _Shown(self.frames[section.slug], self._papers(section.picks), section.picks)
        if digest.also:
            yield _Shown(self.own_frames["also"], self._papers(digest.also), digest.also, rows=True)

    def _outside(self, digest: Digest) -> Iterator[_Shown]:
        """What is shown after it."""
        if digest.outside:
            yield _Shown(self.own_frames["outside"], "", (digest.outside,))

    def _html_content(self, digest: Digest) -> dict[str, str]:
        def html(shown: _Shown) -> str:
            entries = map(self._entry, shown.picks)
            cards = "".join(entry.html_row if shown.rows else entry.html_card for entry in entries)
            return _filled(shown.frame.html, escape(shown.count), cards)

        return {
            "content": "".join(map(html, self._sections(digest))),
            "outside": "".join(map(html, self._outside(digest))),
        }

    def _text(self, digest: Digest, said: dict[str, str]) -> str:
        numbers = map(str, counting(1))

        def text(shown: _Shown) -> str:
            entries = map(self._entry, shown.picks)
            cards = (entry.text_row if shown.rows else entry.text_card for entry in entries)
            return _filled(
                shown.frame.text, shown.count, "".join(card.fill({"number": next(numbers)}) for card in cards)
            )

        content = {
            "content": "".join(map(text, self._sections(digest))),
            "outside": "".join(map(text, self._outside(digest))),
        }
        values = {key: value.replace("\u00a0", " ") for key, value in (said | content).items()}
        text_part = _BLANK_LINES.sub("\n\n", self.text_shell.fill(values)).strip() + "\n"
        return _wrapped(text_part, self.look.text_width) if self.look.text_width else text_part

    def _words(self, digest: Digest, name: str, links: ReaderLinks, mark: str) -> dict[str, str]:
        """The values of the shells but the content, as plain text."""
        language = self.language
        # It speaks of what the reader asked for: the paper from outside comes on top of it.
        entries = [self._entry(pick) for pick in digest.picks if pick is not digest.outside]
        cards = [entry.card for entry in entries]
        titles = [card.title for card in cards]
        topics = list(dict.fromkeys(self.topics[pick.topic] for pick in digest.picks if pick.topic != TRENDING))
        preheader = words.preheader(language, titles, topics, cards[0].summary if cards else "", digest.considered)
        rows = set(digest.also)
        length = sum(
            self._entry(pick).row_words if pick in rows else self._entry(pick).card_words for pick in digest.picks
        )
        web = links.web or ""
        return {
            "subject": mark + words.subject(language, titles, digest.day),
            "preheader": preheader,
            "filler": _FILLER * min(max(0, _FILLED_PREHEADER - len(preheader)), _MOST_FILLERS),
            "date": words.full_day(language, digest.day),
            "heading": words.heading(language, digest.day, digest.days, len(cards)),
            "intro": words.opening(language, clean(name), len(cards), digest.considered, length),
            "content": "",
            "outside": "",
            "contents": self._contents(digest),
            "left_out": "" if web else words.left_out(language, digest.left_out),
            "left_out_on_web": words.left_out_on_web(language, digest.left_out) if web else "",
            "reason": words.follows(language, digest.follows or topics, self.look.name),
            "curators": words.curators(language, list(filter(None, dict.fromkeys(map(clean, digest.curators))))),
            "sources": words.sources(language, digest.answered),
            "origin": words.origin(language, len(entries), self.look.machine_summaries),
            "unsubscribe": links.unsubscribe,
            "topics": links.topics,
            "web": web,
        }

    def _contents(self, digest: Digest) -> str:
        """The topics and how many papers each has, in a line; "" where there is only one."""
        counted = Counter(pick.topic for pick in digest.picks if pick not in (*digest.also, digest.outside))
        shown = [(self.topics[slug], number) for slug, number in counted.items()]
        if digest.also:
            shown.append((self.language.say("Also new"), len(digest.also)))
        return " · ".join(f"{name}\u00a0({number})" for name, number in shown) if len(shown) > 1 else ""


def _filled(frame: Piece, count: str, cards: str) -> str:
    return frame.fill({"count": count, "cards": cards})


def _for_html(values: Mapping[str, str]) -> dict[str, str]:
    """The values fit for HTML text and quoted attributes."""
    return {key: escape(value) for key, value in values.items()}


def _wrapped(text: str, width: int) -> str:
    """`text` wrapped at `width` characters; a line that is an address stays whole."""
    lines = (
        [line]
        if len(line) <= width or _ADDRESS.fullmatch(line)
        else textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )
    return "\n".join(chain.from_iterable(lines))
