"""Papers and picks as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, Field

from newsletter.model import LinkKind, Listing, Observation, Paper, Pick
from newsletter.rendering import words
from newsletter.rendering.card import address
from newsletter.text import clean, readable
from newsletter.web import showing


class Link(BaseModel):
    """Where a paper leads."""

    kind: LinkKind
    url: str = Field(description="http or https.", examples=["https://arxiv.org/abs/2503.01234"])


class BriefPaper(BaseModel):
    """A paper in a list. Texts are plain: no LaTeX, no markup."""

    id: str = Field(examples=["arxiv:2503.01234"])
    page: str = Field(description="Its page here.", examples=["https://papers.example.org/papers/arxiv:2503.01234"])
    title: str
    abstract: str
    authors: list[str]
    links: list[Link]
    categories: list[str] = Field(description="Of arXiv, the primary one first.", examples=[["cs.CL", "cs.AI"]])
    venue: str = Field(description="Where it was published; empty where nobody said.")
    published: date | None
    first_seen: date | None = Field(description="When a source first listed it.")
    version: int | None = Field(description="Of arXiv.")
    votes: int | None = Field(description="Of the readers of the page that lists it.")


class Appearance(BaseModel):
    """That a source listed a paper."""

    source: str
    day: date
    rank: int = Field(description="1 is the top of the page.")


class Number(BaseModel):
    """A number that a source told of a paper last."""

    what: str = Field(examples=["votes"])
    value: int
    source: str
    seen_at: datetime


class Version(BaseModel):
    """A version of a paper, and when it was seen first."""

    version: int
    seen_at: datetime


class WholePaper(BriefPaper):
    """All that is known of a paper."""

    raw_title: str = Field(description="As the source wrote it, LaTeX and all.")
    raw_abstract: str
    machine_summary: str = Field(description="A summary that its source had a machine write; empty without one.")
    institutions: list[str]
    fields_of_study: list[str]
    identities: list[str] = Field(description="All that it is known by.")
    listings: list[Appearance]
    numbers: list[Number]
    versions: list[Version]
    origins: dict[str, str] = Field(description="Which source each field is from.")
    edition: date | None = Field(description="The edition that it is in.")


class Part(BaseModel):
    """A summand of a score."""

    name: str = Field(examples=["words"])
    value: float


class ChosenPaper(BaseModel):
    """A paper that was chosen for a topic, and why."""

    paper: BriefPaper
    score: float
    parts: list[Part] = Field(description="They add up to the score, in this order.")
    reasons: list[str] = Field(description="In words, the best first.", examples=[["title says “neural fields”"]])


_readable = lru_cache(maxsize=2_048)(readable)
"""It takes a millisecond or two, and papers are asked for again and again while they are new."""


def brief(paper: Paper, base: str) -> BriefPaper:
    """`paper` as a list shows it; `base` is what absolute links to our pages begin with."""
    return BriefPaper(**_told(paper, base))


def whole(
    paper: Paper,
    base: str,
    numbers: Iterable[tuple[Observation, str, datetime]],
    history: Iterable[tuple[datetime, int]],
    edition: date | None,
) -> WholePaper:
    """Everything of `paper`: its `numbers`, the `history` of its versions and the day of its `edition`, as the store
    tells them."""
    first: dict[int, datetime] = {}
    for moment, version in history:
        first.setdefault(version, moment)
    return WholePaper(
        **_told(paper, base),
        raw_title=paper.title,
        raw_abstract=paper.abstract,
        machine_summary=clean(paper.ai_summary),
        institutions=showing.names(paper.institutions),
        fields_of_study=showing.names(paper.fields),
        identities=[clean(key) for key in paper.keys],
        listings=[_appearance(one) for one in paper.listings],
        numbers=[
            Number(what=clean(one.what), value=one.value, source=clean(source), seen_at=seen)
            for one, source, seen in numbers
        ],
        versions=[Version(version=version, seen_at=seen) for version, seen in sorted(first.items())],
        origins={name: clean(origin) for name, origin in paper.origins},
        edition=edition,
    )


def chosen(pick: Pick, paper: Paper, base: str) -> ChosenPaper:
    """A pick, with its reasons as the pages word them."""
    return ChosenPaper(
        paper=brief(paper, base),
        score=pick.score,
        parts=[Part(name=name, value=value) for name, value in pick.parts],
        reasons=[clean(words.reason(showing.ENGLISH, one)) for one in pick.reasons],
    )


def _told(paper: Paper, base: str) -> dict[str, Any]:
    text = _readable(paper)
    return {
        "id": paper.id,
        "page": base + showing.paper_path(paper.id),
        "title": text.title,
        "abstract": text.abstract,
        "authors": showing.names(paper.authors),
        "links": [Link(kind=link.kind, url=url) for link in paper.links if (url := address(link.url))],
        "categories": showing.names(paper.categories),
        "venue": clean(paper.venue),
        "published": paper.published,
        "first_seen": paper.first_seen,
        "version": paper.version or None,
        "votes": paper.votes,
    }


def _appearance(listing: Listing) -> Appearance:
    return Appearance(source=clean(listing.source), day=listing.day, rank=listing.rank)
