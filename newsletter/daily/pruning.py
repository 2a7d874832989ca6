"""What is too old to be kept goes: after every run, hourly in a fleet, and when somebody asks for it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from newsletter.errors import AwayError, StoreError
from newsletter.policy.due import reach
from newsletter.store import Store, pruning
from newsletter.store.pruning import Old

LEFTOVERS = 2
"""Days after which a file that was begun and never finished is one that nobody finishes."""


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days each kind is kept; 0 is for ever. What digests look back on is never younger than `look_back`.

    `folders` are those with files of a kind, and the patterns of their names; `drafts` of those that are begun and not
    finished.
    """

    look_back: int
    deliveries: int
    answers: int
    sign_ups: int
    batches: int
    observations: int
    opinions: int
    rankings: int
    reports: int
    folders: Sequence[tuple[str, int, Path, tuple[str, ...]]] = ()
    drafts: Sequence[tuple[Path, str]] = field(default=())


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many of a kind went, or would go, and for how many days it is kept (0: for ever); `why` some are still there
    that should have gone."""

    kind: str
    days: int
    number: int
    why: str = ""


class Pruning:
    """Lets go of what is old. `today` tells the date in the schedule's time zone."""

    def __init__(self, store: Store, keep: Keep, today: Callable[[], date]) -> None:
        self.store = store
        self._keep = keep
        self._today = today

    async def prune(self, now: datetime, *, rehearse: bool = False) -> list[Pruned]:
        """Let go of what is old at `now`, in transactions of milliseconds; or only count it, to `rehearse`. What cannot
        go now stays for the next time, and the others go. Raises AwayError when the database went away."""
        keep, pruned = self._keep, list[Pruned]()

        async def of(kind: str, days: int, go: Callable[[], Awaitable[int]]) -> None:
            number, why = 0, ""
            try:
                number = await go() if days else 0
            except AwayError:
                raise
            except (StoreError, OSError) as error:
                why = str(error)
            pruned.append(Pruned(kind, days, number, why))

        def rows(*several: Old) -> Callable[[], Awaitable[int]]:
            return lambda: self._rows(several, rehearse=rehearse)

        await of("deliveries", keep.deliveries, lambda: self._deliveries(rehearse=rehearse))
        await of("answers", keep.answers, rows(pruning.answers(_ago(now, keep.answers))))
        await of("sign_ups", keep.sign_ups, lambda: self._sign_ups(_ago(now, keep.sign_ups), rehearse=rehearse))
        await of("batches", keep.batches, rows(pruning.batches(_ago(now, self._span(keep.batches)))))
        await of("observations", keep.observations, rows(pruning.observations(_ago(now, keep.observations))))
        await of("opinions", keep.opinions, rows(pruning.opinions(_ago(now, self._span(keep.opinions)))))
        await of("rankings", keep.rankings, lambda: self._rankings(rehearse=rehearse))
        await of("reports", keep.reports, rows(pruning.reports(_ago(now, keep.reports))))
        for kind, days, folder, patterns in keep.folders:
            old = _Files([(folder, one) for one in patterns], _ago(now, days), rehearse)
            await of(kind, days, old.clear)
        await of("leftovers", LEFTOVERS, _Files(keep.drafts, _ago(now, LEFTOVERS), rehearse).clear)
        return pruned

    async def faults(self, now: datetime) -> list[str]:
        """`prune`, and a sentence for each kind of which something old is still there."""
        return [
            f"{one.kind.replace('_', '-')} that are too old to be kept are still there: {one.why}"
            for one in await self.prune(now)
            if one.why
        ]

    def _span(self, days: int) -> int:
        return max(days, self._keep.look_back + 1)

    async def _deliveries(self, *, rehearse: bool) -> int:
        rhythms = {rhythm for _, _, rhythm in await self.store.hours.all()}
        farthest = max([self._keep.look_back, *(reach(rhythm, self._keep.look_back) for rhythm in rhythms)])
        before = self._today() - timedelta(days=max(self._keep.deliveries, farthest + 1))
        number = await self.store.ledger.droppable(before)
        if number and not rehearse:
            await self.store.ledger.drop(before)
        # What was shown has to be known for as long as *Rising* looks back.
        shown = min(before, self._today() - timedelta(days=2 * self._keep.look_back))
        if not rehearse:
            await self._rows(pruning.shown(shown), rehearse=False)
        return number + await self._rows([pruning.posts(before)], rehearse=rehearse)

    async def _sign_ups(self, before: datetime, *, rehearse: bool) -> int:
        people = self.store.subscribers
        number = await (people.unconfirmed(before) if rehearse else people.give_up(before))
        return number + await self._rows([pruning.unanswered(before)], rehearse=rehearse)

    async def _rankings(self, *, rehearse: bool) -> int:
        # Counted from the newest edition: who works on an archive of the past has its rankings, too.
        newest = await self.store.editions.page(self._today(), 1)
        if not newest:
            return 0
        before = newest[0][0] - timedelta(days=self._span(self._keep.rankings))
        return await self._rows(pruning.rankings(before), rehearse=rehearse)

    async def _rows(self, several: Iterable[Old], *, rehearse: bool) -> int:
        go = pruning.count if rehearse else pruning.clear
        return sum([await go(self.store.database, one) for one in several])


@dataclass(frozen=True, slots=True)
class _Files:
    """Files by folder and pattern that were written before a moment."""

    named: Sequence[tuple[Path, str]]
    before: datetime
    rehearse: bool

    async def clear(self) -> int:
        return await asyncio.to_thread(self._clear)

    def _clear(self) -> int:
        number = 0
        for path in (path for folder, pattern in self.named for path in folder.glob(pattern)):
            try:
                if datetime.fromtimestamp(path.lstat().st_mtime, UTC) >= self.before:
                    continue
                if not self.rehearse:
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            except FileNotFoundError:
                continue  # somebody else was faster
            number += 1
        return number


def _ago(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)
