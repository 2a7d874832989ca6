"""Mailers that are kept open between one use and the next: a connection that is there already costs no greeting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

from newsletter.daily.rounds import Mailer
from newsletter.errors import RelayError
from newsletter.model import Message, Outcome


class Kept:
    """Mailers, each in one use at a time. One that was halted, or has failed, is closed and not used again; all others
    are closed at the end."""

    def __init__(self, opened: Callable[[Callable[[str], None]], AbstractAsyncContextManager[Mailer]]) -> None:
        """`opened` opens one, and is given what takes sentences for the operator."""
        self._opened = opened
        self._idle: list[_Mailer] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._idle:
            await self._idle.pop().closing.aclose()

    @asynccontextmanager
    async def use(self, tell: Callable[[str], None]) -> AsyncIterator[Mailer]:
        """The mailer that was used last, or a new one; `tell` hears what it has to say meanwhile."""
        mailer = self._idle.pop() if self._idle else await self._new(tell)
        mailer.told = tell
        try:
            yield mailer
        except BaseException:
            await mailer.closing.aclose()
            raise
        if mailer.is_spent:
            await mailer.closing.aclose()
        else:
            self._idle.append(mailer)

    async def _new(self, tell: Callable[[str], None]) -> _Mailer:
        made = _Mailer(tell)
        async with AsyncExitStack() as stack:
            made.mailer = await stack.enter_async_context(self._opened(made.tell))
            made.closing = stack.pop_all()
        return made


class _Mailer:
    """A mailer that knows whether it can be used once more, and who uses it now."""

    mailer: Mailer
    closing: AsyncExitStack

    def __init__(self, told: Callable[[str], None]) -> None:
        self.told = told
        self.is_spent = False

    def tell(self, sentence: str) -> None:
        """What the mailer has to say goes to whoever uses it."""
        self.told(sentence)

    @property
    def most(self) -> int:
        return self.mailer.most

    def halt(self) -> None:
        self.is_spent = True
        self.mailer.halt()

    async def send(self, message: Message, before_data: Callable[[], Awaitable[None]]) -> Outcome:
        try:
            return await self.mailer.send(message, before_data)
        except RelayError:
            self.is_spent = True
            raise
