"""The source `openalex`: what OpenAlex knows of papers that came from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal, Self
from urllib.parse import quote

from pydantic import Field, HttpUrl

from newsletter.model import Batch, Paper
from newsletter.sources.base import Ask, Habits, Tools, Web
from newsletter.sources.bounds import counted
from newsletter.sources.enriching import Known, Place, known_of
from newsletter.sources.openalex.parser import SELECT, can_be_asked, dois_of, filter_of, read_works, refusal
from newsletter.sources.options import Address, NetworkOptions, SourceOptions

KIND = "openalex"
PATH = "works"
BLOCK = 50  # DOIs in one question; it takes 100
MAX_FILTER = 6_000  # characters of an address; many servers take 8,000


class OpenAlexOptions(NetworkOptions):
    """A `[[sources]]` table with `kind = "openalex"`."""

    kind: Literal["openalex"] = Field(description="what sort of source it is: `openalex`")
    base_url: Address = Field(HttpUrl("https://api.openalex.org"), description="where the API is; another is a mirror")
    pace: float = Field(0.2, ge=0, le=3600, description="seconds between two requests, whoever of you asks")


class OpenAlexSource:
    """Completes papers that have an arXiv id or a DOI: their citations, venue, fields of study, institutions, date, and
    whether they were retracted. Brings no papers. The `token` is its free API key."""

    Options: ClassVar[type[SourceOptions]] = OpenAlexOptions
    brings_papers = False

    @classmethod
    def build(cls, options: OpenAlexOptions, tools: Tools) -> Self:
        """The source its table describes. Raises ValueError for a token file that cannot be read."""
        return cls(options, tools.web)

    def __init__(self, options: OpenAlexOptions, web: Web) -> None:
        self.name = options.name
        self._web = web
        token = options.secret()
        key = f"&api_key={quote(token, safe='')}" if token else ""
        self._url = f"{str(options.base_url).rstrip('/')}/{PATH}?select={SELECT}&per_page={BLOCK}{key}&filter="
        self._habits = Habits(KIND, options.pace, options.timeout)

    async def collect(self, ask: Ask) -> list[Batch]:
        """Nothing: it only completes papers."""
        return []

    async def enrich(self, papers: Sequence[Paper], ask: Ask) -> list[Batch]:
        """One batch for each fifty DOIs; see `Enricher.enrich`. Never raises: without an answer the batch is *broken*,
        and no further one is asked for."""
        usable = [paper for paper in papers if _dois([paper])]
        # In the order of their DOIs, so that the same papers are the same question, and a kept answer serves.
        blocks = _blocks(sorted(usable, key=dois_of))
        left = len(papers) - len(usable)
        left_out = f"{counted(left, 'paper')} without an arXiv id or a DOI that can be asked for" if left else ""
        return await known_of(Place(self.name, KIND, PATH, ask.day), blocks, self._known, left_out)

    async def _known(self, papers: Sequence[Paper]) -> Known:
        url = self._url + filter_of(_dois(papers))
        answer = await self._web.ask(self.name, url, self._habits, once_a_day=True, take={400})
        if answer.status == 400:
            return Known(faults=(refusal(answer.body),))
        known = read_works(answer.body, papers)
        if known.faults and not known.papers:
            await self._web.reject(self.name, answer)
        return known


def _dois(papers: Iterable[Paper]) -> list[str]:
    return [doi for paper in papers for doi in dois_of(paper) if can_be_asked(doi)]


def _blocks(papers: Iterable[Paper]) -> list[list[Paper]]:
    """Papers whose DOIs fit into one question; those of one paper stay together."""
    blocks: list[list[Paper]] = []
    for paper in papers:
        fits = blocks and _fits(_dois([*blocks[-1], paper]))
        blocks[-1:] = [[*blocks[-1], paper]] if fits else [*blocks[-1:], [paper]]
    return blocks


def _fits(dois: Sequence[str]) -> bool:
    return len(dois) <= BLOCK and len(filter_of(dois)) <= MAX_FILTER
