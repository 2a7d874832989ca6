"""Group commit: the changes of many callers, durable together.

A commit is one disk flush, about as dear for one change as for a hundred. So there is one writer: while its flush is
in flight the next group gathers. A caller who is alone is written at once, anybody else waits for the flush before its
own, usually a few milliseconds; and where there are several, for a moment more in which others join them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from newsletter.errors import StoreError

GATHERING = 0.003
"""Seconds that a group of several is waited for: a flush or two, so that there are fewer of them."""

Change = TypeVar("Change")


class Group(Generic[Change]):
    """Hands changes to `commit`, which writes a group of them in one transaction.

    `commit` answers each change with None, or with the error that is for its caller alone; the others of the group are
    written. When it raises, the transaction failed: every caller of the group, and every later one, gets a StoreError,
    for a sender whose ledger cannot be written must stop.
    """

    def __init__(self, commit: Callable[[Sequence[Change]], Awaitable[Sequence[StoreError | None]]]) -> None:
        self._commit = commit
        self._waiting: list[tuple[Change, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    async def write(self, change: Change, *, happened: bool) -> None:
        """Returns when `change` is durable. Raises StoreError.

        When the caller is cancelled before its group is written, a change that tells what `happened` is written all
        the same; one that announces what would come next is dropped, for it will not come.
        """
        if self._failure is not None:
            raise _stopped(self._failure)
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((change, written))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_groups())
        await (asyncio.shield(written) if happened else written)

    async def close(self) -> None:
        """Returns when nothing is being written any more."""
        while self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write_groups(self) -> None:
        group: list[tuple[Change, asyncio.Future[None]]] = []
        try:
            while self._waiting:
                group = [(change, written) for change, written in self._waiting if not written.cancelled()]
                self._waiting = []
                errors = await self._commit([change for change, _ in group]) if group else ()
                for (_, written), error in zip(group, errors, strict=True):
                    _answer(written, error)
                if len(group) > 1:
                    await asyncio.sleep(GATHERING)
        except BaseException as failure:
            self._failure = failure
            for _, written in group + self._waiting:
                _answer(written, _stopped(failure))
            self._waiting = []
            if not isinstance(failure, Exception):
                raise
        finally:
            self._writer = None


def _answer(written: asyncio.Future[None], error: StoreError | None) -> None:
    if written.done():  # its caller was cancelled
        return
    if error is None:
        written.set_result(None)
    else:
        written.set_exception(error)
        written.exception()  # heard: one whose caller was cancelled meanwhile would be told to the log, with its trace


def _stopped(failure: BaseException) -> StoreError:
    """A StoreError of its own for each caller: one that is raised twice would gather the traces of both."""
    if isinstance(failure, StoreError):
        error = StoreError(str(failure))
    else:
        error = StoreError(f"The ledger could not be written ({failure!r}): sending has stopped.")
    error.__cause__ = failure
    return error
