"""A paper, where it was listed, and how two records of one paper become one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
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
    paper's identity, `arxiv:2503.01234`, `doi:10.1000/x`, a feed's own (`url:`, `guid:`, `id:`) or
    `title:<fingerprint>`; it never changes once given.
    `keys` are all identities the paper is known by, its own `id` among them. The rest is what only some sources know:
    `venue` where it was published, and when; `version` of an arXiv paper (0: unknown); `votes` of the page's readers;
    `ai_summary`, a summary that the source had a machine write; `thumbnail`, the address of a picture; `categories` of
    arXiv, the first of them the primary one; `institutions`, the authors' affiliations as the source words them;
    `fields` of study. `origins` are pairs of a field's name and where its value came from, as "kind/name" of a source.
    `llm_summary` is of no source: what a language model wrote for the paper's edition, frozen with it.
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
    fields: tuple[str, ...] = ()
    origins: tuple[tuple[str, str], ...] = ()
    llm_summary: str = ""


@dataclass(frozen=True, slots=True)
class ReadablePaper:
    """A paper with its title and abstract as plain readable text (no LaTeX, no control characters)."""

    paper: Paper
    title: str
    abstract: str

    @property
    def id(self) -> str:
        return self.paper.id


AUTHORITY = ("arxiv", "feed", "huggingface", "semanticscholar", "openalex", "jsonl", "listing")
"""The kinds of sources, the most trusted first: where two disagree on a field, this order decides. arXiv and journals
publish the words themselves, the others repeat them; a kind that is not named here stands between `jsonl` and
`listing`, and what nobody knows the origin of comes last."""

_UNITED = ("links", "listings", "keys")
_OWN = ("id", "first_seen", "origins", "llm_summary", *_UNITED)
FIELDS = tuple(field.name for field in dataclass_fields(Paper) if field.name not in _OWN)
"""The fields of a paper that have an origin."""


def stamped(paper: Paper, origin: str) -> Paper:
    """`paper` with `origin` ("kind/name") as that of every field that says something and has none yet."""
    known = dict(paper.origins)
    origins = {name: known.get(name, origin) for name in FIELDS if _says(name, paper)}
    return replace(paper, origins=tuple(origins.items()))


def merge(known: Paper, incoming: Paper) -> Paper:
    """`known`, with every gap filled from `incoming`, and with its fields where they have more authority.

    A field is replaced when it comes from a kind that stands before the known one in AUTHORITY, or from the very source
    that gave the known one, which has thought again; so a record does not flicker between two sources' wordings. An
    earlier version of the paper only fills gaps. No field is ever lost. The identity stays that of `known`, the earlier
    first sight wins, links, listings and keys are united, in order.
    """
    before, after = dict(known.origins), dict(incoming.origins)
    outdated = 0 < incoming.version < known.version
    taken = {
        name: getattr(incoming, name)
        for name in FIELDS
        if _says(name, incoming)
        and (not _says(name, known) or (not outdated and _prevails(after.get(name, ""), before.get(name, ""))))
    }
    origins = before | {name: after[name] for name in taken if name in after}
    return replace(
        known,
        **taken,
        links=tuple(dict.fromkeys(known.links + incoming.links)),
        listings=tuple(sorted(set(known.listings + incoming.listings))),
        keys=tuple(dict.fromkeys(known.keys + incoming.keys)),
        first_seen=min((day for day in (known.first_seen, incoming.first_seen) if day), default=None),
        origins=tuple((name, origins[name]) for name in FIELDS if name in origins),
    )


def _says(name: str, paper: Paper) -> bool:
    """Whether a field holds something. 0 votes are a number, version 0 is none."""
    value = getattr(paper, name)
    return value is not None if name == "votes" else bool(value)


def _prevails(origin: str, over: str) -> bool:
    return bool(origin) and (origin == over or _standing(origin) < _standing(over))


def _standing(origin: str) -> float:
    kind = origin.partition("/")[0]
    if kind in AUTHORITY:
        return AUTHORITY.index(kind)
    return len(AUTHORITY) - 1.5 if kind else len(AUTHORITY)
