"""The source `semanticscholar`: what Semantic Scholar knows of papers that came from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, HttpUrl

from newsletter.model import Batch, Paper
from newsletter.sources.base import Ask, Habits, Tools, Web
from newsletter.sources.bounds import counted
from newsletter.sources.enriching import Known, Place, known_of
from newsletter.sources.options import Address, NetworkOptions, SourceOptions
from newsletter.sources.semanticscholar.parser import FIELDS, id_of, read_papers, refusal

KIND = "semanticscholar"
PATH = "paper/batch"
BLOCK = 100  # papers in one question; it takes 500, and answers a hundred sooner


class SemanticScholarOptions(NetworkOptions):
    """A `[[sources]]` table with `kind = "semanticscholar"`."""

    kind: Literal["semanticscholar"] = Field(description="what sort of source it is: `semanticscholar`")
    base_url: Address = Field(
        HttpUrl("https://api.semanticscholar.org"), description="where the API is; another is a mirror"
    )


class SemanticScholarSource:
    """Completes papers that have an arXiv id or a DOI: their citations, venue, fields of study, authors, date, and a
    PDF that everybody may read. Brings no papers. Terms: https://www.semanticscholar.org/product/api/license."""

    Options: ClassVar[type[SourceOptions]] = SemanticScholarOptions
    brings_papers = False

    @classmethod
    def build(cls, options: SemanticScholarOptions, tools: Tools) -> Self:
        """The source its table describes. Raises ValueError for a token file that cannot be read."""
        return cls(options, tools.web)

    def __init__(self, options: SemanticScholarOptions, web: Web) -> None:
        self.name = options.name
        self._web = web
        self._url = f"{str(options.base_url).rstrip('/')}/graph/v1/{PATH}?fields={FIELDS}"
        token = options.secret()
        self._habits = Habits(KIND, options.pace, options.timeout, {"x-api-key": token} if token else {})

    async def collect(self, ask: Ask) -> list[Batch]:
        """Nothing: it only completes papers."""
        return []

    async def enrich(self, papers: Sequence[Paper], ask: Ask) -> list[Batch]:
        """One batch for each hundred papers; see `Enricher.enrich`. Never raises: without an answer the batch is
        *broken*, and no further one is asked for."""
        # In the order of their ids, so that the same papers are the same question, and a kept answer serves.
        usable = sorted((paper for paper in papers if id_of(paper)), key=id_of)
        blocks = [usable[at : at + BLOCK] for at in range(0, len(usable), BLOCK)]
        left = len(papers) - len(usable)
        left_out = f"{counted(left, 'paper')} without an arXiv id or a DOI" if left else ""
        return await known_of(Place(self.name, KIND, PATH, ask.day), blocks, self._known, left_out)

    async def _known(self, papers: Sequence[Paper]) -> Known:
        question = {"ids": [id_of(paper) for paper in papers]}
        answer = await self._web.ask(self.name, self._url, self._habits, json=question, once_a_day=True, take={400})
        if answer.status == 400:
            why = refusal(answer.body)
            return Known(faults=(why,) if why else ())
        known = read_papers(answer.body, papers)
        if known.faults and not known.papers:
            await self._web.reject(self.name, answer)
        return known
