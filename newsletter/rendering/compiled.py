"""An edition ready to be addressed: the pieces of all its e-mails, and how one reader's is put together."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass, field, replace
from html import escape
from itertools import chain
from itertools import count as counting

from newsletter.errors import CompositionError
from newsletter.languages import Language
from newsletter.model import ALSO_TRENDING, TRENDING, Digest, Parts, Pick, ReaderLinks, Reason
from newsletter.rendering import words
from newsletter.rendering.card import Card
from newsletter.rendering.checks import HARD_LIMIT, check_whole
from newsletter.rendering.fitting import fit
from newsletter.rendering.look import Look
from newsletter.rendering.pieces import CLOSE, OPEN, QUOTED, Piece
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

OPINION = "opinion"
"""What a card may show of one reader: the page to say more, or less, of its paper; "" where nothing can be learnt."""

NUMBER = "number"
"""What a card and a row of the text part show: which of all they are."""

GREETING = f"{OPEN}greeting{CLOSE}"
"""What stands in a layout where each reader is greeted."""

OWN_FRAMES = ("top", "also", "rising", "outside")
"""The sections that are not a topic's: the day's top pick, the compact list, what rose, and the paper from outside."""

# Keeps an inbox from showing what follows a short preheader: figure space, zero-width no-break space, grapheme joiner.
_FILLER = "\u2007\ufeff\u034f "
_FILLED_PREHEADER, _MOST_FILLERS = 90, 40

# More than any greeting weighs: a name in letters of four bytes each, or of six once escaped, and some words around it.
_NOTHING, _WIDEST_GREETING = Weight(), Weight.of("\U0001f600" * 2 * words.LONGEST_GREETED)

_BLANK_LINES = re.compile(r"\n{3,}")
_ADDRESS = re.compile(r"(?:https?://|mailto:)\S+")


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the `cards` of a section: its head, with a `count` in it."""

    html: Piece
    text: Piece


