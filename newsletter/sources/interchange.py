"""The interchange format: one paper as one line of JSON, written and read. Described in docs/interchange.md. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from newsletter.model import Link, LinkKind, Listing, Paper
from newsletter.model.paper import FIELDS
from newsletter.sources.bounds import MAX_ABSTRACT, MAX_TITLE
from newsletter.sources.json_fields import Fields, decoded, is_web_address, kind_of, short
from newsletter.text import identity_keys

KEYS = """
    id title abstract authors arxiv_id doi keys links listings day first_seen published venue version votes ai_summary
    thumbnail categories institutions fields origins
""".split()
"""Every name a record may use, in the order in which they are written."""

MAX_LINE = 1_000_000  # bytes; far beyond any paper, whose abstract and authors have a few thousand
TOO_LONG = f"is longer than {MAX_LINE:,} bytes, which no paper is"
MAX_KEY = 2_500
YEARS = range(1991, 2200)  # of listings: arXiv opened in 1991; what lies outside is a slip of the pen

# A line must stay one for readers that count these as line ends too.
_LINE_ENDS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_SCHEMES = ("arxiv", "doi", "title", "url", "guid", "id")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,19}:\S")
_CANONICAL = re.compile(r"arxiv:(?:[0-9]{4}\.[0-9]{4,6}|[a-z-]+/[0-9]{7})|doi:10\.[0-9]{4,9}/[^\sA-Z]+")
_TRAIL = re.compile(r"(?:v[0-9]+)?(?:\.pdf)?$")


def written(paper: Paper) -> str:
    """`paper` as one line of JSON without its line end. What is empty is left out."""
    record: dict[str, Any] = {
        "id": paper.id,
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": paper.authors,
        "arxiv_id": _value_of("arxiv:", paper.keys),
        "doi": _value_of("doi:", paper.keys),
        "keys": paper.keys,
        "links": [{"kind": link.kind.value, "url": link.url} for link in paper.links],
        "listings": [{"day": str(one.day), "source": one.source, "rank": one.rank} for one in paper.listings],
        "first_seen": paper.first_seen and str(paper.first_seen),
        "published": paper.published and str(paper.published),
        "venue": paper.venue,
        "version": paper.version or None,
        "votes": paper.votes,
        "ai_summary": paper.ai_summary,
        "thumbnail": paper.thumbnail,
        "categories": paper.categories,
        "institutions": paper.institutions,
        "fields": paper.fields,
        "origins": dict(paper.origins),
    }
    said = {key: value for key, value in record.items() if value is not None and value not in ("", (), [], {})}
    line = json.dumps(said, ensure_ascii=False)
    for char, escape in _LINE_ENDS.items():
        line = line.replace(char, escape)
    return line.encode("utf-8", "replace").decode()  # a lone surrogate cannot be written: it becomes a question mark


@dataclass(frozen=True, slots=True)
class Record:
    """One record as a paper. `dated` tells whether it names a day itself. `losses` are sentences on what of it could
    not be kept; `unknown` are the names that the format does not have."""

    paper: Paper
    dated: bool
    losses: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def read_record(line: bytes, *, source: str, rank: int, day: date) -> Record:
    """The paper that a line of JSON describes.

    `source` is the name for its listing and for ids that are neither of arXiv nor DOIs; `rank` and `day` are those of
    its listing when the record names none. Raises ValueError with a sentence when it cannot be used.
    """
    if len(line) > MAX_LINE:
        raise ValueError(TOO_LONG)
    value = decoded(line)
    if not isinstance(value, dict):
        raise ValueError(f"holds {kind_of(value)}; write one JSON object, {{…}}, on each line")
    fields = Fields(value)
    title = fields.text("title", MAX_TITLE)
    keys = _keys(fields, title, source)
    listings = _listings(fields, source, rank)
    losses: list[str] = []
    paper = Paper(
        id=keys[0],
        title=title,
        abstract=fields.text("abstract", MAX_ABSTRACT),
        authors=fields.texts("authors"),
        links=_links(fields, losses),
        listings=listings or (Listing(day, source, rank),),
        keys=tuple(dict.fromkeys(keys[1:])),
        first_seen=fields.day("first_seen") or min((one.day for one in listings), default=day),
        venue=fields.text("venue"),
        published=fields.day("published"),
        version=fields.whole("version") or 0,
        votes=fields.whole("votes"),
        ai_summary=fields.text("ai_summary", MAX_ABSTRACT),
        thumbnail=_thumbnail(fields, losses),
        categories=fields.words("categories"),
        institutions=fields.texts("institutions"),
        fields=fields.texts("fields"),
        origins=_origins(fields),
    )
    if not title and not any(fault.startswith("“title”") for fault in fields.faults):
        fields.faults.insert(0, "the paper has no “title”")
    if paper.first_seen and paper.first_seen.year not in YEARS:
        fields.faults.append(f"“first_seen” is {paper.first_seen}: write a year from {YEARS[0]} to {YEARS[-1]}")
    if fields.faults:
        raise ValueError(fields.faults[0])
    losses += [f"characters that no text may hold were removed from “{key}”" for key in dict.fromkeys(fields.removed)]
    return Record(paper, bool(listings), tuple(losses), tuple(short(key) for key in value if key not in KEYS))


def _value_of(scheme: str, keys: Iterable[str]) -> str:
    return next((key.removeprefix(scheme) for key in keys if key.startswith(scheme)), "")


def _keys(fields: Fields, title: str, source: str) -> tuple[str, ...]:
    """The id of the paper, then all its keys."""
    named = [_key(text, source, fields.faults) for text in fields.texts("keys", MAX_KEY)]
    given = _id(fields)
    own = [_key(given, source, fields.faults)] if given else []
    certain = [key for scheme in ("arxiv", "doi") for key in _certain(fields, scheme, named)]
    if named:  # these are all it has, and any of them may be its id
        return *(own or named[:1]), *named, *certain, *own
    keys = sorted([*certain, *own], key=lambda key: not key.startswith("arxiv:"))
    keys += identity_keys(title)
    return keys[0], *keys


def _certain(fields: Fields, scheme: str, named: Sequence[str]) -> tuple[str, ...]:
    """The keys that the record's `arxiv_id` or `doi` stands for."""
    name, like = {"arxiv": ("arxiv_id", "an id of arXiv like 2503.01234"), "doi": ("doi", "a DOI like 10.1000/182")}[
        scheme
    ]
    text = fields.text(name)
    if not text or f"{scheme}:{text}" in named:
        return ()
    *found, _ = identity_keys("", **{name: text})
    if not any(key.startswith(f"{scheme}:") for key in found):
        fields.faults.append(f"“{name}” must be {like}, not “{short(text)}”")
    return tuple(found)


