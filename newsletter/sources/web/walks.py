"""Walks: from an address to its answer, over redirects, one polite step after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from newsletter.sources.base import Habits
from newsletter.sources.web import bodies as web_bodies
from newsletter.sources.web.addresses import address, addresses, host_of, is_allowed, redirected, same_origin
from newsletter.sources.web.faults import PASSING, Fault, bad_status, drained, fault_of, minute, wait_asked, wall_clock
from newsletter.sources.web.turns import Turns

MOST_REDIRECTS = 5

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LOCATION = "newsletter.location"
_TO_GET = frozenset({301, 302, 303})
"""Redirects after which a POST goes on as a GET (RFC 9110, section 15.4)."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: `body` is JSON to POST, None for a GET. `conditions` are headers that hold no secret. `good` are
    the statuses whose answers are wanted."""

    url: str
    habits: Habits
    body: bytes | None
    conditions: Mapping[str, str]
    good: Collection[int]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered. The body is read of good answers only; `location` is where a redirect leads."""

    status: int
    headers: httpx.Headers
    location: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class _Step:
    """One request. `own` are the headers for the source's own host. `hosts` are the addresses that were checked, to
    connect to them and no others; empty where the operator's word leads."""

    url: httpx.URL
    body: bytes | None
    own: Mapping[str, str]
    hosts: tuple[str, ...] = ()


class Clients:
    """The connections. Each request has its own: one that was checked for one host never serves another."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._opened: dict[bool, httpx.AsyncClient] = {}

    def client(self, *, pinned: bool) -> httpx.AsyncClient:
        """The client for addresses that were checked (`pinned`), or for the operator's. Only the latter go through a
        proxy, which would look a name up again. Raises Fault when the environment makes either impossible."""
        if pinned not in self._opened:
            try:
                self._opened[pinned] = self._client(trust_env=not pinned)
            except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
                remedy = "check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
                raise Fault(f"cannot be asked: the environment names what cannot be used; {remedy}") from error
        return self._opened[pinned]

    def _client(self, trust_env: bool) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers={"User-Agent": self._agent, "Accept-Encoding": "gzip", "Connection": "close"},
            verify=httpx.create_ssl_context(),
            trust_env=trust_env,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            limits=httpx.Limits(max_keepalive_connections=0),
            event_hooks={"response": [_take_location]},
        )

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self._opened.values():
            await client.aclose()


class Walks:
    """Walks from a question to its reply."""

    def __init__(self, clients: Clients, turns: Turns, allowed: Collection[str], patience: float) -> None:
        self._clients = clients
        self._turns = turns
        self._allowed = frozenset(allowed)
        self._patience = patience

    async def walk(self, question: Question) -> Reply:
        """The reply to `question`, of a good status. Raises Fault, `where` filled in, for everything else."""
        where = question.url
        try:
            step = _Step(address(question.url), question.body, question.habits.headers)
            for _ in range(MOST_REDIRECTS + 1):
                reply = await self._take(step, question)
                if reply.status not in _REDIRECTS or reply.status in question.good:
                    return reply
                step = _next(step, reply)
                where = str(step.url)
                if not is_allowed(step.url, self._allowed):
                    step = await _checked(step, question.habits)
            raise Fault(f"is one redirect too many: only {MOST_REDIRECTS} are followed")
        except Fault as fault:
            fault.where = where
            raise

    async def _take(self, step: _Step, question: Question) -> Reply:
        """The reply to one request, in its turn: a good one or a redirect. When the server asks to wait, all wait."""
        async with self._turns.turn(host_of(step.url), question.habits) as turn:
            with _in_words(question.habits.timeout):
                async with asyncio.timeout(question.habits.timeout):
                    reply = await self._send(step, question)
            now = wall_clock()
            asked = wait_asked(reply.headers, now) if reply.status in PASSING else None
            turn.not_before = asked or drained(reply.headers, now)
            if reply.status in question.good or reply.status in _REDIRECTS:
                return reply
            raise self._refusal(reply.status, turn.not_before)

    def _refusal(self, status: int, until: datetime | None) -> Fault:
        """What to raise for an answer that is of no use; `until` is when the server asks to come back."""
        said = bad_status(status)
        if status not in PASSING:
            return Fault(said)
        if until and (until - wall_clock()).total_seconds() > self._patience:
            return Fault(f"{said} and asked us to wait until {minute(until)}; run again then")
        return Fault(f"{said}, several times; it may work later", passing=True, until=until)

    async def _send(self, step: _Step, question: Question) -> Reply:
        """Send the request and read the answer: its body only when it is wanted."""
        response = await self._connected(step, question)
        try:
            status, location = response.status_code, response.extensions[_LOCATION]
            body = await web_bodies.read(response) if status in question.good else b""
            return Reply(status, response.headers, location, body)
        finally:
            await response.aclose()

    async def _connected(self, step: _Step, question: Question) -> httpx.Response:
        """The head of the answer. Of several addresses that were checked, the first that can be connected to gives it.

        Connected to is the address itself, so that nobody can answer the check and the connection with two different
        ones; the host's name still stands in the request and is what the certificate must be for.
        """
        method, timeout = ("GET" if step.body is None else "POST"), question.habits.timeout
        headers = {**question.conditions, **step.own}
        if step.body is not None:
            headers["Content-Type"] = "application/json"
        if not step.hosts:
            client = self._clients.client(pinned=False)
            request = client.build_request(method, step.url, content=step.body, headers=headers, timeout=timeout)
            return await client.send(request, stream=True)
        headers["Host"] = step.url.netloc.decode("ascii")
        client, last = self._clients.client(pinned=True), step.hosts[-1]
        for ip in step.hosts:
            request = client.build_request(
                method,
                step.url.copy_with(host=ip),
                content=step.body,
                headers=headers,
                timeout=httpx.Timeout(timeout, connect=timeout / len(step.hosts)),
                extensions={"sni_hostname": host_of(step.url)},
            )
            try:
                return await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if ip == last:
                    raise
        raise AssertionError("a checked step has an address")


async def _take_location(response: httpx.Response) -> None:
    """Put a redirect's address where httpx does not look: it would judge the address before us, in other words."""
    response.extensions[_LOCATION] = response.headers.pop("location", "")


def _next(step: _Step, reply: Reply) -> _Step:
    """The step that a redirect asks for. What is meant for one host is never told to another. Raises Fault."""
    target = redirected(step.url, reply.location)
    same = same_origin(step.url, target)
    body = None if reply.status in _TO_GET else step.body
    if body is not None and not same:
        raise Fault("redirects elsewhere, where the question is not sent; check base_url in its [[sources]] table")
    return _Step(target, body, step.own if same else {})


async def _checked(step: _Step, habits: Habits) -> _Step:
    """`step`, with the public addresses that it may connect to. Raises Fault."""
    with _in_words(habits.timeout):
        async with asyncio.timeout(habits.timeout):
            return replace(step, hosts=tuple(await addresses(step.url)))


@contextmanager
def _in_words(timeout: float) -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise fault_of(error, timeout) from error
