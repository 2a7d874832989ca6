"""Language models behind OpenAI's API of chat completions, asked with the same care as sources.

The operator's own address may be anything, so a model on this machine or in a private network is asked like any other.
It is no source: nothing is kept here, and what it answers is a stranger's text to whoever reads it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from newsletter.errors import ModelError
from newsletter.model.summary import Draft
from newsletter.sources.base import Habits
from newsletter.sources.web.asking import agent, hush
from newsletter.sources.web.faults import PASSING, Fault, bad_status, shown, wait_asked, wall_clock
from newsletter.sources.web.turns import Turns
from newsletter.sources.web.walks import Clients, Question, Reply, Walks

ATTEMPTS = 3
FIRST_WAIT = 0.5
"""Seconds before another attempt, doubled each time; where the server says when to come back, we come back then."""

LONGEST_CALL = 60.0
"""Seconds for one answer: a small model on a processor writes two sentences in half of that."""

LARGEST = 1_000_000
"""Bytes of an answer that are read: two sentences are 1,000."""

_ALL = frozenset({200, *range(400, 600)})
_CHARACTERS_PER_TOKEN = 3  # rather too many tokens than too few
_SPELLINGS = {"max_tokens": "max_completion_tokens", "temperature": ""}
"""What newer models of the API's maker refuse, and what they call it."""


class Completions:
    """One model of one endpoint; made by `opened_completions`."""

    def __init__(self, walks: Walks, url: str, key: str | None, model: str, max_tokens: int) -> None:
        self._walks = walks
        self._url = url
        self._key = key
        self._body: dict[str, Any] = {"model": model, "max_tokens": max_tokens, "temperature": 0}
        self._max_tokens = max_tokens

    def most(self, system: str, user: str) -> int:
        """The tokens that asking this may cost, at the most."""
        return len(system + user) // _CHARACTERS_PER_TOKEN + self._max_tokens

    async def write(self, system: str, user: str, seconds: float) -> Draft:
        """What the model answers to `user`, as `system` tells it to, within so many `seconds`.

        An overloaded server, and one that broke down, is asked again, when it says so where it does. Raises ModelError:
        one sentence with the remedy; `lasting` when the same would happen with every other question. An answer that is
        not in the form of the API is none either: it may be a page about something else.
        """
        allowed = min(seconds, LONGEST_CALL)
        try:
            async with asyncio.timeout(allowed):
                reply = await self._reply(system, user, allowed)
        except TimeoutError as error:
            raise ModelError(f"{self._named} gave no answer within {allowed:g} seconds; see llm.seconds") from error
        try:
            return _draft(reply.body, self.most(system, user))
        except ValueError as error:
            what = "did not answer in the form of the API (chat completions)"
            raise ModelError(f"{self._named} {what}; check llm.url and llm.model") from error

    @property
    def _named(self) -> str:
        return f"the language model at {shown(self._url)}"

    async def _reply(self, system: str, user: str, seconds: float) -> Reply:
        ends = asyncio.get_running_loop().time() + seconds
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        attempt = 0
        while True:
            attempt += 1
            wait = FIRST_WAIT * 2 ** (attempt - 1)
            try:
                reply = await self._asked({**self._body, "messages": messages}, seconds)
            except Fault as fault:
                # Nobody is there: that is so for every question.
                if not fault.passing or attempt == ATTEMPTS:
                    said = str(fault).partition("; check base_url")[0]
                    raise ModelError(f"{self._named} {said}; check llm.url", lasting=True) from fault
            else:
                if reply.status == 200:
                    return reply
                if reply.status == 400 and self._respelt(reply.body):
                    continue
                if reply.status not in PASSING:
                    raise ModelError(f"{self._named} {_refusal(reply.status)}", lasting=reply.status != 400)
                until = wait_asked(reply.headers, wall_clock())
                wait = (until - wall_clock()).total_seconds() if until else wait
                left = ends - asyncio.get_running_loop().time()
                if attempt == ATTEMPTS or wait >= left:
                    told = f", and asked us to wait for {wait:.0f} seconds" if until and wait > 0 else ""
                    said = f"{self._named} {bad_status(reply.status)}{told}; it may work later"
                    raise ModelError(said, lasting=wait >= left)
            await asyncio.sleep(max(wait, 0))

    async def _asked(self, body: Mapping[str, Any], seconds: float) -> Reply:
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        # Our own clock ends it before this one would, which speaks of a setting that is not there.
        habits = Habits(pace=0, timeout=2 * seconds, headers=headers)
        return await self._walks.walk(Question(self._url, habits, json.dumps(body).encode("ascii"), {}, _ALL))

    def _respelt(self, body: bytes) -> bool:
        """Whether the server refuses one of our parameters, which is then spelt as it wants, or left out."""
        error = _loaded(body)
        said = error.get("error") if isinstance(error, dict) else None
        name = said.get("param") if isinstance(said, dict) else None
        if not isinstance(name, str) or name not in _SPELLINGS or name not in self._body:
            return False
        value = self._body.pop(name)
        if _SPELLINGS[name]:
            self._body[_SPELLINGS[name]] = value
        return True


@asynccontextmanager
async def opened_completions(
    *,
    url: str,
    key: str | None,
    model: str,
    max_tokens: int,
    contact: str,
) -> AsyncIterator[Completions]:
    """The model `model` at `url`, the address that questions are posted to; `contact` as for `opened_web`."""
    hush()
    async with aclosing(Clients(agent(contact))) as clients:
        # A redirect may stay where the operator sent us; anywhere else it has to be a public place.
        walks = Walks(clients, Turns(_NoPaces(), "llm", 0.0), {urlsplit(url).hostname or ""}, patience=0.0)
        yield Completions(walks, url, key, model, max_tokens)


class _NoPaces:
    """Questions wait for no turns: how many are under way, whoever asks decides."""

    async def begin(self, group: str, owner: str, now: datetime, lease: float) -> datetime | None:
        return None

    async def end(self, group: str, owner: str, next_at: datetime) -> None:
        """There is nothing to give back."""


def _refusal(status: int) -> str:
    said = bad_status(status).partition(";")[0]
    if status in {401, 403, 407}:
        return f"{said}; check llm.key"
    return f"{said}; check llm.url and llm.model"


def _draft(body: bytes, guess: int) -> Draft:
    """The answer in `body`; `guess` are its tokens where it does not tell them. Raises ValueError for what is not in
    the form of the API."""
    answer = _loaded(body)
    try:
        choice = answer["choices"][0]
        text, refused = choice["message"].get("content"), choice["message"].get("refusal")
        ended, usage = choice.get("finish_reason"), answer.get("usage")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError("no choice with a message") from error
    told = usage.get("total_tokens") if isinstance(usage, dict) else None
    # A number that cannot be is none: what is spent is counted by it.
    tokens = told if type(told) is int and 0 < told <= 100 * guess else guess
    if refused or ended == "content_filter":
        return Draft("", tokens, "it is a refusal")
    if ended == "length":
        return Draft("", tokens, "it was cut off (llm.max_tokens)")
    if not isinstance(text, str):
        raise ValueError("no text")
    return Draft(text, tokens)


def _loaded(body: bytes) -> Any:
    """JSON as a value; None for what is none, or is far too large."""
    try:
        return json.loads(body) if len(body) <= LARGEST else None
    except (ValueError, RecursionError):
        return None