@dataclass(frozen=True, slots=True)
class Entry:
    """A pick in all its renderings; a full card holds the beginning of the reader's OPINION `opinions` times."""

    card: Card
    html_card: Piece
    html_row: str
    text_card: Piece
    text_row: Piece
    card_words: int = field(init=False)
    row_words: int = field(init=False)
    row_weight: Weight = field(init=False)
    opinions: int = field(init=False)
    _card_weight: Weight = field(init=False)
    _opinion_weight: Weight = field(init=False)

    def __post_init__(self) -> None:
        own = {
            "card_words": self.card.words,
            "row_words": len(self.card.title.split()) + len(self.card.authors.split()),
            "row_weight": Weight.of(self.html_row),
            "opinions": self.html_card.count(OPINION),
            "_card_weight": Weight.of(self.html_card.fill({OPINION: ""})),
            "_opinion_weight": Weight.of(self.html_card.only(OPINION)),
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)

    def card_weight(self, opinion: Weight | None) -> Weight:
        """What the full card weighs for a reader the beginning of whose OPINION weighs that, None without one."""
        if opinion is None:
            return self._card_weight
        return sum([opinion] * self.opinions, self._card_weight + self._opinion_weight)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A section of one reader: the picks in their frame, and whether they are shown as rows."""

    frame: Frame
    count: str
    picks: tuple[Pick, ...]
    rows: bool = False


@dataclass(frozen=True, slots=True)
class Greetings:
    """How the readers of one digest are greeted, before its `opening`."""

    language: Language
    opening: str
    text_width: int

    def of(self, name: str) -> str:
        """The greeting, as plain text, of a reader of that name, which may be "" or nonsense."""
        return words.greeting(self.language, clean(name), self.opening)

    def wrapped(self, line: str) -> str:
        """A line of the text part, once the reader is greeted in it."""
        return wrapped(line, self.text_width)


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of everybody who gets the same digest, with GREETING in place of each reader's own."""

    parts: Parts
    greetings: Greetings


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
        said, fit = self._measured(digest, name, links, mark)
        fitted = fit(_NOTHING)
        if fitted is not digest:
            said = self._words(fitted, name, links, mark)
        html, text = self._parts(fitted, said, links)
        self._check_whole(fitted, links, html, text)
        return _parts(said, html, text, fitted)

    def lay_out(self, digest: Digest, links: ReaderLinks) -> Layout | None:
        """The parts of everybody whose digest is `digest` and whose links are as long as `links`, GREETING standing
        where they are greeted. None where it hangs on the greeting's length how many papers fit, or where a template
        greets in an attribute.

        Raises CompositionError as `compose` does.
        """
        said, fit = self._measured(digest, "", links)
        fitted, greetings = fit(_NOTHING), [_WIDEST_GREETING] * self.shell.count("intro")
        if fitted != fit(sum(greetings, _NOTHING)) or self.shell.count("intro" + QUOTED):
            return None
        if fitted is not digest:
            said = self._words(fitted, "", links)
        opening = said["intro"]
        said["intro"] = GREETING
        html, text = self._parts(fitted, said, links)
        self._check_whole(fitted, links, html.replace(GREETING, ""), text.replace(GREETING, ""))
        if sum(greetings, Weight.of(html)).total > HARD_LIMIT:
            return None
        return Layout(_parts(said, html, text, fitted), Greetings(self.language, opening, self.look.text_width))

    def fits(self, names: Mapping[str, str]) -> bool:
        """Whether the topics are called so here, as far as they are here."""
        ours = {slug: name for slug, name in names.items() if slug not in (TRENDING, ALSO_TRENDING)}
        return all(self.topics.get(slug, clean(name)) == clean(name) for slug, name in ours.items())

    def joined(self, other: Compiled) -> Compiled:
        """This, with what `other` has besides: both are of one edition and language."""
        topics, frames = {**other.topics, **self.topics}, {**other.frames, **self.frames}
        return replace(self, topics=topics, frames=frames, entries={**self.entries, **other.entries})

    def _measured(
        self, digest: Digest, name: str, links: ReaderLinks, mark: str = ""
    ) -> tuple[dict[str, str], Callable[[Weight], Digest]]:
        """The values of the shells, and what says how much of `digest` fits beside them and some weight more."""
        if strange := [pick for pick in digest.picks if key(pick) not in self.entries]:
            raise CompositionError(f"the paper {strange[0].paper} of the topic {strange[0].topic} was not compiled")
        if headless := [part.slug for part in digest.sections if part.slug not in self.frames]:
            raise CompositionError(f"the head of the section {headless[0]} was not compiled")
        said = self._words(digest, name, links, mark)
        opinion = escape(links.opinions or "")
        opinion_weight = Weight.of(opinion) if opinion else None
        own_frames = (Weight.of(_filled(self.own_frames[name].html, "x" * 40, "")) for name in OWN_FRAMES)
        shell = sum(own_frames, Weight.of(self.shell.fill(for_html(said))))

        def fitted(more: Weight) -> Digest:
            return fit(
                digest,
                shell=shell + more,
                card=lambda pick: self._entry(pick).card_weight(opinion_weight),
                row=lambda pick: self._entry(pick).row_weight,
                head=lambda part: Weight.of(_filled(self.frames[part.slug].html, self._papers(part.picks), "")),
            )

        return said, fitted

    def _parts(self, digest: Digest, said: dict[str, str], links: ReaderLinks) -> tuple[str, str]:
        """The HTML and the text of a digest that fits."""
        html = self.shell.fill(for_html(said) | self._html_content(digest, {OPINION: escape(links.opinions or "")}))
        return html, self._text(digest, said, {OPINION: links.opinions or ""})

    def _check_whole(self, digest: Digest, links: ReaderLinks, html: str, text: str) -> None:
        addresses = [self._entry(pick).card.url for pick in digest.picks]
        check_whole(
            html,
            text,
            unsubscribe=(for_html({"": links.unsubscribe})[QUOTED], links.unsubscribe),
            addresses=[(address.replace("&", "&amp;"), address) for address in addresses],
            size=Weight.of(html).total,
        )

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
        """What is shown after it: on top of what the reader asked for of these days."""
        if digest.rising:
            yield _Shown(self.own_frames["rising"], self._papers(digest.rising), digest.rising)
        if digest.outside:
            yield _Shown(self.own_frames["outside"], "", (digest.outside,))

    def _html_content(self, digest: Digest, own: dict[str, str]) -> dict[str, str]:
        def html(shown: _Shown) -> str:
            entries = map(self._entry, shown.picks)
            cards = "".join(entry.html_row if shown.rows else entry.html_card.fill(own) for entry in entries)
            return _filled(shown.frame.html, escape(shown.count, quote=False), cards)

        return {
            "content": "".join(map(html, self._sections(digest))),
            "outside": "".join(map(html, self._outside(digest))),
        }

    def _text(self, digest: Digest, said: dict[str, str], own: dict[str, str]) -> str:
        numbers = map(str, counting(1))

        def text(shown: _Shown) -> str:
            entries = map(self._entry, shown.picks)
            cards = (entry.text_row if shown.rows else entry.text_card for entry in entries)
            return _filled(
                shown.frame.text, shown.count, "".join(card.fill(own | {NUMBER: next(numbers)}) for card in cards)
            )

        content = {
            "content": "".join(map(text, self._sections(digest))),
            "outside": "".join(map(text, self._outside(digest))),
        }
        values = {key: value.replace("\u00a0", " ") for key, value in (said | content).items()}
        text_part = _BLANK_LINES.sub("\n\n", self.text_shell.fill(values)).strip() + "\n"
        return wrapped(text_part, self.look.text_width)

    def _words(self, digest: Digest, name: str, links: ReaderLinks, mark: str = "") -> dict[str, str]:
        """The values of the shells but the content, as plain text."""
        language = self.language
        # It speaks of what the reader asked for: what rose, and the paper from outside, come on top of it.
        on_top = (*digest.rising, digest.outside)
        entries = [self._entry(pick) for pick in digest.picks if pick not in on_top]
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
            "subject": mark + words.subject(language, titles, digest.day, digest.days),
            "preheader": preheader,
            "filler": _FILLER * min(max(0, _FILLED_PREHEADER - len(preheader)), _MOST_FILLERS),
            "date": words.full_day(language, digest.day),
            "heading": words.heading(language, digest.day, digest.days, len(cards)),
            "intro": words.greeting(
                language, clean(name), words.opening(language, len(cards), digest.considered, length, digest.days)
            ),
            "content": "",
            "outside": "",
            "contents": self._contents(digest),
            "left_out": "" if web else words.left_out(language, digest.left_out),
            "left_out_on_web": words.left_out_on_web(language, digest.left_out) if web else "",
            "reason": words.follows(language, digest.follows or topics, self.look.name),
            "curators": words.curators(language, list(filter(None, dict.fromkeys(map(clean, digest.curators))))),
            "sources": words.sources(language, digest.answered),
            "origin": words.origin(language, len(entries), self.look),
            "unsubscribe": links.unsubscribe,
            "topics": links.topics,
            "web": web,
        }

    def _contents(self, digest: Digest) -> str:
        """The topics and how many papers each has, in a line; "" where there is only one."""
        beside = (*digest.also, *digest.rising, digest.outside)
        counted = Counter(pick.topic for pick in digest.picks if pick not in beside)
        shown = [(self.topics[slug], number) for slug, number in counted.items()]
        if digest.also:
            shown.append((self.language.say("Also new"), len(digest.also)))
        if digest.rising:
            shown.append((self.language.say("Rising"), len(digest.rising)))
        return " · ".join(f"{name}\u00a0({number})" for name, number in shown) if len(shown) > 1 else ""


def _filled(frame: Piece, count: str, cards: str) -> str:
    return frame.fill({"count": count, "cards": cards})


def for_html(values: Mapping[str, str]) -> dict[str, str]:
    """The values fit for HTML text and, with QUOTED behind their names, for attributes: as the inliner writes both."""
    escaped = {key: escape(value, quote=False) for key, value in values.items()}
    return escaped | {key + QUOTED: value.replace('"', "&quot;") for key, value in escaped.items()}


def _parts(said: Mapping[str, str], html: str, text: str, digest: Digest) -> Parts:
    return Parts(said["subject"], said["preheader"], html, text, tuple(pick.paper for pick in digest.picks))


def wrapped(text: str, width: int) -> str:
    """`text` wrapped at `width` characters, 0 for not at all; a line that is an address stays whole, and so does one
    with a GREETING in it, which is wrapped once there is one."""
    if not width:
        return text
    lines = (
        [line]
        if len(line) <= width or _ADDRESS.fullmatch(line) or GREETING in line
        else textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )
    return "\n".join(chain.from_iterable(lines))
