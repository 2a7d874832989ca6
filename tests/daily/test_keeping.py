"""Mailers that are kept: used again while they are good, and closed each once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from newsletter.daily.keeping import Kept
from newsletter.errors import RelayError
from newsletter.model import Message, Outcome, State

MESSAGE = Message("<1@example.org>", "papers@example.org", "ada@example.org", b"Subject: one\r\n\r\n", 0)


class Relay:
    """A mailer that notes what becomes of it."""

    most = 5
    tell: Callable[[str], None]

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_halted = self.is_closed = self.is_away = False

    def halt(self) -> None:
        self.is_halted = True

    async def send(self, message: Message, before_data: Callable[[], Awaitable[None]]) -> Outcome:
        if self.is_away:
            raise RelayError("nobody is there")
        await before_data()
        return Outcome(State.ACCEPTED, 250, f"by {self.number}")


@pytest.fixture
def made() -> list[Relay]:
    return []


@pytest.fixture
async def kept(made: list[Relay]) -> AsyncIterator[Kept]:
    @asynccontextmanager
    async def opened(tell: Callable[[str], None]) -> AsyncIterator[Relay]:
        made.append(Relay(len(made)))
        made[-1].tell = tell
        yield made[-1]
        made[-1].is_closed = True

    async with Kept(opened) as kept:
        yield kept


async def sent_by(kept: Kept) -> str:
    async def nothing() -> None: ...

    async with kept.use(print) as mailer:
        assert mailer.most == 5
        return (await mailer.send(MESSAGE, nothing)).text


async def test_one_after_the_other_use_the_same(kept: Kept, made: list[Relay]) -> None:
    assert [await sent_by(kept) for _ in range(3)] == ["by 0"] * 3
    assert not made[0].is_closed


async def test_two_at_a_time_have_one_each(kept: Kept, made: list[Relay]) -> None:
    async with kept.use(print):
        assert await sent_by(kept) == "by 1"
    assert await sent_by(kept) == "by 0"  # the last one used
    assert len(made) == 2


async def test_one_that_was_halted_or_failed_is_closed_and_another_made(kept: Kept, made: list[Relay]) -> None:
    async with kept.use(print) as mailer:
        mailer.halt()
    assert (made[0].is_halted, made[0].is_closed) == (True, True)
    assert await sent_by(kept) == "by 1"
    made[1].is_away = True
    with pytest.raises(RelayError):
        await sent_by(kept)
    assert made[1].is_closed
    assert await sent_by(kept) == "by 2"
    with pytest.raises(LookupError):
        async with kept.use(print):
            raise LookupError
    assert made[2].is_closed


async def test_what_it_says_is_for_who_uses_it_now(kept: Kept, made: list[Relay]) -> None:
    heard: dict[str, list[str]] = {"first": [], "second": []}
    for name, sentences in heard.items():
        async with kept.use(sentences.append):
            made[0].tell(f"for the {name}")
    assert heard == {"first": ["for the first"], "second": ["for the second"]}
