"""What arXiv answers, as papers: its RSS 2.0 feeds, their Atom twin, and the Atom of its query API. Pure.

The three forms name most things alike, so one reading does for all: an `item` or an `entry` is a paper, and its
children are looked up by their names without namespace, in lower case.
Forms: https://info.arxiv.org/help/rss.html and https://info.arxiv.org/help/api/user-manual.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from urllib.parse import quote

from lxml import etree

from newsletter.model import Link, LinkKind, Paper, Problem
from newsletter.sources.arxiv.authors import LONGEST, MOST_AUTHORS, MOST_PLACES, Author, authors_in
from newsletter.sources.bounds import MAX_ABSTRACT, MAX_PROBLEMS, MAX_TITLE, line
from newsletter.sources.links import links_in
from newsletter.text import identity_keys

# Far beyond any real answer (2,000 entries, 5 MB), near enough to keep hostile ones cheap.
MAX_BYTES = 16_000_000
MAX_MARKUP = 1_000_000
MAX_ENTRIES = 5_000
MAX_CATEGORIES = 20

CATEGORY = r"(?:[a-z]{1,8}-[a-z]{2,8}|[a-z]{2,8})(?:\.(?:[A-Z]{2}|[a-z]{2,8}-[a-z]{2,8}|[a-z]{4,10}))?"
"""How arXiv writes a category: cs.CL, math, q-bio.NC, cond-mat.str-el. Classes of ACM and MSC look otherwise."""

_CATEGORY = re.compile(CATEGORY)
_DECLARED = re.compile(r"\A\s*<\?xml\b[^>]{0,200}?\?>")
_CHARSET = re.compile(rb"\A\s*<\?xml\b[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_LATIN = ("iso-8859-1", "iso-8859-15", "windows-1252")
_PROLOGUE = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_REFERENCE = re.compile(r"&#(?:x([0-9a-f]*)|([0-9]*));?", re.IGNORECASE)
_ID_PREFIX = re.compile(r"(?:oai:arxiv\.org:|https?://(?:[a-z-]+\.)?arxiv\.org/abs/|arxiv:)", re.IGNORECASE)
_VERSION = re.compile(r"v([1-9][0-9]{0,2})$")
_LEAD = re.compile(
    r"arXiv:(\S{1,60}) Announce Type:(?:\s*(new|cross|replace-cross|replace|absonly)\b)?\s*(?:Abstract:\s*)?"
)
_END = re.compile(r"</(?:[\w-]{1,20}:)?(?:item|entry)\s{0,20}>", re.IGNORECASE)
_COUNT = re.compile(r"[0-9]{1,9}")
_ISO = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"(?:[T ](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2})(?::(?P<second>[0-9]{1,2}))?(?:\.[0-9]{1,9})?Z)?"
)
_RFC = re.compile(r"(?:[A-Za-z]{3},\s*)?(?P<day>[0-9]{1,2})\s+(?P<month>[A-Za-z]{3})[a-z]*\s+(?P<year>[0-9]{4})\b")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_VENUE = re.compile(
    r"\b(?:accepted (?:at|to|by|in|for publication (?:in|at))|to appear (?:in|at)|published (?:in|at)|presented at)\s+"
    r"(?:the )?(?P<venue>[A-Z0-9][^.,;:()\\${}<>]{2,60}?)\s*(?P<end>[,;(]|\.?$|\.\s)",
    re.IGNORECASE,
)
_OWN_LINKS = {LinkKind.CODE, LinkKind.PROJECT, LinkKind.VIDEO}


@dataclass(frozen=True, slots=True)
class Record:
    """One paper of an answer, without listings.

    `announced` is how a feed announces it: `new`, `cross`, `replace` or `replace-cross`; empty from the query API.
    `day` is the date a feed writes beside it; `submitted` is when, says the query API, version 1 came in, aware UTC.
    """

    paper: Paper
    announced: str = ""
    day: date | None = None
    submitted: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer holds.

    `entries` counts its whole entries, those that could not be read among them. `day` is the date of the feed as a
    whole, `total` how many papers the query API knows. `fault` is why nothing can be read, or what arXiv itself says
    went wrong. `damaged` tells that it broke off, or that bytes of it changed on the way.
    """

    records: tuple[Record, ...] = ()
    problems: tuple[Problem, ...] = ()
    entries: int = 0
    day: date | None = None
    total: int | None = None
    fault: str = ""
    damaged: bool = False


