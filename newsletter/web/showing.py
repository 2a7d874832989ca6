"""What the pages show of papers, picks and days: in the words of the e-mails, made once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from urllib.parse import quote

from markupsafe import Markup

from newsletter.languages import language
from newsletter.model import Edition, LinkKind, Listing, Observation, Paper, Pick, Topic
from newsletter.rendering import Look, words
from newsletter.rendering.card import Action, Face, address, label
from newsletter.text import clean, to_html, to_text

ENGLISH = language("en")
"""The pages are in English."""

_LONGEST_NAME = 200
_NOUNS = {
    LinkKind.ABSTRACT: "Paper",
    LinkKind.PDF: "PDF",
    LinkKind.DOI: "DOI",
    LinkKind.CODE: "Code",
    LinkKind.PROJECT: "Project",
    LinkKind.VIDEO: "Video",
}
_FIELD_NAMES = {"ai_summary": "machine-written summary", "thumbnail": "picture"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A paper in a list. `path` is that of its page, below `root`; `about` says venue, date, version and votes; `why`
    it was chosen, where it was. The labels of `links` are single words."""

    path: str
    title: str
    title_html: Markup
    authors: str
    about: str
    summary: str
    machine: bool
    links: tuple[Action, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A number that a source tells of a paper, and when it was seen (as words, and for machines)."""

    what: str
    value: str
    source: str
    seen: str
    moment: str


@dataclass(frozen=True, slots=True)
class Followed:
    """A topic as pages name it."""

    slug: str
    name: str
    description: str
    count: int = 0


_face = lru_cache(maxsize=4_096)(Face.of)
"""A paper's words take a millisecond or two to make, and are asked for as long as its day is on the front page."""


def shown(paper: Paper, look: Look, pick: Pick | None = None) -> Shown:
    """`paper` as a list shows it, with the reasons of a `pick`."""
    face = _face(paper, look, ENGLISH)
    return Shown(
        path=paper_path(paper.id),
        title=face.title,
        title_html=face.title_html,
        authors=face.authors,
        about=" · ".join(filter(None, (*face.appeared, face.votes))),
        summary=face.summary,
        machine=face.machine,
        # Who looks for a paper of which nobody said where it is finds the way on its own page.
        links=tuple(
            Action(one.label.partition(":")[0], one.url)
            for one in face.actions
            if not one.url.startswith("https://arxiv.org/search/")
        ),
        why=face.card(pick, "").why if pick else "",
    )


def paper_path(paper_id: str) -> str:
    """Where a paper's page is: every character that means something in an address is percent-encoded (RFC 3986)."""
    return f"/papers/{quote(paper_id, safe=':', errors='replace')}"


def abstract(paper: Paper) -> Markup:
    """The whole abstract, with its emphasis and indices."""
    return Markup(to_html(paper.abstract))


def names(those: Iterable[str]) -> list[str]:
    """Authors, institutions, fields or curators, readable; empty ones left out."""
    return [name for one in those if (name := words.shortened(to_text(one), _LONGEST_NAME))]


def links(paper: Paper, look: Look) -> list[Action]:
    """Where the paper leads: what the e-mails have, and every further link that can be shown, no address twice."""
    found = {one.url: one for one in _face(paper, look, ENGLISH).actions}
    for one in sorted(paper.links, key=lambda link: list(LinkKind).index(link.kind)):
        if url := address(one.url):
            found.setdefault(url, Action(f"{_NOUNS[one.kind]}: {label(url)}", url))
    return list(found.values())


def listings(those: Sequence[Listing]) -> list[tuple[str, str, str, int]]:
    """Day (as words and for machines), source and place of each appearance, the newest first."""
    newest_first = sorted(those, key=lambda one: (-one.day.toordinal(), one.source, one.rank))
    return [(full_day(one.day), one.day.isoformat(), clean(one.source), one.rank) for one in newest_first]


def numbers(those: Iterable[tuple[Observation, str, datetime]]) -> list[Number]:
    return [
        Number(clean(one.what), ENGLISH.number(one.value), clean(source), _moment(seen), seen.isoformat())
        for one, source, seen in those
    ]


def versions(history: Iterable[tuple[datetime, int]]) -> list[str]:
    """ "v1, seen on 3 March 2025", each version once, when it was seen first."""
    first: dict[int, datetime] = {}
    for moment, version in history:
        first.setdefault(version, moment)
    return [f"v{version}, seen on {full_day(moment.date())}" for version, moment in sorted(first.items())]


def origins(paper: Paper) -> list[tuple[str, str]]:
    """Each field by name and the sources it came from."""
    return [(_FIELD_NAMES.get(name, name), clean(origin)) for name, origin in paper.origins]


def followed(topic: Topic, count: int = 0) -> Followed:
    return Followed(topic.slug, clean(topic.name), clean(topic.description), count)


def curators(edition: Edition) -> str:
    """Who chose the papers, as a list in words; empty where nobody is named."""
    named = names(edition.curators)
    return ENGLISH.listed(named) if named else ""


def sources(edition: Edition) -> str:
    """What the sources had answered; broken ones are the operator's business."""
    return words.sources(ENGLISH, edition.answered)


def long_day(day: date) -> str:
    """ "Wednesday 12 March 2025"."""
    return ENGLISH.date(day, "EEEE d MMMM y")


def span(days: Sequence[date]) -> str:
    """ "3 to 7 March 2025"; `days` ascending, not empty."""
    return f"{words.span(ENGLISH, days)} {days[-1].year}"


def full_day(day: date) -> str:
    return words.full_day(ENGLISH, day)


def months(days: Iterable[date]) -> list[tuple[str, list[tuple[str, str]]]]:
    """`days`, the newest first, by month: ("March 2025", [("Wednesday 12", "2025-03-12"), ...])."""
    found: dict[str, list[tuple[str, str]]] = {}
    for day in sorted(days, reverse=True):
        found.setdefault(ENGLISH.date(day, "MMMM y"), []).append((ENGLISH.date(day, "EEEE d"), day.isoformat()))
    return list(found.items())


def _moment(moment: datetime) -> str:
    return f"{full_day(moment.date())}, {moment:%H:%M} UTC"
