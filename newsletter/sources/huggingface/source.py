"""The source `huggingface`: Hugging Face Daily Papers, which people submit and vote for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, timedelta
from typing import ClassVar, Literal, Self

from pydantic import Field, HttpUrl

from newsletter.errors import SourceError
from newsletter.model import Batch, Problem, Verdict
from newsletter.sources.base import Ask, Habits, Tools, Web
from newsletter.sources.bounds import counted
from newsletter.sources.huggingface.parser import KIND, Page, parse_day, read_page, refusal
from newsletter.sources.options import Address, NetworkOptions

LIMIT = 100
FULL = (50, 100)
"""Page lengths after which another page is asked for: LIMIT, and the server's own default, should it heed that."""

MAX_PAGES = 20
VOTING_DAYS = 5  # so long votes are counted again: at the end of its day a paper has about half of them
MAX_DAYS = 60
GIVE_UP = 2  # days in a row without an answer, after which no further one is asked for


class HuggingFaceOptions(NetworkOptions):
    """A `[[sources]]` table with `kind = "huggingface"`."""

    kind: Literal["huggingface"] = Field(description="what sort of source it is: `huggingface`")
    base_url: Address = Field(HttpUrl("https://huggingface.co"), description="where the API is; another is a mirror")


class HuggingFaceSource:
    """Asks for the lists of days, one batch each.

    Asked for what is new it fetches the lists of today (UTC) and the four days before, whose votes still move, and
    those of the look-back that were missed, at most MAX_DAYS; asked for a day, that day's alone.
    """

    Options: ClassVar = HuggingFaceOptions
    by_day = True

    def __init__(self, options: HuggingFaceOptions, web: Web) -> None:
        self.name = options.name
        self._web = web
        self._url = f"{str(options.base_url).rstrip('/')}/api/daily_papers"
        token = options.secret()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._habits = Habits(KIND, options.pace, options.timeout, headers)

    @classmethod
    def build(cls, options: HuggingFaceOptions, tools: Tools) -> Self:
        """See `Kind.build`. Raises ValueError for a token file that cannot be read."""
        return cls(options, tools.web)

    async def collect(self, ask: Ask) -> list[Batch]:
        """One batch per day, newest last; see `Source.collect`. Never raises: a day without an answer is a *broken*
        batch. The newest is asked for first, and after GIVE_UP broken ones in a row no earlier day is."""
        today = ask.now.astimezone(UTC).date()
        batches: list[Batch] = []
        failed, days = 0, _days(ask, today)
        for number, day in enumerate(days, 1):
            try:
                batch = await self._day(day, today)
                failed = 0
            except SourceError as error:
                batch = self._broken(day, str(error))
                failed += 1
            left = len(days) - number
            if failed == GIVE_UP and left:
                batch = replace(batch, why=f"{batch.why}; {counted(left, 'day')} before it not asked for")
            batches.append(replace(batch, asked=ask.day))
            if failed == GIVE_UP:
                break
        return batches[::-1]

    async def _day(self, day: date, today: date) -> Batch:
        """The list of `day`. Raises SourceError when not even its first page comes."""
        if day > today:
            why = f"{day} has not come yet"
            return Batch(self.name, day.isoformat(), None, (), Verdict.QUIET, why, kind=KIND)
        pages: list[Page] = []
        missing = ""
        while not pages or (not pages[-1].fault and len(pages[-1].items) in FULL):
            if len(pages) == MAX_PAGES:
                missing = f"more than {MAX_PAGES} pages: the rest was not read"
                break
            url = f"{self._url}?date={day}&limit={LIMIT}&p={len(pages)}"
            try:
                answer = await self._web.ask(self.name, url, self._habits, take={400})
            except SourceError as error:
                if not pages:
                    raise
                missing = str(error)
                break
            if answer.status == 400:
                missing = f"page {len(pages)} of {day} was refused: {refusal(answer.body)}"
                break
            pages.append(read_page(answer.body))
            if pages[-1].fault:
                await self._web.reject(self.name, answer)
        if missing and not pages:
            return self._broken(day, missing)
        return parse_day(pages, source=self.name, asked=day, today=today, missing=missing)

    def _broken(self, day: date, why: str) -> Batch:
        problems = (Problem(day.isoformat(), 0, why),)
        return Batch(self.name, day.isoformat(), None, (), Verdict.BROKEN, why, problems=problems, kind=KIND)


def _days(ask: Ask, today: date) -> list[date]:
    """The days to ask for, the newest first."""
    if ask.day:
        return [ask.day]
    past = [today - timedelta(days=number) for number in range(MAX_DAYS)]
    return past[:VOTING_DAYS] + ask.missed("", past[VOTING_DAYS:])