def read_answer(content: bytes, document: str) -> Answered:
    """The papers of one answer of arXiv's, in its order, each once; `document` is the name its problems carry.

    Never raises, whatever the bytes are. Text that is not well-formed XML is read as far as it is whole.
    """
    if len(content) > MAX_BYTES:
        return Answered(fault=f"too large: an answer of arXiv has at most {MAX_BYTES // 1_000_000} MB")
    text, charset_fault = _text(content)
    if fault := _refusal(text):
        return Answered(fault=fault)
    tree, cut_fault = _tree(text)
    if tree is None:
        return Answered(fault=f"not XML: {cut_fault}")
    name = _name(tree)
    if name not in ("rss", "feed"):
        what = "a web page" if name == "html" else f"its first element is “{line(name, 40)}”"
        return Answered(fault=f"neither RSS nor Atom but {what}" if name == "html" else f"neither RSS nor Atom: {what}")
    return _read(tree, document, charset_fault, cut_fault, text)


def _text(content: bytes) -> tuple[str, str]:
    """The text, and what was wrong with its charset. arXiv writes UTF-8, whatever a proxy declares."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), ""
    with suppress(UnicodeDecodeError):
        return content.decode("utf-8-sig"), ""
    declared = _CHARSET.match(content)
    charset = declared[1].decode("ascii").lower() if declared else ""
    if charset in _LATIN:
        return content.decode(charset, "replace"), ""
    return content.decode("utf-8-sig", "replace"), "not UTF-8: its letters are damaged"


def _refusal(text: str) -> str:
    """Why the text is not read as XML; empty when it is."""
    if not text.strip():
        return "the answer is empty"
    start = _PROLOGUE.match(text)
    following = text[start.end() if start else 0 :][:30].lower()
    if following.startswith(("<!doctype html", "<html")):
        return "neither RSS nor Atom but a web page"
    if following.startswith("<!"):
        return "it begins with a DOCTYPE, where entities can hide; no answer of arXiv has one"
    if max(text.count("<"), text.count("=")) > MAX_MARKUP:
        return f"too large: an answer of arXiv has at most {MAX_MARKUP:,} tags"
    return ""


def _tree(text: str) -> tuple[etree._Element | None, str]:
    """The document, and what is wrong with it; where it is not well-formed, what a second reading recovers of it."""
    source = _DECLARED.sub("", text, count=1).encode("utf-8", "replace")
    fault = ""
    for recover in (False, True):
        if recover:
            source = _REFERENCE.sub(_existing, source.decode()).encode()
        parser = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
            recover=recover,
        )
        try:
            return etree.fromstring(source, parser), fault
        except etree.XMLSyntaxError as error:
            fault = fault or line(str(error.msg), 120)
        except (ValueError, AssertionError) as error:  # lxml, of names that it cannot hold
            fault = fault or line(str(error), 120)
    return None, fault


def _existing(reference: re.Match[str]) -> str:
    """A reference to a letter by its number, unless XML 1.0 (section 2.2) knows no such letter: repairing a document,
    libxml2 puts halves of letters into it, which can be read by nobody."""
    digits, base = (reference[1], 16) if reference[1] is not None else (reference[2], 10)
    number = int(digits, base) if 0 < len(digits) < 12 else 0
    known = number in (9, 10, 13) or 0x20 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0xFFFF < number < 0x110000
    return reference[0] if known else ""


def _read(tree: etree._Element, document: str, charset_fault: str, cut_fault: str, text: str) -> Answered:
    about = _children(next((child for child in tree if _name(child) == "channel"), tree))
    elements = [element for element in tree.iter() if _name(element) in ("item", "entry")]
    if said := _error(about, elements):
        return Answered(fault=said)
    entries = len(elements)
    problems = [Problem(document, 0, charset_fault)] if charset_fault else []
    if cut_fault:
        problems.append(Problem(document, 0, f"not well-formed XML: {cut_fault}"))
        # What was cut off in the middle is the last of them; it may look whole and is not.
        ended = len(_END.findall(text))
        if ended != entries:
            problems.append(Problem(document, 0, f"{abs(entries - ended):,} of its entries cut off"))
            elements = elements[:ended]
            entries = len(elements)
    if len(elements) > MAX_ENTRIES:
        problems.append(Problem(document, 0, f"more than {MAX_ENTRIES:,} entries: the rest was not read"))
    records: dict[str, Record] = {}
    for element in elements[:MAX_ENTRIES]:
        record = _record(element)
        if isinstance(record, Record) and charset_fault and _is_damaged(record.paper):
            record = "not UTF-8, so this paper is left out"
        if isinstance(record, Record):
            records.setdefault(record.paper.id, record)
        else:
            problems.append(Problem(document, element.sourceline or 0, record))
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [Problem(document, 0, f"and {len(problems) - MAX_PROBLEMS:,} more")]
    total = _first(about, "totalresults")
    return Answered(
        tuple(records.values()),
        tuple(problems),
        entries,
        _day(_first(about, "pubdate", "updated")),
        int(total) if _COUNT.fullmatch(total) else None,
        damaged=bool(charset_fault or cut_fault),
    )


def _is_damaged(paper: Paper) -> bool:
    return any("\ufffd" in text for text in (paper.title, paper.abstract, *paper.authors))


def _error(about: dict[str, list[etree._Element]], elements: list[etree._Element]) -> str:
    """What arXiv says went wrong: the API in an entry called `Error`, the feeds in their own title."""
    if len(elements) == 1:
        entry = _children(elements[0])
        if _first(entry, "title") == "Error" and "/api/errors" in _first(entry, "id"):
            return f"arXiv says: {line(_first(entry, 'summary') or 'Error', 200)}"
    if _first(about, "title").startswith("Feed error for query"):
        return f"arXiv says: {line(_first(about, 'description', 'subtitle', 'title'), 200)}"
    return ""


def _record(element: etree._Element) -> Record | str:
    """The paper of an item or entry, or why there is none."""
    parts = _children(element)
    title = _first(parts, "title")
    if not title:
        return "a paper without a title"
    if len(title) > MAX_TITLE:
        return f"a title of more than {MAX_TITLE:,} characters"
    abstract = _first(parts, "description", "summary", "content")
    lead = _LEAD.match(abstract)
    abstract = (abstract[lead.end() :] if lead else abstract).removeprefix("Abstract: ")
    if len(abstract) > MAX_ABSTRACT:
        return f"an abstract of more than {MAX_ABSTRACT:,} characters"
    written = [_first(parts, "guid", "id"), _first(parts, "link"), lead[1] if lead else ""]
    ids = [_ID_PREFIX.sub("", one, count=1) for one in written]
    keys = next((keys for one in ids if (keys := _keys(title, one, _first(parts, "doi")))), ())
    if not keys:
        return f"a paper without an arXiv identifier: {line(title, 80)}"
    version = next((int(found[1]) for one in ids if (found := _VERSION.search(one))), 0)
    announced = _first(parts, "announce_type") or (lead and lead[2]) or ""
    day = _day(_first(parts, "pubdate", "published"))
    published = day if announced in ("", "new") else None  # a cross-listing or a replacement has only that date here
    paper = Paper(keys[0], title, abstract, keys=keys, version=version, published=published)
    return Record(_described(paper, parts), announced, day, _moment(_first(parts, "published")))


def _described(paper: Paper, parts: dict[str, list[etree._Element]]) -> Paper:
    comment = _first(parts, "comment")
    names = _people(parts)
    journal = _first(parts, "journal_ref", "journal_reference")
    return replace(
        paper,
        authors=tuple(dict.fromkeys(author.name for author in names)),
        institutions=tuple(dict.fromkeys(place for author in names for place in author.institutions)),
        links=_links(paper, comment),
        categories=_categories(parts),
        venue=journal if 0 < len(journal) <= LONGEST else _venue(comment),
    )


def _keys(title: str, arxiv_id: str, doi: str) -> tuple[str, ...]:
    keys = identity_keys(title, arxiv_id=arxiv_id[:100], doi=doi[:LONGEST])
    return keys if keys[0].startswith("arxiv:") else ()


def _people(parts: dict[str, list[etree._Element]]) -> list[Author]:
    """The authors: elements with a name each, or the comma-joined line that a feed makes of them."""
    found: list[Author] = []
    for element in parts.get("author", [])[:MOST_AUTHORS]:
        inside = _children(element)
        if name := _first(inside, "name"):
            places = tuple(_squeezed(place) for place in inside.get("affiliation", [])[:MOST_PLACES])
            found.append(Author(name, tuple(place for place in places if 0 < len(place) <= LONGEST)))
    if not found:
        for element in parts.get("creator", [])[:MOST_AUTHORS]:
            found += authors_in(_squeezed(element))
    return [author for author in found[:MOST_AUTHORS] if len(author.name) <= LONGEST]


def _categories(parts: dict[str, list[etree._Element]]) -> tuple[str, ...]:
    """The categories of arXiv, the primary one first, which is where a feed has it anyway."""
    terms = [element.get("term") or "" for element in parts.get("primary_category", [])[:1]]
    terms += [element.get("term") or _squeezed(element) for element in parts.get("category", [])[:MAX_CATEGORIES]]
    return tuple(dict.fromkeys(term for term in terms if _CATEGORY.fullmatch(term)))[:MAX_CATEGORIES]


def _links(paper: Paper, comment: str) -> tuple[Link, ...]:
    number = paper.id.removeprefix("arxiv:")
    links = [
        Link(LinkKind.ABSTRACT, f"https://arxiv.org/abs/{number}"),
        Link(LinkKind.PDF, f"https://arxiv.org/pdf/{number}"),
    ]
    dois = [key.removeprefix("doi:") for key in paper.keys if key.startswith("doi:")]
    links += [Link(LinkKind.DOI, f"https://doi.org/{quote(doi, safe='/:;().,-_+')}") for doi in dois]
    # An abstract that names another paper's page must not pass it off as its own.
    links += [link for link in links_in(paper.abstract) + links_in(comment) if link.kind in _OWN_LINKS]
    return tuple(dict.fromkeys(links))


def _venue(comment: str) -> str:
    """Where a comment says that the paper was accepted, when it says so shortly: "Accepted at ICLR 2026, 9 pages"."""
    found = _VENUE.search(comment[:1_000])
    if not found:
        return ""
    venue = " ".join(found["venue"].split())
    abbreviated = found["end"].startswith(".") and not venue[-1].isdigit()  # "IEEE Trans. Robotics" goes on
    return "" if abbreviated or "http" in venue.lower() or not venue[0].isupper() else venue


def _day(text: str) -> date | None:
    """The date as it is written, whatever zone follows it: "Fri, 7 Aug 2026 00:00:00 -0400", "2026-8-7T..."."""
    found = _ISO.match(text) or _RFC.match(text)
    if not found:
        return None
    month = found["month"]
    with suppress(ValueError):
        number = int(month) if month.isdigit() else _MONTHS.index(month.lower()) + 1
        return date(int(found["year"]), number, int(found["day"]))
    return None


def _moment(text: str) -> datetime | None:
    found = _ISO.match(text)
    if not found or not found["hour"]:
        return None
    year, month, day, hour, minute, second = (int(number or 0) for number in found.groups())
    with suppress(ValueError):
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return None


def _children(element: etree._Element) -> dict[str, list[etree._Element]]:
    children: dict[str, list[etree._Element]] = {}
    for child in element:
        children.setdefault(_name(child), []).append(child)
    return children


def _name(element: etree._Element) -> str:
    """The name without namespace, in lower case; empty for what is no element (an entity that nobody declared)."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _first(parts: dict[str, list[etree._Element]], *names: str) -> str:
    """The text of the first of `names` that has any."""
    return next((text for name in names for element in parts.get(name, [])[:3] if (text := _squeezed(element))), "")


def _squeezed(element: etree._Element) -> str:
    """Its text and that of its children, white space collapsed. Deeper it is not looked, so that all is read once."""
    return " ".join("".join(_pieces(element)).split())


def _pieces(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        yield (child.text or "") if isinstance(child.tag, str) else ""
        yield child.tail or ""
