"""An RSS or Atom feed as a batch of papers: what could be read, and where and why the rest could not. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from newsletter.model import Batch, Link, LinkKind, Listing, Paper, Problem, Verdict
from newsletter.sources.bounds import (
    MAX_AUTHORS,
    MAX_NAME,
    MAX_TITLE,
    Report,
    Unreadable,
    address,
    counted,
    day_of,
    line,
    whole,
)
from newsletter.sources.feed.document import MAX_ENTRIES, Document, Refused, document
from newsletter.sources.feed.text import abstract_of, names, plain
from newsletter.sources.links import links_in
from newsletter.text import identity_keys

KIND = "feed"

LATELY = timedelta(days=3)
LONGEST_ABSTRACT = 5_000
MAX_TERMS = 20
MAX_KEY = 200

_OWN_LINKS = {LinkKind.CODE, LinkKind.PROJECT, LinkKind.VIDEO}
_ARXIV = re.compile(
    r"(?:oai:arXiv\.org:|arXiv:|https?://(?:[a-z]+\.)?(?:arxiv\.org/(?:abs|pdf|html)"
    r"|huggingface\.co/papers|alphaxiv\.org/abs)/)(?P<id>\S+)",
    re.IGNORECASE,
)
_DOI = re.compile(r"(?:doi:\s*|https?://(?:dx\.)?doi\.org/|(?:info:)?doi/)?(?P<doi>10\.[0-9]{4,9}/\S+)", re.IGNORECASE)
_DOI_IN_PATH = re.compile(r"/(?:doi|content)/(?:[a-z]{3,8}/)?(?P<doi>10\.[0-9]{4,9}/.+)")
_REVISION = re.compile(r"(10\.(?:1101|64898)/[0-9.]+)v[0-9]+(?:\.\S*)?")  # of bioRxiv and medRxiv
_CATEGORY = re.compile(
    r"(?:astro-ph|cond-mat|cs|econ|eess|math|nlin|physics|q-bio|q-fin|stat)\.(?:[A-Z]{2}|[a-z]+(?:-[a-z]+)*)"
    r"|astro-ph|cond-mat|gr-qc|hep-(?:ex|lat|ph|th)|math-ph|nucl-(?:ex|th)|quant-ph"
)
_TRACKING = re.compile(r"utm_\w+|rss|af|source|feed|from|ref|fbclid|gclid|mc_\w+", re.IGNORECASE)
_WORDS = re.compile(r"\w+")
WORDS_OF_A_NAME = 4
"""A title of fewer words names no paper: every journal has its "Editorial", every blog its "Weekly links"."""


def parse_feed(
    body: bytes,
    *,
    name: str,
    url: str,
    charset: str = "",
    venue: str = "",
    today: date,
    asked: date | None = None,
    look_back: int = 7,
) -> Batch:
    """The papers of a feed, in its order, and everything in it that could not be read.

    `name` is the source's, `url` what relative links are relative to, `charset` what the server said, `venue` is put
    on papers whose entry names none. `asked` is a day: only entries of that day count then. Never raises.

    An entry is listed on its own day, in UTC, when that is no more than LATELY before `today`, else on `today`: a
    journal dates some entries weeks before it puts them into its feed, and an edition takes what was listed in the last
    `look_back` days. It is listed once, however long it stays in the feed.

    Its identity is its arXiv identifier or its DOI, else its GUID or link, then its title.

    The verdict is *new* when all was read, *partial* when some was, *quiet* for a feed without entries, or with none of
    the day `asked`, and *broken* for what is no feed.
    """
    label = _label(url)
    try:
        found = document(body, charset)
        entries, bozo = _entries(found, url)
    except Refused as error:
        why = str(error)
        problems = (Problem(label, 0, why),)
        return Batch(name, label, None, (), Verdict.BROKEN, why, problems=problems, kind=KIND, asked=asked)
    report = Report(label)
    read = _read(entries, name, venue, report)
    if found.fault or (bozo and len(entries) < min(found.entries, MAX_ENTRIES)):
        report.add(found.fault or f"the feed is no well-formed XML ({bozo}): some of its entries were not read")
    wanted = [one for one in read if asked in (None, one.day)]
    lately = today - min(LATELY, timedelta(days=look_back - 1))
    papers = tuple(_listed(one, name, asked or _day_of_listing(one, lately, today)) for one in wanted)
    days = [one.day for one in wanted if one.day and one.day <= today]
    verdict, why = _verdict(len(papers), len(entries), report, asked)
    declared = None if asked else max(found.entries, len(entries)) if found.fault else len(entries)
    return Batch(
        name,
        label,
        asked if papers and asked else max(days, default=None),
        papers,
        verdict,
        why,
        problems=report.problems,
        kind=KIND,
        declared=declared,
        asked=asked,
        standing=True,
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """A paper of the feed, its own day, and its place in the feed, counted from 1."""

    paper: Paper
    day: date | None
    rank: int


def _entries(found: Document, url: str) -> tuple[list[dict[str, Any]], str]:
    """The entries of a feed as feedparser names their parts, and what it had against the XML. Raises Refused."""
    import feedparser  # only who reads feeds pays for it

    headers = {"content-type": "application/xml; charset=utf-8", "content-location": url}
    try:
        # Bytes in a file: what is a text may be taken for an address or the name of a file.
        read = feedparser.parse(
            BytesIO(found.utf8), response_headers=headers, resolve_relative_uris=False, sanitize_html=False
        )
    except Exception as error:  # an oversight of feedparser costs this feed and no other source
        raise Refused(f"feedparser cannot read the feed: {type(error).__name__}") from error
    if not read.get("version") and not read["entries"]:
        raise Refused("the answer is XML, but neither RSS nor Atom")
    # Plain dicts: feedparser's own answer for parts that are not there with parts that are similar.
    return [dict(entry) for entry in read["entries"][:MAX_ENTRIES]], line(str(read.get("bozo_exception", "")), 100)


def _read(entries: Sequence[Mapping[str, Any]], name: str, venue: str, report: Report) -> list[_Entry]:
    """The papers of `entries`; of two with the same identity the first."""
    titles: dict[str, set[str]] = {}
    for entry in entries:
        titles.setdefault(_identity(entry, name), set()).add(_text(entry, "title"))
    shared = {identity for identity, those in titles.items() if len(those) > 1}
    found: list[_Entry] = []
    known: set[str] = set()
    for rank, entry in enumerate(entries, 1):
        try:
            paper = _paper(entry, name, venue, shared)
        except Unreadable as error:
            report.add(f"entry {rank}: {error}")
            continue
        if paper.id not in known:
            known.update(paper.keys)
            found.append(_Entry(paper, paper.published, rank))
    return found


def _paper(entry: Mapping[str, Any], name: str, venue: str, shared: Collection[str]) -> Paper:
    """The paper of an entry, not listed yet. `shared` are the identities that do not tell entries apart. Raises
    Unreadable."""
    title = whole("title", plain(_text(entry, "title")), MAX_TITLE)
    if not title:
        raise Unreadable("an entry without a title")
    abstract = whole("abstract", _abstract(entry), LONGEST_ABSTRACT)
    *certain, by_title = identity_keys(title, arxiv_id=_arxiv(entry), doi=_doi(entry))
    identity = _identity(entry, name)
    if not certain and identity and identity not in shared:
        certain = [identity]
    named = len(_WORDS.findall(title)) >= WORDS_OF_A_NAME
    keys = (*certain, by_title) if named or not certain else tuple(certain)
    terms = list(dict.fromkeys(_terms(entry)))
    return Paper(
        keys[0],
        title,
        abstract,
        keys=keys,
        authors=_authors(entry),
        links=_links(entry, keys, abstract),
        venue=venue or line(plain(_text(entry, "prism_publicationname"))),
        published=_day(entry),
        categories=tuple(term for term in terms if _CATEGORY.fullmatch(term))[:MAX_TERMS],
        fields=tuple(term for term in terms if not _CATEGORY.fullmatch(term))[:MAX_TERMS],
    )


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _parts(entry: Mapping[str, Any], name: str, part: str) -> list[str]:
    """The texts called `part` of those that the entry has as `name`."""
    several = entry.get(name)
    found = [one.get(part) for one in several if isinstance(one, dict)] if isinstance(several, list) else []
    return [text for text in found if isinstance(text, str)]


def _abstract(entry: Mapping[str, Any]) -> str:
    """The longest text that an abstract may have. A feed that gives whole articles alone gives the beginning of one."""
    texts = [abstract_of(text) for text in (_text(entry, "summary"), *_parts(entry, "content", "value")[:3])]
    sensible = [text for text in texts if len(text) <= LONGEST_ABSTRACT]
    if any(sensible):
        return max(sensible, key=len)
    shortest = min((text for text in texts if text), key=len, default="")
    return shortest[:LONGEST_ABSTRACT].rpartition(" ")[0] if shortest else ""


def _authors(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Raises Unreadable for a name with a hole in it: people are not to be misspelt."""
    creators = [plain(name) for name in _parts(entry, "authors", "name")[:MAX_AUTHORS]]
    people = names([creator for creator in creators if creator])[:MAX_AUTHORS]
    told = [whole("name", name, MAX_NAME) for name in people if len(name) <= MAX_NAME]
    return tuple(dict.fromkeys(person for name in told if (person := line(name))))


