"""A listing document as a batch of papers: what could be read, and where and why the rest could not. Pure."""

from __future__ import annotations

from datetime import date, timedelta

from newsletter.model import Batch, LinkKind, Listing, Paper, Problem, Verdict
from newsletter.sources.bounds import MAX_ABSTRACT, MAX_BYTES, MAX_TITLE, Report
from newsletter.sources.days import day_in_name, resolve
from newsletter.sources.links import links_in
from newsletter.sources.listing.page import Block, Page, places, read_page
from newsletter.text import identity_keys

# Far beyond any real page (100 kB, 60 papers), near enough to keep hostile ones cheap.
MAX_LINES = 200_000
MAX_PAPERS = 5_000
_OWN_LINKS = {LinkKind.CODE, LinkKind.PROJECT, LinkKind.VIDEO}

TOO_LARGE = f"too large: a listing document has at most {MAX_BYTES // 1_000_000} MB; split it into one file per day"

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NOT_UTF8 = "not UTF-8, so this paper is left out: save the document as UTF-8"
_NO_DAY = (
    'no day found: write it on a line of its own above the first title, like "Mar 11, 2025", '
    "or name the file after it, like 2025-03-11.txt"
)


def parse_listing(content: bytes, *, document: str, source: str, year: int | None, today: date) -> Batch:
    """The papers of one listing document, in page order, and everything in it that could not be read.

    `document` is the name the batch and its problems carry; a full date in it stands in for a missing day line, and
    `year`, else a year in the name, else `today` for a missing year (see `days.resolve`). A paper's rank is its
    place on the page, counted from 1, the places that could not be read included. Never raises, whatever the bytes are.

    The verdict is *new* when all was read, *partial* when some was, *broken* when nothing was (an empty or undecodable
    document, one without a day), *quiet* for a day without papers.
    """
    if refusal := _refusal(content):
        return broken(document, source, refusal)
    page = read_page(content.decode("utf-8", "surrogateescape"))
    report = Report(document)
    day = _day(page, report, year, today)
    if day is None:
        return broken(document, source, report.problems[0].why, report.problems)
    if day > today + timedelta(days=1):  # somewhere it may be tomorrow already
        report.add(f"{day} has not come yet: correct the day or the year, or its papers wait until then")
    papers = _papers(page, day, source, report)
    verdict, why = _verdict(len(papers), report)
    declared = sum(1 for _ in places(page.blocks))
    return Batch(source, document, day, papers, verdict, why, page.curators, report.problems, declared=declared)


def broken(document: str, source: str, why: str, problems: tuple[Problem, ...] = ()) -> Batch:
    """The batch of a document of which nothing can be read, for the reason `why`."""
    return Batch(source, document, None, (), Verdict.BROKEN, why, problems=problems or (Problem(document, 0, why),))


def _refusal(content: bytes) -> str | None:
    """Why the bytes are not looked at any further, None when they are."""
    if len(content) > MAX_BYTES:
        return TOO_LARGE
    if content.startswith(_UTF16_MARKS):
        return "not UTF-8 but UTF-16: save the document as UTF-8"
    if not content.removeprefix(b"\xef\xbb\xbf").strip():
        return "the document is empty"
    if max(content.count(b"\n"), content.count(b"\r")) >= MAX_LINES:
        return f"too long: a listing document has at most {MAX_LINES:,} lines; split it into one file per day"
    return None


def _day(page: Page, report: Report, year: int | None, today: date) -> date | None:
    """The page's day; None, with the reason in the report, when it has none. A second day ends the page."""
    named = day_in_name(report.document)
    if not page.days:
        if named is None:
            if unreadable := next((block.unreadable for block in page.blocks if block.unreadable), 0):
                report.add("not UTF-8: save the document as UTF-8", unreadable)
            report.add(_NO_DAY)
        return named
    (line, text, first), *others = page.days
    day = resolve(first, year=year, name=report.document, today=today)
    if day is None:
        report.add(f'there is no day "{text}" in its year: correct the day, or the year', line)
        return named
    for line, text, other in others:
        if resolve(other, year=year, name=report.document, today=today) != day:
            report.add(f'a second day, "{text}", begins: put it into a document of its own; here it was not read', line)
            page.blocks = [block for block in page.blocks if block.line < line]
            break
    return day


def _papers(page: Page, day: date, source: str, report: Report) -> tuple[Paper, ...]:
    papers: list[Paper] = []
    known: dict[str, int] = {}  # the line a paper was read at, by each of its keys
    for rank, (title, abstract) in enumerate(places(page.blocks), 1):
        if len(papers) == MAX_PAPERS:
            report.add(f"more than {MAX_PAPERS:,} papers: from here on nothing was read", title.line)
            break
        if abstract is None:
            report.add(*_alone(title, last=title is page.blocks[-1]))
            continue
        if fault := _fault(title, abstract):
            report.add(*fault)
            continue
        keys = identity_keys(title.text)
        if before := next((known[key] for key in keys if key in known), 0):
            report.add(f"the same title as at line {before}: the first is kept", title.line)
            continue
        known.update(dict.fromkeys(keys, title.line))
        listings = (Listing(day, source, rank),)
        # An abstract that names another paper's page must not pass it off as its own.
        links = tuple(link for link in links_in(abstract.text) if link.kind in _OWN_LINKS)
        papers.append(
            Paper(keys[0], title.text, abstract.text, links=links, listings=listings, keys=keys, first_seen=day)
        )
    return tuple(papers)


def _alone(block: Block, *, last: bool) -> tuple[str, int]:
    """Reason and line of a block that has no partner."""
    if block.unreadable:
        return _NOT_UTF8, block.unreadable
    if block.signs:
        return "an abstract without a title", block.line
    return "a title without an abstract" + ("" if last else " (two titles in a row)"), block.line


def _fault(title: Block, abstract: Block) -> tuple[str, int] | None:
    """Reason and line why a title and its abstract make no paper, None when they do."""
    if unreadable := title.unreadable or abstract.unreadable:
        return _NOT_UTF8, unreadable
    if len(title.text) > MAX_TITLE:
        return f"a title of more than {MAX_TITLE:,} characters", title.line
    if len(abstract.text) > MAX_ABSTRACT:
        return f"an abstract of more than {MAX_ABSTRACT:,} characters", abstract.line
    return None


def _verdict(read: int, report: Report) -> tuple[Verdict, str]:
    """The verdict on a document with a day, and the sentence that explains it."""
    papers = f"{read:,} paper{'' if read == 1 else 's'} read" if read else "no paper read"
    if not report.count:
        return (Verdict.NEW, papers) if read else (Verdict.QUIET, "the page names its day and no papers")
    first = report.problems[0]
    unread = "1 place not: " if report.count == 1 else f"{report.count:,} places not: first "
    where = f"at line {first.line}: {first.why}" if first.line else first.why
    return Verdict.PARTIAL if read else Verdict.BROKEN, f"{papers}, {unread}{where}"
