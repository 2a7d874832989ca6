"""From picks to parts: everything expensive once per edition and language, almost nothing per reader."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from newsletter.errors import TemplateError
from newsletter.languages import ENGLISH, Language
from newsletter.model import ALSO_TRENDING, TRENDING, Link, LinkKind, Paper, Pick
from newsletter.model.message import paper_part
from newsletter.rendering.card import Face
from newsletter.rendering.checks import check_before_inlining, check_comments, check_inlined, check_known, check_shell
from newsletter.rendering.compiled import (
    LINKS,
    NUMBER,
    OPINION,
    OWN_FRAMES,
    VALUES,
    Compiled,
    Entry,
    Frame,
    for_html,
    key,
)
from newsletter.rendering.inlining import premailer_inline
from newsletter.rendering.look import Look
from newsletter.rendering.pieces import LINK, Mark, Piece, cut, join_for_cutting, link_mark, value_mark
from newsletter.rendering.templates import Templates
from newsletter.text import clean

_SPECIMEN = Paper(
    "specimen",
    "A Paper: Of Our Own",
    "It says something. It says it in two sentences.",
    authors=("Ada Lovelace",),
    links=(Link(LinkKind.ABSTRACT, "https://papers.example/1"), Link(LinkKind.PDF, "https://papers.example/1.pdf")),
)


class Renderer:
    """Makes e-mails from the templates of `folders` (an operator's first, the shipped last) and the operator's `look`.

    Each folder may hold `email/<file>`; any one file may be replaced. `inline` writes style rules into the elements.
    """

    def __init__(self, folders: Sequence[Path], look: Look, inline: Callable[[str], str] = premailer_inline) -> None:
        self._folders = tuple(folders)
        self._look = look
        self._inline = inline

    def compile(
        self,
        picks: Collection[Pick],
        papers: Mapping[str, Paper],
        names: Mapping[str, str],
        language: Language = ENGLISH,
    ) -> Compiled:
        """Everything that an edition's e-mails in one language are made of.

        `picks` are all that any reader may get, `papers` their papers by id, `names` the topics' names by slug, and
        those of the groups of *Trending* that are shown. The result depends on nothing else and not on the order of
        `picks`. Inlines exactly once. Raises TemplateError for a broken template, CompositionError if something got
        lost on the way.
        """
        press = _Press(self._folders, self._look, self._inline, language)
        topics = {slug: clean(name) for slug, name in names.items()}
        topics |= {TRENDING: language.say("Trending"), ALSO_TRENDING: language.say("Also trending")}
        wanted = sorted({pick.paper for pick in picks})
        faces = {paper: Face.of(papers[paper], self._look, language) for paper in wanted}
        cards = {
            key(pick): faces[pick.paper].card(pick, topics[pick.topic])
            for pick in sorted(picks, key=lambda pick: (pick.topic, pick.paper, str(pick.reasons)))
        }
        grouped = [slug for slug in names if slug.startswith(f"{TRENDING}:")]
        slugs = sorted({*grouped, *(topic for topic, _, _ in cards)})
        shown = [(paper, card) for (_, paper, _), card in cards.items()]
        around = {"count": value_mark("count"), "cards": value_mark("cards")}
        self._check_opinions(press, language)
        shell, pieces = press.inlined(
            [
                *(press.html("section", topic=topics[slug], **around) for slug in slugs),
                *(press.html(name, **around) for name in OWN_FRAMES),
                *(press.html("card", card=card, links=_opinion(link_mark, paper)) for paper, card in shown),
                *(press.html("row", card=card) for _, card in shown),
            ]
        )
        next_piece = iter(pieces)
        frames = {slug: press.frame("section", next(next_piece), topic=topics[slug], **around) for slug in slugs}
        own_frames = {name: press.frame(name, next(next_piece), **around) for name in OWN_FRAMES}
        html_cards = [next(next_piece) for _ in shown]
        number = value_mark(NUMBER)
        entries = [
            Entry(
                card=card,
                html_card=_asking("card.html", Piece.of(html_card), OPINION),
                html_row=html_row,
                text_card=_asking(
                    "card.txt",
                    press.text("card", card=card, number=number, links=_opinion(value_mark, paper)),
                    *(OPINION, NUMBER),
                ),
                text_row=_asking("row.txt", press.text("row", card=card, number=number), NUMBER),
            )
            for (paper, card), html_card, html_row in zip(shown, html_cards, next_piece, strict=True)
        ]
        text_shell = press.text(
            "digest",
            **{name: value_mark(name) for name in VALUES},
            links={name: value_mark(name) for name in LINKS},
        )
        check_shell(
            shell.fill(for_html(dict.fromkeys(shell.names, "x"))), shell.names, text_shell.names, (*VALUES, *LINKS)
        )
        return Compiled(
            look=self._look,
            language=language,
            topics=topics,
            shell=shell,
            text_shell=text_shell,
            frames=frames,
            own_frames=own_frames,
            entries=dict(zip(cards, entries, strict=True)),
        )

    def _check_opinions(self, press: _Press, language: Language) -> None:
        """Raises TemplateError for a card that shows its opinion's link to those who have none. Seen on a card of our
        own, because a paper may well have a link that looks like the mark."""
        card = Face.of(_SPECIMEN, self._look, language).card(Pick(_SPECIMEN.id, "", 0.0, (), ()), "")
        html = Piece.of(press.html("card", card=card, links=_opinion(link_mark, _SPECIMEN.id)))
        text = press.text("card", card=card, number=value_mark(NUMBER), links=_opinion(value_mark, _SPECIMEN.id))
        for ending, bare in (("html", any(LINK in one for one in html.literals)), ("txt", text.shows_bare(OPINION))):
            if bare:
                block = f'{{% call given("{OPINION}") %}}'
                raise TemplateError(f"email/card.{ending}.j2 shows links.{OPINION} outside of {block}")

    def letter(self, name: str, language: Language, **values: object) -> tuple[str, str]:
        """A message that is no digest, by its templates `email/<name>.html.j2` and `.txt.j2`: HTML and text.

        Raises TemplateError for a broken template.
        """
        press = _Press(self._folders, self._look, self._inline, language)
        return self._inline(press.html(name, **values)), press.plain(name, **values)


class _Press:
    """Prints templates in one language."""

    def __init__(self, folders: Sequence[Path], look: Look, inline: Callable[[str], str], language: Language) -> None:
        self._templates = Templates(folders, language, (*VALUES, *LINKS, OPINION))
        self._templates.check_rules()
        self._look = look
        self._tagline = language.known(look.tagline)
        self._inline = inline

    def html(self, template: str, **values: object) -> str:
        rendered = self._templates.render(f"{template}.html.j2", look=self._look, tagline=self._tagline, **values)
        check_comments(f"{template}.html.j2", rendered)
        return rendered

    def text(self, template: str, **values: object) -> Piece:
        return Piece.of(self.plain(template, **values))

    def plain(self, template: str, **values: object) -> str:
        return self._templates.render(f"{template}.txt.j2", look=self._look, tagline=self._tagline, **values)

    def frame(self, template: str, inlined: str, **values: object) -> Frame:
        """The frame whose HTML is `inlined`. Raises TemplateError if it has no place for its cards."""
        frame = Frame(Piece.of(inlined), self.text(template, **values))
        for piece, ending in ((frame.html, "html"), (frame.text, "txt")):
            if "cards" not in piece.names:
                raise TemplateError(f"email/{template}.{ending}.j2 never shows: cards")
        return frame

    def inlined(self, rendered: list[str]) -> tuple[Piece, list[str]]:
        """The shell and the pieces after the one trip of all of them through the inliner, in one specimen document."""
        values = {name: value_mark(name) for name in VALUES}
        values["content"] = Mark(join_for_cutting(rendered))
        specimen = self.html("shell", **values, links={name: link_mark(name) for name in LINKS})
        check_before_inlining(specimen, self._templates.place_of)
        try:
            inlined = self._inline(specimen)
        except Exception as error:  # it meets the operator's rules here, and fails in many ways
            what = f"{type(error).__name__}: {error}"
            raise TemplateError(f"email/base.css.j2: the rules cannot be read ({what})") from error
        check_inlined(specimen, inlined)
        before, pieces, after = cut(inlined, len(rendered))
        shell = Piece.of(f"{before}{value_mark('content')}{after}", links=True, html=True)
        return shell, [piece.strip() + "\n" for piece in pieces]


def _asking(template: str, piece: Piece, *known: str) -> Piece:
    """`piece`, of that template. Raises TemplateError if it asks for more than the `known` values."""
    check_known(f"{template}.j2", piece.names, known)
    return piece


def _opinion(mark: Callable[[str], Mark], paper: str) -> dict[str, Mark]:
    """The link of a card that is a reader's own: the reader's part of it is a mark, the paper's stands behind it."""
    return {OPINION: Mark(f"{mark(OPINION)}/{paper_part(paper)}")}