def _terms(entry: Mapping[str, Any]) -> Iterator[str]:
    """Categories, keywords and the section, as they are called."""
    for term in (*_parts(entry, "tags", "term")[: 5 * MAX_TERMS], _text(entry, "prism_section")):
        if len(term) <= MAX_NAME and (told := line(plain(term))):
            yield told


def _day(entry: Mapping[str, Any]) -> date | None:
    """The day it was published, in UTC; where it only says when it was changed, that."""
    for name in ("published", "updated", "prism_publicationdate", "created"):
        parsed = entry.get(f"{name}_parsed")
        day = day_of("-".join(str(number) for number in parsed[:3])) if parsed else None
        if day := day or day_of(entry.get(name)):
            return day
    return None


def _places(entry: Mapping[str, Any]) -> list[str]:
    """Where an entry may name its paper: its GUID, its links, its identifiers."""
    return [_text(entry, one)[:1_000].strip() for one in ("prism_doi", "dc_identifier", "id", "link")]


def _arxiv(entry: Mapping[str, Any]) -> str:
    return next((found["id"] for place in _places(entry) if (found := _ARXIV.match(place))), "")


def _doi(entry: Mapping[str, Any]) -> str:
    for place in _places(entry):
        found = _DOI.match(place) or _DOI_IN_PATH.search(place.partition("?")[0].partition("#")[0])
        if found:
            revision = _REVISION.fullmatch(found["doi"])
            return revision[1] if revision else found["doi"]
    return ""


