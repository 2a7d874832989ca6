"""A digest as a post in a channel: a few papers, each with its link, in a line or two.

Chat programs make mentions, links and markup of what they find in a text. What comes from papers is theirs to read and
nothing else: each form is escaped as it wants it, and invisible word joiners (U+2060) take apart what programs look for
whatever the form is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from newsletter.errors import CompositionError
from newsletter.languages import Language
from newsletter.model import Digest, Paper
from newsletter.model.edition import ALSO_TRENDING, TRENDING
from newsletter.model.post import Form
from newsletter.rendering import words
from newsletter.rendering.card import Card, Face
from newsletter.rendering.look import Look
from newsletter.rendering.words import shortened
from newsletter.text import clean

LONGEST_TITLE, LONGEST_SUMMARY = 200, 240
"""Characters."""

FEWEST = 3
"""Papers that say less are better than fewer papers, if these would be fewer than so many."""

_JOINER = "\u2060"
_ADDRESS = re.compile(r"(?<=\w)\.(?=[^\W\d_]{2})|(?<=:)(?=//)|(?<=@)(?=\S)|(?<=<)(?=\S)")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>~|]|&(?=#?\w+;))")
# Services without a form of their own may read Markdown all the same, and then know no escapes.
_LOOKALIKES = str.maketrans({"*": "∗", "`": "ˋ", "~": "∼", "|": "∣", "]": f"]{_JOINER}", "_": f"{_JOINER}_{_JOINER}"})


@dataclass(frozen=True, slots=True)
class Composed:
    """A post: its text in the form that was asked for, and the ids of the papers it shows."""

    body: str
    papers: tuple[str, ...]


def compose(
    digest: Digest,
    papers: Mapping[str, Paper],
    names: Mapping[str, str],
    look: Look,
    language: Language,
    form: Form,
    limit: int,
    web: str | None = None,
) -> Composed:
    """The post of `digest` in at most `limit` characters. `papers` are there by id, `names` of topics by slug; `web` is
    the edition's page.

    Shows as many papers as fit; rather than fewer than FEWEST, each says less: without why it is there, then without
    its summary. Raises CompositionError for a limit that leaves no room for one paper.
    """
    names = {**names, TRENDING: language.say("Trending"), ALSO_TRENDING: language.say("Also trending")}
    several = len({pick.topic for pick in digest.picks}) > 1
    cards = []
    for pick in digest.picks:
        name = clean(names.get(pick.topic, pick.topic)) if several else ""
        cards.append(Face.of(papers[pick.paper], look, language).card(pick, name))
    ids = tuple(pick.paper for pick in digest.picks)
    write = _Writing(form, language)
    head = write.head(clean(look.name), words.full_day(language, digest.day))
    tail = write.tail(web) if web else ""
    for least in (FEWEST, 1):
        for detail in (2, 1, 0):
            for number in range(len(cards), min(least, len(cards)) - 1, -1):
                told = [write.paper(place, card, detail) for place, card in enumerate(cards[:number], start=1)]
                if len(body := write.joined([head, *told, tail])) <= limit:
                    return Composed(body, ids[:number])
    raise CompositionError(f"the service takes posts of at most {limit} characters, too few for one paper")


class _Writing:
    """Puts what is to be said into a form."""

    def __init__(self, form: Form, language: Language) -> None:
        self._form = form
        self._language = language
        self._break = "<br/>" if form is Form.HTML else "\n"

    def head(self, name: str, day: str) -> str:
        return f"{self._strong(self._said(name))}, {day}"

    def tail(self, web: str) -> str:
        return self._link(self._language.say("View in browser"), web)

    def paper(self, place: int, card: Card, detail: int) -> str:
        """A paper with its title and link; from `detail` 1 on with its summary, from 2 on with why it is there."""
        lines = [f"{self._strong(f'{place}.')} {self._link(shortened(card.title, LONGEST_TITLE), card.url)}"]
        if detail > 0 and card.summary:
            summary = self._said(shortened(card.summary, LONGEST_SUMMARY))
            mark = f"{self._said(self._language.say('Machine-written:'))} " if card.machine else ""
            lines.append(mark + summary)
        why = ": ".join(filter(None, (card.topic, card.why)))
        if detail > 1 and why:
            lines.append(self._quiet(why))
        return self._break.join(lines)

    def joined(self, parts: Sequence[str]) -> str:
        return (self._break * 2).join(filter(None, parts))

    def _link(self, text: str, url: str) -> str:
        match self._form:
            case Form.HTML:
                return f'<a href="{escape(url)}">{self._said(text)}</a>'
            case Form.MARKDOWN:
                # Without a semicolon, nothing in an address is an entity.
                return f"[{self._said(text)}](<{url.replace(';', '%3B')}>)"
        return f"{self._said(text)}\n{url}"

    def _strong(self, said: str) -> str:
        return {Form.HTML: f"<b>{said}</b>", Form.MARKDOWN: f"**{said}**"}.get(self._form, said)

    def _quiet(self, text: str) -> str:
        said = self._said(text)
        return {Form.HTML: f"<i>{said}</i>", Form.MARKDOWN: f"*{said}*"}.get(self._form, said)

    def _said(self, text: str) -> str:
        """`text` as nothing but words."""
        apart = _ADDRESS.sub(lambda found: found[0] + _JOINER, text)
        if self._form is Form.HTML:
            return escape(apart, quote=False)
        escaped = _MARKDOWN.sub(r"\\\1", apart) if self._form is Form.MARKDOWN else apart.translate(_LOOKALIKES)
        # What is no letter could make a list, a heading or a command at the beginning of a line.
        return escaped if text[:1].isalpha() else _JOINER + escaped
