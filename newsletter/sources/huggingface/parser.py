"""A day's list of Hugging Face Daily Papers, as its API tells it, as a batch of papers. Pure.

A page is a JSON array. What there is to know lies in the `paper` object of an item: the votes (`upvotes`), the day it
was featured (`submittedOnDailyAt`), the machine-written summary (`ai_summary`), the code (`githubRepo`). On the item
itself lie `thumbnail` and `numComments`, and a `publishedAt` that is not the day it was featured.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from newsletter.model import Batch, Link, LinkKind, Listing, Observation, Paper, Verdict
from newsletter.sources.bounds import (
    MAX_ABSTRACT,
    MAX_AUTHORS,
    MAX_BYTES,
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
from newsletter.sources.links import links_in
from newsletter.text import identity_keys

KIND = "huggingface"

MAX_PARTS = 500_000  # brackets and commas: what an answer costs once it is read
MAX_NUMBER = 100_000_000
MAX_SUMMARY = 2_000
MAX_MEDIA = 10
STRAGGLERS = timedelta(days=3)
"""How long before the newest day of its list a paper may have been featured and keep that day: a weekend."""

_NOT_SPACE = re.compile(r"[^ \t\r\n]|$")
_OWN_LINKS = {LinkKind.CODE, LinkKind.PROJECT, LinkKind.VIDEO}
_OBSERVED = (("paper", "upvotes", "votes"), ("", "numComments", "comments"), ("paper", "githubStars", "stars"))
# The most digits of a number worth reading; beyond 4,300 Python itself refuses.
_DECODER = json.JSONDecoder(parse_int=lambda digits: int(digits) if len(digits) <= 18 else math.inf)


@dataclass(frozen=True, slots=True)
class Page:
    """The items of one page; `fault` says why there are not all of them, or none."""

    items: tuple[Any, ...] = ()
    fault: str = ""


def read_page(body: bytes) -> Page:
    """The items of a page, as JSON gives them: what can be read before the place where it breaks off. Never raises."""
    if len(body) > MAX_BYTES or sum(body.count(sign) for sign in (b"[", b"{", b",")) > MAX_PARTS:
        return Page(fault="the answer is far too large for a list of papers")
    # Bytes that are no UTF-8 become lone surrogates, so that they cost the item they are in and no other.
    text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").strip(" \t\r\n")
    if not text.startswith("["):
        return Page(fault=_no_list(text))
    items: list[Any] = []
    try:
        items.extend(_items(text))
    except (ValueError, RecursionError):
        return Page(tuple(items), f"the answer cannot be read further than {counted(len(items), 'item')}")
    return Page(tuple(items))


def refusal(body: bytes) -> str:
    """What the server says to a request that it refuses, as part of a sentence. Never raises."""
    return _no_list(body[:10_000].decode("utf-8", "replace").strip())


def parse_day(pages: Sequence[Page], *, source: str, asked: date, today: date, missing: str = "") -> Batch:
    """The papers of the list of the day `asked`, in its order, and everything in it that could not be read.

    `today` is the date in UTC. `missing` says why there are no more `pages`, when there should be. Never raises.

    A paper's day is the one it was featured on. On a weekend the list is empty or that of the Friday before, and the
    papers are Friday's then. A paper of a list that was featured long before the others counts as listed with them:
    its own day may have passed unseen. Its rank is its place in the list, counted from 1, the places that could not be
    read included. A paper that was withdrawn is left out, and said.

    The verdict is *new* when all was read, *quiet* when there is nothing to read, *partial* when some could not be read
    or the day is not over yet, *stale* when a weekday that is over shows the list of an earlier day, *broken* when
    nothing could be read. No day is told to be expected: nobody publishes when there is no list (holidays).
    """
    report = Report(asked.isoformat())
    withdrawn: list[str] = []
    found = _papers(pages, report, withdrawn)
    for fault in [page.fault for page in pages if page.fault] + [missing] * bool(missing):
        report.add(fault)
    faults = report.count
    for paper_id in withdrawn:
        report.add(f"{paper_id} was withdrawn and is left out")
    shown = max((min(one.featured, asked) for one in found if one.featured), default=asked)
    papers = tuple(_listed(one, shown, source) for one in found)
    verdict, why = _verdict(asked, today, shown, len(papers), faults, report)
    if withdrawn:
        why += f"; {counted(len(withdrawn), 'withdrawn paper')} left out"
    return Batch(
        source,
        report.document,
        shown if papers else None,
        papers,
        verdict,
        why,
        problems=report.problems,
        kind=KIND,
        observations=tuple(observation for one in found for observation in one.observations),
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """A paper of the list: its rank, the day it was featured, and the numbers that change."""

    paper: Paper
    rank: int
    featured: date | None
    observations: tuple[Observation, ...]


def _items(text: str) -> Iterator[Any]:
    """The items of the array that `text` is. Raises ValueError or RecursionError where it is none any more."""
    at = _after_space(text, 1)
    while not text.startswith("]", at):
        item, at = _DECODER.raw_decode(text, at)
        yield item
        at = _after_space(text, at)
        if text.startswith(",", at):
            at = _after_space(text, at + 1)
        elif not text.startswith("]", at):
            raise ValueError("neither the next item nor the end")


def _after_space(text: str, at: int) -> int:
    found = _NOT_SPACE.search(text, at)
    return found.start() if found else len(text)


def _no_list(text: str) -> str:
    """What an answer is that is no array."""
    if text.startswith("<"):
        return "the answer is a web page, not a list of papers"
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return "the answer is no list of papers"
    said = told.get("error") or told.get("message") if isinstance(told, dict) else None
    if isinstance(said, dict):
        said = said.get("message")
    return f"the server says: {line(said)}" if isinstance(said, str) and line(said) else "the answer is no list"


def _papers(pages: Sequence[Page], report: Report, withdrawn: list[str]) -> list[_Shown]:
    found: list[_Shown] = []
    known: set[str] = set()
    rank = 0
    for number, item in enumerate((item for page in pages for item in page.items), 1):
        try:
            one = _read(item)
        except Unreadable as error:
            rank += 1
            report.add(f"item {number}: {error}")
            continue
        if one.paper.id in known:
            continue  # the list grew while we turned its pages
        known.update(one.paper.keys)
        rank += 1
        if item["paper"].get("withdrawnAt"):
            withdrawn.append(one.paper.id)
        else:
            found.append(replace(one, rank=rank))
    return found


def _read(item: object) -> _Shown:
    """The paper of an item. Raises Unreadable."""
    inner = item.get("paper") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(inner, dict):
        raise Unreadable("not an object with a `paper` in it")
    title = _prose("title", MAX_TITLE, inner, item)
    if not title:
        raise Unreadable("a paper without a title")
    abstract = _prose("summary", MAX_ABSTRACT, inner, item)
    keys = identity_keys(title, arxiv_id=_prose("id", MAX_NAME, inner))
    pictures = [url for url in (address(item.get("thumbnail")), address(inner.get("thumbnail"))) if url]
    numbers = {what: _number((inner if where else item).get(name)) for where, name, what in _OBSERVED}
    paper = Paper(
        keys[0],
        title,
        abstract,
        keys=keys,
        authors=_authors(inner.get("authors")),
        links=_links(keys[0], abstract, inner, item),
        published=day_of(inner.get("publishedAt")),
        votes=numbers["votes"],
        ai_summary=_phrase(inner.get("ai_summary"), MAX_SUMMARY),
        thumbnail=min(pictures, key=lambda url: not url.startswith("https:"), default=""),
        institutions=_institutions(inner.get("organization"), item.get("organization")),
    )
    observations = tuple(Observation(paper.id, what, value) for what, value in numbers.items() if value is not None)
    return _Shown(paper, 0, day_of(inner.get("submittedOnDailyAt")), observations)


def _prose(name: str, most: int, *places: dict[str, Any]) -> str:
    """The text called `name` in the first of `places` that has one. Raises Unreadable for what is no text."""
    for place in places:
        value = place.get(name)
        if value is not None and not isinstance(value, str):
            raise Unreadable(f"its `{name}` is no text")
        if value and (text := whole(f"`{name}`", value, most)):
            return text
    return ""


def _phrase(value: object, most: int = MAX_NAME) -> str:
    """A text that is good to have; nothing when it is none, or absurdly long."""
    return line(value, most) if isinstance(value, str) and len(value) <= 2 * most else ""


def _number(value: object) -> int | None:
    """A count; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_NUMBER:
        return None
    return int(value)