def _identity(entry: Mapping[str, Any], name: str) -> str:
    """What the feed itself tells its entries apart by: a GUID, else a link. An address counts whatever the feed, so
    that two feeds of one journal show one paper."""
    guid = _text(entry, "id").strip() or _text(entry, "link").strip()
    if guid.lower().startswith(("http://", "https://")):
        place = _place(guid)
        return _short("url:", place) if place else ""
    return _short(f"guid:{name}:", " ".join(guid.split())) if guid else ""


def _place(url: str) -> str:
    """The address without what may differ between two to the same page; nothing for the front door of a site."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
        port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    except ValueError:
        return ""
    asked = [pair for pair in parse_qsl(parts.query[:2_000], max_num_fields=200) if not _TRACKING.fullmatch(pair[0])]
    path = parts.path.rstrip("/")
    return f"{host}{port}{path}{'?' if asked else ''}{urlencode(asked)}" if host and (path or asked) else ""


def _short(kind: str, text: str) -> str:
    """A key: `text` as it is when it is short and can be printed, else its hash."""
    plainly = len(text) <= MAX_KEY and text.isprintable()
    return kind + (text if plainly else sha256(text.encode("utf-8", "replace")).hexdigest())


def _links(entry: Mapping[str, Any], keys: Sequence[str], abstract: str) -> tuple[Link, ...]:
    links: list[Link] = []
    for key in keys:
        kind, _, number = key.partition(":")
        if kind == "arxiv":
            links.append(Link(LinkKind.ABSTRACT, f"https://arxiv.org/abs/{number}"))
            links.append(Link(LinkKind.PDF, f"https://arxiv.org/pdf/{number}"))
        elif kind == "doi":
            links.append(Link(LinkKind.DOI, f"https://doi.org/{quote(number, safe='/:;().,-_+')}"))
    page = address(entry.get("link"))
    if page and not _ARXIV.match(page) and not _DOI.match(page):
        links.append(Link(LinkKind.ABSTRACT, page))
    files = [one for one in entry.get("links", ())[:MAX_TERMS] if one.get("type") == "application/pdf"]
    pdfs = [address(one.get("href")) for one in files]
    links += [Link(LinkKind.PDF, pdf) for pdf in pdfs if pdf and not _ARXIV.match(pdf)]
    links += [link for link in links_in(abstract) if link.kind in _OWN_LINKS]
    once: dict[str, Link] = {}
    for link in links:
        once.setdefault(link.url, link)
    return tuple(once.values())


def _label(url: str) -> str:
    """The feed's address for the operator: without its query, which may hold a key."""
    return line(re.sub(r"^https?://(?:[^/@]*@)?", "", url).partition("?")[0], 100)


def _day_of_listing(one: _Entry, lately: date, today: date) -> date:
    return one.day if one.day and lately <= one.day <= today else today


def _listed(one: _Entry, source: str, day: date) -> Paper:
    return replace(one.paper, listings=(Listing(day, source, one.rank),), first_seen=day)


def _verdict(papers: int, entries: int, report: Report, asked: date | None) -> tuple[Verdict, str]:
    count = counted(papers, "paper") if papers else "no paper"
    of_day = f" of {asked}" if asked else ""
    if report.count:
        unread = "1 place not: " if report.count == 1 else f"{report.count:,} places not: first "
        verdict = Verdict.PARTIAL if papers or report.count < entries else Verdict.BROKEN
        return verdict, f"{count}{of_day} read, {unread}{report.described[0].why}"
    if papers:
        return Verdict.NEW, f"{count}{of_day} read"
    return Verdict.QUIET, f"the feed shows nothing{of_day}" if entries else "the feed is empty"
