"""The source `arxiv`: the papers arXiv announces, from its feeds of the day and from its query API for other days.

    a feed per category         what is new: the one issue that is out today
    the query API, per issue    days that are asked for, and issues that no feed showed while somebody looked
    the query API, by ids       what other sources leave out of papers that carry an arXiv identifier

To the query API a paper belongs to the issue whose window of submissions its first version fell into
(`arxiv/calendar.py`): it does not tell when a paper was announced, so one that moderators held back counts to an
earlier day than in a feed.

Manners, https://info.arxiv.org/help/api/tou.html: one request at a time and one every three seconds, of all machines
together, feeds and API alike; the same question to the API no more than once a day.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import quote, urlencode

from pydantic import AfterValidator, Field, HttpUrl, model_validator

from newsletter.errors import SourceError
from newsletter.model import Batch, Paper, Verdict
from newsletter.sources.arxiv import verdicts
from newsletter.sources.arxiv.calendar import (
    HOLIDAYS,
    OPENED,
    announced_at,
    issue_day_expected,
    issue_days,
    no_issue_because,
    window,
)
from newsletter.sources.arxiv.parser import CATEGORY, Answered, read_answer
from newsletter.sources.arxiv.verdicts import Pages
from newsletter.sources.base import Ask, Habits, Tools, Web
from newsletter.sources.options import Address, Day, NetworkOptions

PACE = 3.0
PAGE = 500
MOST_RESULTS = 30_000
"""arXiv answers no question beyond (https://info.arxiv.org/help/api/user-manual.html)."""
IDS = 100

_MOST_PAGES = 2 * MOST_RESULTS // PAGE
_ID = re.compile(r"arxiv:([0-9]{4}\.[0-9]{4,6}|[a-z]+(?:-[a-z]+)*/[0-9]{7})")


def _category(name: str) -> str:
    if not re.fullmatch(CATEGORY, name):
        raise ValueError(f"“{name}” is no arXiv category: write each like cs.CL, math or cond-mat.soft, one an entry")
    return name


class ArxivOptions(NetworkOptions):
    """A `[[sources]]` table with `kind = "arxiv"`."""

    kind: Literal["arxiv"] = Field(description="what sort of source it is: `arxiv`")
    categories: tuple[Annotated[str, AfterValidator(_category)], ...] = Field(
        min_length=1, max_length=50, description="arXiv's categories like cs.CL, or whole archives like math or hep-ex"
    )
    cross_lists: bool = Field(True, description="take papers that are at home elsewhere and cross-listed there too")
    holidays: tuple[Day, ...] = Field(
        HOLIDAYS,
        max_length=400,
        description="dates, US Eastern, on which arXiv announces nothing; it lists them yearly",
    )
    enrich: bool = Field(True, description="complete the papers of other sources that carry an arXiv identifier")
    base_url: Address = Field(
        HttpUrl("https://rss.arxiv.org"), description="where the feeds are; another address is that of a mirror"
    )
    api_url: Address = Field(HttpUrl("https://export.arxiv.org"), description="where the query API is, likewise")
    pace: float = Field(
        PACE, ge=0, le=3600, description="seconds between two requests to feeds and API; below 3 only at a mirror"
    )

    @model_validator(mode="after")
    def _polite(self) -> Self:
        hosts = [url.host or "" for url in (self.base_url, self.api_url)]
        if self.pace < PACE and any(f".{host}".endswith(".arxiv.org") for host in hosts):
            raise ValueError(
                "arXiv asks for at most one request every three seconds, of all your machines together: "
                "set pace to 3 or more, or base_url and api_url to a mirror of your own"
            )
        return self


class ArxivSource:
    """Reads the categories of its options; see the module's docstring."""

    Options: ClassVar = ArxivOptions
    by_day = True

    def __init__(self, options: ArxivOptions, web: Web) -> None:
        self.name = options.name
        self._web = web
        self._categories = tuple(dict.fromkeys(options.categories))
        self._cross_lists = options.cross_lists
        self._holidays = frozenset(options.holidays)
        self._enriches = options.enrich
        self._feeds = str(options.base_url).rstrip("/")
        self._api = str(options.api_url).rstrip("/")
        token = options.secret()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._habits = Habits("arxiv", options.pace, options.timeout, headers)

    @classmethod
    def build(cls, options: ArxivOptions, tools: Tools) -> Self:
        """See `Kind.build`. Raises ValueError for a token file that cannot be read."""
        return cls(options, tools.web)

    async def collect(self, ask: Ask) -> list[Batch]:
        """One batch per category, whatever became of it; see `Source.collect`. Never raises.

        A day is asked of the query API. What is new is asked of the feeds; an issue that was missed, and that its feed
        does not show whole (it holds one day, none at weekends, and may be stale, cut or broken), is asked of the query
        API as well, in a batch of its own, unless not one feed could be read: then the next collect will.
        """
        if ask.day is not None:
            return [await self._issue(category, ask.day, ask) for category in self._categories]
        shown = [await self._feed(category, ask) for category in self._categories]
        if all(batch.verdict is Verdict.BROKEN for batch in shown):
            return shown
        before, newest = ask.today - timedelta(days=ask.look_back), issue_day_expected(ask.now, self._holidays)
        due = issue_days(before, newest, self._holidays)
        missed = [
            (batch.document, day)
            for batch in shown
            for day in ask.missed(batch.document, due)
            if day != batch.day or batch.verdict not in (Verdict.NEW, Verdict.QUIET)
        ]
        return shown + [await self._issue(category, day, ask) for category, day in missed]

    async def enrich(self, papers: Sequence[Paper], ask: Ask) -> list[Batch]:
        """Notes on those of `papers` that carry an arXiv identifier and lack categories or authors; see `Enricher`."""
        keys = (key for paper in papers if not (paper.categories and paper.authors) for key in paper.keys)
        ids = list(dict.fromkeys(found[1] for key in keys if (found := _ID.fullmatch(key))))
        if not self._enriches or not ids:
            return []
        pages = Pages()
        try:
            for start in range(0, len(ids), IDS):
                pages.add(await self._query({"id_list": ",".join(ids[start : start + IDS]), "max_results": str(IDS)}))
        except SourceError as error:
            pages.fault = str(error)
        return [verdicts.of_ids(pages, self.name, len(ids), ask)]

    async def _feed(self, category: str, ask: Ask) -> Batch:
        try:
            answered = await self._read(f"{self._feeds}/rss/{category}", category, once_a_day=False)
        except SourceError as error:
            expected = issue_day_expected(ask.now, self._holidays)
            return verdicts.broken(self.name, category, str(error), ask, expected)
        return verdicts.of_feed(answered, self.name, category, ask, self._holidays, self._cross_lists)

    async def _issue(self, category: str, day: date, ask: Ask) -> Batch:
        document = f"{category} {day}"
        if day < OPENED:
            return verdicts.quiet(self.name, document, f"arXiv opened on {OPENED}", ask)
        if (between := window(day, self._holidays)) is None:
            return verdicts.quiet(self.name, document, no_issue_because(day, self._holidays), ask)
        if (out := announced_at(day)) > ask.now:
            why = f"the issue of {day} comes out at {out:%Y-%m-%d %H:%M} UTC"
            return verdicts.quiet(self.name, document, why, ask)
        pages = await self._pages(category, *between)
        return verdicts.of_issue(pages, self.name, category, day, between, ask, self._cross_lists)

    async def _pages(self, category: str, start: datetime, end: datetime) -> Pages:
        """All that came in between two moments. A page that is empty before the end is asked for once more."""
        pages = Pages()
        where = f"cat:{category}" if "." in category else f"(cat:{category} OR cat:{category}.*)"
        search = f"{where} AND submittedDate:[{start:%Y%m%d%H%M} TO {end:%Y%m%d%H%M}]"
        query = {"search_query": search, "sortBy": "submittedDate", "sortOrder": "ascending"}
        try:
            for _ in range(_MOST_PAGES):
                page = query | {"start": str(pages.entries), "max_results": str(PAGE)}
                answered = await self._query(page)
                if not answered.entries and not answered.fault and pages.entries < (answered.total or 0):
                    answered = await self._query(page, once_a_day=False)
                pages.add(answered)
                if (pages.total or 0) > MOST_RESULTS:
                    return Pages(
                        fault=f"arXiv counts {pages.total:,} papers and gives {MOST_RESULTS:,}: name its parts"
                    )
                more = answered.entries >= PAGE if pages.total is None else pages.entries < pages.total
                if answered.fault or not answered.entries or not more:
                    break
        except SourceError as error:
            pages.fault = str(error)
        return pages

    async def _query(self, query: dict[str, str], *, once_a_day: bool = True) -> Answered:
        url = f"{self._api}/api/query?{urlencode(query, quote_via=quote, safe=',')}"
        return await self._read(url, "the query API", once_a_day=once_a_day)

    async def _read(self, url: str, document: str, *, once_a_day: bool) -> Answered:
        """The answer, read; one that did not come whole is asked for anew next time. Raises SourceError when there is
        none."""
        answer = await self._web.ask(self.name, url, self._habits, once_a_day=once_a_day, take={400})
        answered = await asyncio.to_thread(read_answer, answer.body, document)
        if answered.fault or answered.damaged:
            await self._web.reject(self.name, answer)
        if answer.status == 200 or answered.fault.startswith("arXiv says"):
            return answered
        return Answered(fault=f"answered HTTP {answer.status} without a word of arXiv's; check base_url and api_url")