def _id(fields: Fields) -> str:
    """The `id` as text; a whole number is one too."""
    value = fields.record.get("id")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**30:
        return str(value)
    if isinstance(value, float):
        # A number with a point would lose its last 0: 2503.01230.
        fields.faults.append("“id” must be text or a whole number; put it in quotes")
        return ""
    return fields.text("id", MAX_KEY)


def _key(text: str, source: str, faults: list[str]) -> str:
    """The key a text stands for: an id of arXiv or a DOI however it is written, one of our own schemes as it is, and
    anything else as an id of this source."""
    if _CANONICAL.fullmatch(text):
        return text
    found = identity_keys("", text, text)[0]
    if found.startswith("doi:") or (found.startswith("arxiv:") and _is_whole(text, found)):
        return found
    scheme = text.partition(":")[0] if _SCHEME.match(text) else ""
    if scheme in ("arxiv", "doi"):
        faults.append(f"“{short(text)}” is no {'id of arXiv' if scheme == 'arxiv' else 'DOI'}")
    return text if scheme in _SCHEMES else f"id:{source}:{text}"


def _is_whole(text: str, key: str) -> bool:
    """Whether an id of arXiv is all there is, but for its version: "2503.01234-fig-2" is an id of somebody else."""
    return _TRAIL.sub("", text.lower()).endswith(key.removeprefix("arxiv:").rpartition("/")[2])


def _listings(fields: Fields, source: str, rank: int) -> tuple[Listing, ...]:
    found = []
    for one in fields.parts("listings"):
        day = one.day("day")
        if day is None:
            fields.faults.append("a listing has no “day”")
            continue
        found.append(Listing(day, one.text("source") or source, one.whole("rank", least=1) or rank))
    if not found and (day := fields.day("day")):
        found = [Listing(day, source, rank)]
    if wrong := [one.day for one in found if one.day.year not in YEARS]:
        fields.faults.append(f"a listing is of {wrong[0]}: write a year from {YEARS[0]} to {YEARS[-1]}")
    return tuple(found)


def _links(fields: Fields, losses: list[str]) -> tuple[Link, ...]:
    found = []
    for one in fields.parts("links"):
        kind, url = one.text("kind"), one.text("url", MAX_LINE)
        if kind not in set(LinkKind):
            losses.append(f"a link of the kind “{short(kind)}” was left out: write {', '.join(LinkKind)}")
        elif not is_web_address(url):
            losses.append(f"the link “{short(url)}” was left out: it is no http or https address")
        else:
            found.append(Link(LinkKind(kind), url))
    return tuple(found)


def _thumbnail(fields: Fields, losses: list[str]) -> str:
    url = fields.text("thumbnail", MAX_LINE)
    if url and not is_web_address(url):
        losses.append(f"the thumbnail “{short(url)}” was left out: it is no http or https address")
        return ""
    return url


def _origins(fields: Fields) -> tuple[tuple[str, str], ...]:
    origins = fields.part("origins")
    return tuple((name, origin) for name in FIELDS if (origin := origins.text(name)))
