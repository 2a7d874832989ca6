"""Papers in: every source is asked, and what it answers is remembered with a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from newsletter.daily.timing import COLLECT, timed
from newsletter.errors import SourceError, StoreError
from newsletter.model import Answered, Batch, Verdict
from newsletter.policy import verdicts
from newsletter.sources.base import Ask, Enricher, Past, Source, Streaming
from newsletter.store import BatchRecord, Store

Progress = Callable[[str, int, int], None]
"""Told (step, done, total) while a run goes on."""


@dataclass(frozen=True, slots=True)
class Collected:
    """A batch as the store judged it, but without its papers, which may be many: `papers` counts them, `new` those of
    them that were not known before, and `identities` is their hash."""

    batch: Batch
    papers: int
    new: int
    identities: str = ""


class Collecting:
    """Asks sources. `now` gives aware UTC, `today` the date in the schedule's time zone; `look_back` counts in
    days."""

    def __init__(
        self,
        store: Store,
        look_back: int,
        now: Callable[[], datetime],
        today: Callable[[], date],
        progress: Progress,
    ) -> None:
        self._store = store
        self._look_back = look_back
        self._now = now
        self._today = today
        self._progress = progress

    async def collect(self, sources: Sequence[Source], day: date | None = None) -> list[Collected]:
        """Ask every source for what is new, or for one `day`, and remember what it answers.

        One that cannot answer becomes a *broken* batch, and the others go on. Then those that know more of papers are
        asked about what the next edition would take.
        """
        async with timed(COLLECT, self._store.steps, self._now, day):
            return await self._collect(sources, day)

    async def _collect(self, sources: Sequence[Source], day: date | None) -> list[Collected]:
        at, collected = self._now(), []
        for number, source in enumerate(sources):
            self._progress("Collecting", number, len(sources))
            collected += [one async for one in self._collected(source, await self._wanted(source, day), at)]
        for source in sources:
            if isinstance(source, Enricher):
                collected += await self._enriched(source, at)
        self._progress("Collecting", len(sources), len(sources))
        return collected

    async def back_fill(
        self, sources: Sequence[Source], since: date, until: date, *, again: bool = False
    ) -> AsyncGenerator[Collected, None]:
        """Ask the sources that can be asked so for each day from `since` to `until`, the newest first.

        A day that was read whole before is not asked for `again`, so what was interrupted goes on where it stopped.
        """
        days = [until - timedelta(days=back) for back in range((until - since).days + 1)]
        able = [source for source in sources if by_day(source)]
        done = {
            source.name: set() if again else await self._store.batches.answered(source.name, since) for source in able
        }
        for number, day in enumerate(days):
            self._progress("Back-filling", number, len(days))
            for source in able:
                if day not in done[source.name]:
                    async for one in self._collected(source, await self._wanted(source, day), self._now()):
                        yield one
        self._progress("Back-filling", len(days), len(days))

    async def read_again(
        self, sources: Sequence[Source], day: date, *, as_of: datetime | None = None
    ) -> list[Collected]:
        """Remember what sources that are offline answered about `day`, or, `as_of` a moment of it, what was new then.

        What was not kept says nothing of them, and what was says nothing new: no batch is noted.
        """
        at, collected = self._now(), []
        ask = Ask(as_of, day) if as_of else Ask(at, self._today(), day)
        for source in sources:
            with suppress(SourceError):
                async for batches in _answers(source, ask):
                    kept = [replace(batch, asked=day) for batch in batches if batch.verdict is not Verdict.BROKEN]
                    collected += await self._remembered(source.name, kept, at, note=False)
        return collected

    async def _wanted(self, source: Source, day: date | None) -> Ask:
        if day is not None:
            return Ask(self._now(), self._today(), day, self._look_back)
        past = await self._store.batches.past(source.name, self._today() - timedelta(days=self._look_back))
        told = {document: Past(first, read) for document, (first, read) in past.items()}
        return Ask(self._now(), self._today(), None, self._look_back, told)

    async def _collected(self, source: Source, ask: Ask, at: datetime) -> AsyncIterator[Collected]:
        async with aclosing(_answers(source, ask)) as answers:
            while True:
                try:
                    batches = [replace(batch, asked=ask.day) for batch in await anext(answers)]
                except StopAsyncIteration:
                    return
                except StoreError:
                    raise
                except Exception as error:
                    batches = [_failed(source.name, ask.day, error)]
                for one in await self._remembered(source.name, batches, at):
                    yield one

    async def _enriched(self, source: Enricher, at: datetime) -> list[Collected]:
        papers = await self._store.papers.untaken(self._today() - timedelta(days=self._look_back), self._today())
        ask = Ask(self._now(), self._today(), None, self._look_back)
        try:
            batches = await source.enrich(papers, ask) if papers else []
        except StoreError:
            raise
        except Exception as error:
            batches = [_failed(source.name, None, error)]
        return await self._remembered(source.name, batches, at)

    async def _remembered(
        self, source: str, batches: Sequence[Batch], at: datetime, *, note: bool = True
    ) -> list[Collected]:
        """Remember what the source answered; what no database can hold becomes a *broken* batch."""
        try:
            told = [_signed(batch, source) for batch in batches]
            remembered = await self._store.batches.remember_all(told, at, note=note)
        except (ValueError, TypeError, AttributeError) as error:  # of somebody else's source
            failed = _failed(source, None, SourceError(str(error)))
            remembered = await self._store.batches.remember_all([failed], at, note=note)
        return [_collected(batch, new) for batch, new in remembered]


async def _answers(source: Source, ask: Ask) -> AsyncGenerator[list[Batch], None]:
    """What the source answers, in parts that are remembered each as a whole."""
    if isinstance(source, Streaming):
        async for batch in source.batches(ask):
            yield [batch]
    else:
        yield await source.collect(ask)


def _signed(batch: Batch, source: str) -> Batch:
    """`batch` as one of `source`, whatever it says, with sentences that do not begin with the source's name: it stands
    beside them wherever they do."""
    name = f"source {source}: "
    problems = tuple(replace(problem, why=problem.why.removeprefix(name)) for problem in batch.problems)
    return replace(batch, source=source, why=batch.why.removeprefix(name), problems=problems)


def _collected(batch: Batch, new: int) -> Collected:
    bare = replace(batch, papers=(), notes=(), observations=())
    return Collected(bare, len(batch.papers), new, batch.identities)


def by_day(source: Source) -> bool:
    """Whether the source can be asked for any day of the past."""
    return bool(getattr(source, "by_day", False))


def answered(
    newest: Iterable[BatchRecord], listed: Collection[str], configured: Collection[str]
) -> tuple[Answered, ...]:
    """What each source answered last, in the order of their names.

    `listed` names, for each listing of an edition's papers, its source. Told of are the `configured` sources, which
    bring papers, and others that brought some.
    """
    found: dict[str, list[Verdict]] = {}
    for batch in newest:
        found.setdefault(batch.source, []).append(batch.verdict)
    counts = Counter(listed)
    told = sorted(source for source in found if source in configured or counts[source])
    return tuple(Answered(source, verdicts.overall(found[source]), counts[source]) for source in told)


def _failed(source: str, asked: date | None, error: Exception) -> Batch:
    """The batch of a source that raised: one of somebody else's may raise anything, and still the others go on."""
    why = str(error) if isinstance(error, SourceError) else f"failed unexpectedly ({type(error).__name__}: {error})"
    why = "".join(character if character.isprintable() else " " for character in why)[:500]
    return Batch(source, "", None, (), Verdict.BROKEN, why, asked=asked)
