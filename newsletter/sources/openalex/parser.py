"""What OpenAlex answers to a question for many works. Pure.

The answer of `GET /works?filter=doi:...` is an object with `meta` and a page of `results` in an order of its own
(https://developers.openalex.org): each work is matched back by its DOI. A paper may be two works there, as the preprint
and as what was published; the one that is cited more often is believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from newsletter.model import Observation, Paper
from newsletter.sources.bounds import counted
from newsletter.sources.enriching import Known, is_arxiv, key_of
from newsletter.sources.json_fields import Fields, decoded, kind_of, short

SELECT = "id,doi,cited_by_count,is_retracted,primary_location,publication_date,primary_topic,topics,authorships,ids"
MAX_BYTES = 16_000_000
MOST_NAMED = 5

_RESOLVER = "https://doi.org/"
_ARXIV_DOI = "10.48550/arxiv."  # under which arXiv registers its papers, https://info.arxiv.org/help/doi.html
_SYNTAX = frozenset(",|+")  # what joins values in a filter, and cannot be in one


def dois_of(paper: Paper) -> tuple[str, ...]:
    """The DOIs under which a paper can be known, the publisher's first, lower-case."""
    arxiv, doi = key_of(paper, "arxiv:").removeprefix("arxiv:"), key_of(paper, "doi:").removeprefix("doi:")
    return tuple(dict.fromkeys(one for one in (doi, arxiv and f"{_ARXIV_DOI}{arxiv}") if one))


def can_be_asked(doi: str) -> bool:
    """Whether a DOI can be a value of a filter."""
    return not _SYNTAX & set(doi)


def filter_of(dois: Sequence[str]) -> str:
    """The filter for works with one of these DOIs, as it stands in an address."""
    return quote(f"doi:{'|'.join(f'{_RESOLVER}{doi}' for doi in dois)}", safe=":/")


@dataclass(frozen=True, slots=True)
class Work:
    """One work as a note on a paper."""

    note: Paper
    citations: int
    retracted: bool


def read_works(body: bytes, asked: Sequence[Paper]) -> Known:
    """What the answer tells of the papers that were `asked` for. Never raises."""
    if len(body) > MAX_BYTES:
        return Known(faults=(f"the answer has more than {MAX_BYTES // 1_000_000} MB",))
    try:
        answer = decoded(body)
    except ValueError as error:
        return Known(faults=(f"the answer {error}",))
    if not isinstance(answer, dict) or "results" not in answer:
        return Known(faults=(f"the answer must be an object with “results”, not {kind_of(answer)}{_said(answer)}",))
    whole = Fields(answer)
    results = whole.parts("results")
    if (count := whole.part("meta").whole("count")) is not None and count > len(results):
        whole.faults.append(f"there are {counted(count, 'work')}, and {len(results):,} came")
    owners = {doi: paper for paper in asked for doi in dois_of(paper)}
    works: dict[str, list[Work]] = {}
    for result in results:
        fields = Fields(result.record)
        doi = fields.text("doi").casefold().removeprefix(_RESOLVER)
        if paper := owners.get(doi):
            works.setdefault(paper.id, []).append(_work(fields, paper))
        else:
            fields.faults.append(f"a work came that nobody asked for, “{short(doi)}”")
        whole.faults += [f"{short(doi) if paper else 'results'}: {fault}" for fault in fields.faults[:1]]
    return _known(works, whole.faults)


def refusal(body: bytes) -> str:
    """Why it refused to answer (HTTP 400), in its own words."""
    try:
        return f"the question was refused{_said(decoded(body))}"
    except ValueError:
        return "the question was refused"


def _said(value: Any) -> str:
    """What an answer without results says, behind a colon."""
    fields = Fields(value if isinstance(value, dict) else {})
    said = fields.text("message") or fields.text("error")
    return f": “{said[:200]}”" if said.isprintable() and said else ""


def _work(fields: Fields, paper: Paper) -> Work:
    venue = fields.part("primary_location").part("source").text("display_name")
    topics = [fields.part("primary_topic"), *fields.parts("topics")]
    institutions = [one for authorship in fields.parts("authorships") for one in authorship.parts("institutions")]
    note = Paper(
        id=paper.id,
        title="",
        abstract="",
        keys=(paper.id,),
        venue="" if is_arxiv(venue) else venue,
        published=fields.day("publication_date"),
        institutions=_names(institutions),
        fields=_names(topic.part("field") for topic in topics),
    )
    return Work(note, fields.whole("cited_by_count") or 0, fields.record.get("is_retracted") is True)


def _names(things: Iterable[Fields]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for thing in things if (name := thing.text("display_name"))))


def _known(works: Mapping[str, Sequence[Work]], faults: Sequence[str]) -> Known:
    best = {paper: max(several, key=lambda work: work.citations) for paper, several in works.items()}
    retracted = [paper for paper, several in works.items() if any(work.retracted for work in several)]
    observations = [Observation(paper, "citations", work.citations) for paper, work in best.items()]
    observations += [Observation(paper, "retracted", 1) for paper in retracted]
    named = ", ".join(map(short, retracted[:MOST_NAMED])) + (", …" if len(retracted) > MOST_NAMED else "")
    remark = f"{len(retracted):,} retracted: {named}" if retracted else ""
    return Known(tuple(work.note for work in best.values()), tuple(observations), len(best), tuple(faults), remark)
