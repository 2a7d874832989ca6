"""From picks to parts: everything expensive once per edition, almost nothing per reader."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from newsletter.model import TRENDING, Paper, Pick
from newsletter.rendering.card import Card, Face
from newsletter.rendering.checks import check_before_inlining, check_inlined, check_shell
from newsletter.rendering.compiled import LINKS, VALUES, Compiled, Entry
from newsletter.rendering.inlining import premailer_inline
from newsletter.rendering.look import Look
from newsletter.rendering.pieces import Mark, Piece, cut, join_for_cutting, link_mark, value_mark
from newsletter.rendering.templates import Templates
from newsletter.text import clean


class Renderer:
    """Makes e-mails from the templates of `folders` (an operator's first, the shipped last) and the operator's `look`.

    Each folder may hold `email/<file>`; any one file may be replaced. `inline` writes style rules into the elements.
    """

    def __init__(self, folders: Sequence[Path], look: Look, inline: Callable[[str], str] = premailer_inline) -> None:
        self._templates = Templates(folders)
        self._look = look
        self._inline = inline

    def compile(self, picks: Collection[Pick], papers: Mapping[str, Paper], names: Mapping[str, str]) -> Compiled:
        """Everything an edition's e-mails are made of.

        `picks` are all that any reader may get, `papers` their papers by id, `names` the topics' names by slug. The
        result depends on nothing else and not on the order of `picks`. Inlines exactly once. Raises TemplateError for
        a broken template, CompositionError if something got lost on the way.
        """
        topics = {TRENDING: "Trending"} | {slug: clean(name) for slug, name in names.items()}
        faces = {paper: Face.of(papers[paper]) for paper in sorted({pick.paper for pick in picks})}
        cards = {
            (pick.topic, pick.paper): faces[pick.paper].card(pick, topics[pick.topic])
            for pick in sorted(picks, key=lambda pick: (pick.topic, pick.paper, pick.reasons))
        }
        slugs = sorted({topic for topic, _ in cards})
        shown = list(cards.values())
        rendered = [
            *(self._html("section.html.j2", topic=topics[slug], count=value_mark("count")) for slug in slugs),
            *(self._html("card.html.j2", card=card) for card in shown),
            *(self._html("row.html.j2", card=card) for card in shown),
            self._html("also.html.j2", count=value_mark("count")),
        ]
        shell, pieces = self._inlined(rendered)
        heads, also = pieces[: len(slugs)], Piece.of(pieces[-1])
        entries = [
            self._entry(card, pieces[len(slugs) + number], pieces[len(slugs) + len(shown) + number])
            for number, card in enumerate(shown)
        ]
        text_shell = self._text(
            "digest.txt.j2",
            **{name: value_mark(name) for name in VALUES},
            links={name: value_mark(name) for name in LINKS},
        )
        check_shell(shell.fill(dict.fromkeys(shell.names, "x")), shell.names, text_shell.names, (*VALUES, *LINKS))
        number = value_mark("number")
        return Compiled(
            look=self._look,
            topics=topics,
            shell=shell,
            text_shell=text_shell,
            heads={slug: Piece.of(head) for slug, head in zip(slugs, heads, strict=True)},
            text_heads={slug: self._text("section.txt.j2", topic=topics[slug], number=number) for slug in slugs},
            also=also,
            text_also=self._text("also.txt.j2", number=number),
            entries=dict(zip(cards, entries, strict=True)),
        )

    def _html(self, template: str, **values: object) -> str:
        return self._templates.render(template, look=self._look, **values)

    def _text(self, template: str, **values: object) -> Piece:
        return Piece.of(self._templates.render(template, look=self._look, **values))

    def _inlined(self, rendered: list[str]) -> tuple[Piece, list[str]]:
        """The shell and the pieces after the one trip of all of them through the inliner, in one specimen document."""
        values = {name: value_mark(name) for name in VALUES}
        values["content"] = Mark(join_for_cutting(rendered))
        specimen = self._html("shell.html.j2", **values, links={name: link_mark(name) for name in LINKS})
        check_before_inlining(specimen)
        inlined = self._inline(specimen)
        check_inlined(specimen, inlined)
        before, pieces, after = cut(inlined, len(rendered))
        return Piece.of(f"{before}{value_mark('content')}{after}", links=True), [
            piece.strip() + "\n" for piece in pieces
        ]

    def _entry(self, card: Card, html_card: str, html_row: str) -> Entry:
        number = value_mark("number")
        return Entry(
            card=card,
            html_card=html_card,
            html_row=html_row,
            text_card=self._text("card.txt.j2", card=card, number=number),
            text_row=self._text("row.txt.j2", card=card, number=number),
        )
