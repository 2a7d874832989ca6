"""A paper, where it was listed, and how two records of one paper become one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum


class LinkKind(StrEnum):
    """What a link of a paper leads to; the order is the order in which links are shown."""

    ABSTRACT = "abstract"
    PDF = "pdf"
    DOI = "doi"
    CODE = "code"
    PROJECT = "project"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Link:
    """A typed link; `url` is always http or https."""

    kind: LinkKind
    url: str


@dataclass(frozen=True, slots=True, order=True)
class Listing:
    """One appearance of a paper: on `day`, in `source`, at `rank` (1 is the top of the page)."""

    day: date
    source: str
    rank: int


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper, as its sources gave it.

    `title` and `abstract` are raw (LaTeX and all); `ReadablePaper` holds them as a person reads them. `id` is the
    paper's identity, `arxiv:2503.01234`, `doi:10.1000/x` or `title:<fingerprint>`; it never changes once given.
    `keys` are all identities the paper is known by, its own `id` among them. The rest is what only some sources know:
    `venue` where it was published, and when; `version` of an arXiv paper (0: unknown); `votes` of the page's readers;
    `ai_summary`, a summary that the source had a machine write; `thumbnail`, the address of a picture; `categories` of
    arXiv, the first of them the primary one; `institutions`, the authors' affiliations as the source words them.
    """

    id: str
    title: str
    abstract: str
    authors: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    listings: tuple[Listing, ...] = ()
    keys: tuple[str, ...] = ()
    first_seen: date | None = None
    venue: str = ""
    published: date | None = None
    version: int = 0
    votes: int | None = None
    ai_summary: str = ""
    thumbnail: str = ""
    categories: tuple[str, ...] = ()
    institutions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadablePaper:
    """A paper with its title and abstract as plain readable text (no LaTeX, no control characters)."""

    paper: Paper
    title: str
    abstract: str

    @property
    def id(self) -> str:
        return self.paper.id


def merge(known: Paper, incoming: Paper) -> Paper:
    """`known`, with every gap filled from `incoming`; no field is ever lost.

    The identity stays that of `known`, the earlier first sight wins. A title or abstract that is there is not replaced,
    so that a record does not flicker between two sources' wordings. Links, listings and keys are united, in order.
    """
    first_seen = min((day for day in (known.first_seen, incoming.first_seen) if day), default=None)
    return replace(
        known,
        title=known.title or incoming.title,
        abstract=known.abstract or incoming.abstract,
        authors=known.authors or incoming.authors,
        links=tuple(dict.fromkeys(known.links + incoming.links)),
        listings=tuple(sorted(set(known.listings + incoming.listings))),
        keys=tuple(dict.fromkeys(known.keys + incoming.keys)),
        first_seen=first_seen,
        venue=known.venue or incoming.venue,
        published=known.published or incoming.published,
        version=known.version or incoming.version,
        votes=incoming.votes if known.votes is None else known.votes,
        ai_summary=known.ai_summary or incoming.ai_summary,
        thumbnail=known.thumbnail or incoming.thumbnail,
        categories=known.categories or incoming.categories,
        institutions=known.institutions or incoming.institutions,
    )
