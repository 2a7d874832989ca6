"""What places have in common that know more of papers that came from elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from newsletter.errors import SourceError
from newsletter.model import Batch, Observation, Paper, Problem, Verdict
from newsletter.sources.bounds import MAX_PROBLEMS, counted

Question = TypeVar("Question")


@dataclass(frozen=True, slots=True)
class Known:
    """What one answer tells: of `papers` different papers it knows something. `faults` are sentences on what could not
    be read of it, `remark` is another one, or empty."""

    notes: tuple[Paper, ...] = ()
    observations: tuple[Observation, ...] = ()
    papers: int = 0
    faults: tuple[str, ...] = ()
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Who asks: the source's `name` and `kind`, the `path` that is asked, and the day that the run is for."""

    name: str
    kind: str
    path: str
    day: date | None


async def known_of(
    place: Place,
    blocks: Sequence[Sequence[Question]],
    ask: Callable[[Sequence[Question]], Awaitable[Known]],
    left_out: str,
) -> list[Batch]:
    """One batch for each of `blocks`, which are asked for one after the other. Never raises: after the first that gets
    no answer no further one is asked for. `left_out`, a sentence or empty, is said with the first."""
    batches: list[Batch] = []
    for number, block in enumerate(blocks, 1):
        document = f"{place.path} {number}/{len(blocks)}"
        try:
            batches.append(_batch(place, document, len(block), await ask(block), left_out))
        except SourceError as error:
            rest = sum(len(one) for one in blocks[number:])
            why = f"{error}; {counted(rest, 'paper')} behind it not asked for" if rest else str(error)
            batches.append(_nothing(place, document, Verdict.BROKEN, _and(why, left_out)))
            break
        left_out = ""
    if not blocks and left_out:
        batches.append(_nothing(place, place.path, Verdict.QUIET, f"nothing to ask for: {left_out}"))
    return batches


def _batch(place: Place, document: str, asked: int, known: Known, left_out: str) -> Batch:
    problems = [Problem(document, 0, fault) for fault in known.faults[:MAX_PROBLEMS]]
    if more := len(known.faults) - len(problems):
        problems.append(Problem(document, 0, f"and {more:,} more"))
    why = f"{known.papers:,} of {counted(asked, 'paper')} known"
    if known.faults:
        verdict = Verdict.PARTIAL if known.papers else Verdict.BROKEN
        why = f"{why}; {counted(len(known.faults), 'fault')}, the first: {known.faults[0]}"
    else:
        verdict = Verdict.NEW if known.papers else Verdict.QUIET
    return Batch(
        place.name,
        document,
        None,
        (),
        verdict,
        _and(_and(why, known.remark), left_out),
        problems=tuple(problems),
        kind=place.kind,
        notes=known.notes,
        observations=known.observations,
        asked=place.day,
    )


def _nothing(place: Place, document: str, verdict: Verdict, why: str) -> Batch:
    problems = (Problem(document, 0, why),) if verdict is Verdict.BROKEN else ()
    return Batch(place.name, document, None, (), verdict, why, problems=problems, kind=place.kind, asked=place.day)


def _and(why: str, more: str) -> str:
    return f"{why}; {more}" if more else why


def key_of(paper: Paper, scheme: str) -> str:
    """The paper's first key of a scheme ("arxiv:"), empty when it has none."""
    return next((key for key in paper.keys if key.startswith(scheme)), "")


def is_arxiv(venue: str) -> bool:
    """Whether a venue's name is arXiv's own: "arXiv.org", "arXiv (Cornell University)". It publishes, but is none."""
    return venue.casefold().startswith("arxiv")