def _authors(authors: object) -> tuple[str, ...]:
    people = [one for one in authors[:MAX_AUTHORS] if isinstance(one, dict)] if isinstance(authors, list) else []
    names = (_phrase(one.get("name")) for one in people if one.get("hidden") is not True)
    return tuple(dict.fromkeys(name for name in names if name))


def _institutions(*organizations: object) -> tuple[str, ...]:
    names = (_phrase(one.get("fullname")) for one in organizations if isinstance(one, dict))
    return tuple(dict.fromkeys(name for name in names if name))


def _links(paper_id: str, abstract: str, inner: dict[str, Any], item: dict[str, Any]) -> tuple[Link, ...]:
    links = []
    if paper_id.startswith("arxiv:"):
        number = paper_id.removeprefix("arxiv:")
        links.append(Link(LinkKind.ABSTRACT, f"https://arxiv.org/abs/{number}"))
        links.append(Link(LinkKind.PDF, f"https://arxiv.org/pdf/{number}"))
    told = [address(inner.get("githubRepo")), address(inner.get("projectPage"))]
    media = [address(url) for place in (inner, item) for url in _list(place.get("mediaUrls"))[:MAX_MEDIA]]
    told += [link.url for url in media for link in links_in(url) if link.kind is LinkKind.VIDEO]
    # As one text, so that a page that is told and written in the abstract too counts once.
    return (*links, *(link for link in links_in("\n".join((*told, abstract))) if link.kind in _OWN_LINKS))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _listed(one: _Shown, shown: date, source: str) -> Paper:
    """Its paper, listed on the day it was featured, or with the others of its list."""
    near = one.featured is not None and shown - STRAGGLERS <= one.featured <= shown
    day = one.featured if near and one.featured else shown
    return replace(one.paper, listings=(Listing(day, source, one.rank),), first_seen=day)


