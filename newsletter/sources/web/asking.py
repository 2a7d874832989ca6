"""The network, asked politely: every source on it goes through `HttpWeb.ask`, and nothing else opens a connection.

One question is a walk (`web_walks`): for each step, the address itself and then where it redirects to, wait for the
turn (`web_turns`), ask, read (`web_bodies`), give the turn back. A walk that failed in passing is begun again, up to
ATTEMPTS times. What goes wrong is a Fault (`web_faults`) and reaches the source as one sentence.
"""

from __future__ import annotations

import json as jsons
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol
from urllib.parse import quote

import stamina
import stamina.instrumentation

from newsletter import __version__
from newsletter.errors import SourceError
from newsletter.model import Answer
from newsletter.sources.base import Habits
from newsletter.sources.web.addresses import address
from newsletter.sources.web.faults import Fault, masked, shown, wall_clock
from newsletter.sources.web.turns import Paces, Turns
from newsletter.sources.web.walks import Clients, Question, Reply, Walks

ATTEMPTS = 3
FIRST_WAIT = 0.5
LONGEST_WAIT = 5.0
JITTER = 1.0
"""Seconds before another attempt: FIRST_WAIT, doubled each time, plus up to JITTER, so that many who failed together do
not come back together. Where the server says when to come back, we come back then."""

_KEPT_HEADERS = ("content-type", "etag", "last-modified")
_LONGEST_HEADER = 1_000


class Answers(Protocol):
    """Keeps answers; `newsletter.store` does so in the database."""

    async def latest(self, source: str, request: str, until: datetime | None = None) -> Answer | None:
        """What `source` answered to `request` last, no later than `until`; None when nothing is kept."""
        ...

    async def keep(self, source: str, answer: Answer) -> None:
        """Keep `answer`; as one that can be read, until it is rejected."""
        ...

    async def reject(self, source: str, request: str) -> None:
        """Note that what `source` answered to `request` last could not be read."""
        ...


@asynccontextmanager
async def opened_web(
    answers: Answers,
    paces: Paces,
    *,
    contact: str,
    owner: str,
    allowed: Collection[str] = (),
    offline: bool = False,
    until: datetime | None = None,
    patience: float = 60.0,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[HttpWeb]:
    """The network for one run.

    `contact` tells servers, in the User-Agent, whom to write to; `owner` tells this process from others that share the
    database. A redirect leads to a private address only at a host that is in `allowed` by its name. `offline` answers
    from kept answers alone, none of them later than `until`. We never wait longer than `patience` seconds for a moment
    that a server names. `now` is the run's clock, in aware UTC: answers are dated by it.
    """
    hush()
    if offline:
        yield HttpWeb(answers, None, until, now)
        return
    async with aclosing(Clients(agent(contact))) as clients:
        walks = Walks(clients, Turns(paces, owner, patience), allowed, patience)
        yield HttpWeb(answers, walks, until, now)


def hush() -> None:
    """Keep the libraries' own log lines off the terminal: they hold whole addresses, with the keys in them."""
    stamina.instrumentation.set_on_retry_hooks(())
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def agent(contact: str) -> str:
    """What we call ourselves (User-Agent), with whom to write to."""
    name = f"paper-newsletter/{__version__}"
    return f"{name} (+{quote(contact, safe='@:/+.-_~?&=%#,; ')})" if contact else name


class HttpWeb:
    """See `newsletter.sources.base.Web`; made by `opened_web`. Without `walks` it is offline."""

    def __init__(
        self, answers: Answers, walks: Walks | None, until: datetime | None, now: Callable[[], datetime]
    ) -> None:
        self._answers = answers
        self._walks = walks
        self._until = until
        self._now = now

    async def ask(
        self,
        source: str,
        url: str,
        habits: Habits,
        *,
        json: Any = None,
        once_a_day: bool = False,
        take: Collection[int] = (),
    ) -> Answer:
        """See `Web.ask`."""
        try:
            address(url)
            body = None if json is None else _canonical(json)
            request = _request(url, body)
            kept = await self._answers.latest(source, request, None if self._walks else self._until)
            good_today = kept and once_a_day and not kept.rejected and self._is_of_today(kept)
            if kept and (good_today or not self._walks):
                return replace(kept, fresh=False)
            if not self._walks:
                raise Fault("was not kept; ask without --offline")
            conditions = {} if kept and kept.rejected else _conditions(kept)
            good = {200, *take} | ({304} if conditions else set())
            reply = await _reply(self._walks, Question(url, habits, body, conditions, good))
        except Fault as fault:
            raise SourceError(_sentence(source, url, habits, fault)) from fault
        answer = self._answer(request, kept, reply)
        if answer.status == 200:
            await self._answers.keep(source, answer)
        return answer

    async def reject(self, source: str, answer: Answer) -> None:
        """See `Web.reject`. Offline nothing will be asked anew, and what is read may not be the last that was kept."""
        if self._walks and answer.status == 200:
            await self._answers.reject(source, answer.request)

    def _is_of_today(self, kept: Answer) -> bool:
        return kept.fetched_at.astimezone(UTC).date() == self._now().astimezone(UTC).date()

    def _answer(self, request: str, kept: Answer | None, reply: Reply) -> Answer:
        """`reply` as an answer; one that says that nothing changed is the kept one, found to be good just now."""
        headers = {name: value for name in _KEPT_HEADERS if _is_plain(value := reply.headers.get(name, ""))}
        if kept and reply.status == 304:
            return replace(kept, headers={**kept.headers, **headers}, fetched_at=self._now(), fresh=False)
        return Answer(request, reply.status, reply.body, self._now(), headers)


async def _reply(walks: Walks, question: Question) -> Reply:
    """The reply to `question`, after as many attempts as it needs. Raises the last attempt's Fault."""
    attempts = stamina.retry_context(
        on=_again,
        attempts=ATTEMPTS,
        timeout=None,
        wait_initial=FIRST_WAIT,
        wait_max=LONGEST_WAIT,
        wait_jitter=JITTER,
    )
    async for attempt in attempts:
        with attempt:
            return await walks.walk(question)
    raise AssertionError("stamina raises when no attempt is left")


def _again(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds."""
    if not isinstance(error, Fault) or not error.passing:
        return False
    wait = (error.until - wall_clock()).total_seconds() if error.until else 0.0
    return wait if wait > 0 else True


def _canonical(json: Any) -> bytes:
    return jsons.dumps(json, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _request(url: str, body: bytes | None) -> str:
    """The name of a request: its address, where secrets are replaced by their hash, and the hash of what is posted."""
    name = masked(url, lambda value: sha256(value.encode()).hexdigest()[:12] if value else "")
    return name if body is None else f"{name}#{sha256(body).hexdigest()}"


def _conditions(kept: Answer | None) -> dict[str, str]:
    """The headers that ask for an answer only if it is another than `kept` (RFC 9110, section 13.1)."""
    known = kept.headers if kept else {}
    pairs = (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))
    return {condition: known[name] for condition, name in pairs if name in known}


def _is_plain(value: str) -> bool:
    """Whether a header's value can be kept, and sent back some day."""
    return value.isascii() and value.isprintable() and 0 < len(value) <= _LONGEST_HEADER


def _sentence(source: str, url: str, habits: Habits, fault: Fault) -> str:
    led = f" (where {shown(url)} redirects to)" if fault.where and fault.where != url else ""
    text = f"source {source}: {shown(fault.where or url)}{led} {fault}"
    # A server may repeat our token in the address that it redirects to.
    for word in " ".join(habits.headers.values()).split():
        text = text.replace(word, "***") if len(word) > 7 else text
    return text