def _verdict(asked: date, today: date, shown: date, papers: int, faults: int, report: Report) -> tuple[Verdict, str]:
    verdict, why = _timely(asked, today, shown, papers)
    if not faults:
        return verdict, why
    first = f"{counted(faults, 'place')} could not be read: {'first ' if faults > 1 else ''}{report.described[0].why}"
    return (Verdict.PARTIAL, f"{why}; {first}") if papers else (Verdict.BROKEN, f"no paper read, {first}")


def _timely(asked: date, today: date, shown: date, papers: int) -> tuple[Verdict, str]:
    """The verdict on a list that could be read, by the days it was asked for and shows."""
    weekday = asked.strftime("%A")  # the C locale's, for Python is never told to use another
    weekend = asked.weekday() >= 5
    if not papers:
        if weekend:
            return Verdict.QUIET, f"no list for {asked}, a {weekday}"
        return Verdict.QUIET, f"the list of {asked} " + ("has not begun yet" if asked == today else "is empty")
    count = counted(papers, "paper")
    if shown < asked:
        if weekend:
            return Verdict.NEW, f"{asked}, a {weekday}, shows the list of {shown}: {count}"
        if asked == today:
            return Verdict.NEW, f"the list of {asked} has not begun yet and shows that of {shown}: {count}"
        return Verdict.STALE, f"{asked} shows the list of {shown}: {count}"
    if asked == today:
        return Verdict.PARTIAL, f"the list of {asked} grows until midnight UTC: {count} so far"
    return Verdict.NEW, f"{count} listed on {asked}"
