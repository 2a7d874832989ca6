"""What goes wrong on the network, in words that are ours: nothing a server wrote reaches a sentence."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

PASSING = frozenset({429, 500, 502, 503, 504})
"""Statuses after which the same question may be answered a little later."""

MOST_OBEYED = timedelta(days=1)
"""No server can make us wait for longer, whatever it says: the next day's run asks again."""

_PARAMETER = re.compile(r"([?&;])([^=&;#?]*)=([^&;#]*)")
_SECRET = re.compile(r"(?i)key|token|secret|pass|pwd|auth|credential|^sig|mail")
_USERINFO = re.compile(r"(?<=://)[^/?#]*@")
_LONGEST_URL = 200
_DRAINED = re.compile(r";\s*r=(-?[0-9]{1,18})\b[^,]*?;\s*t=([0-9]{1,18})\b")


class Fault(Exception):
    """A request that was not answered as it should. `str(fault)` goes on after the address: "answered 404 Not Found".

    `passing` tells that the same may work a little later; `until` is when the server asks to come back; `where` is the
    address that it happened at, filled in by the walk.
    """

    def __init__(self, why: str, *, passing: bool = False, until: datetime | None = None) -> None:
        super().__init__(why)
        self.passing = passing
        self.until = until
        self.where = ""


def shown(url: str) -> str:
    """`url` for a sentence: what may be secret in it is masked, and it is one printable line of a bounded length."""
    text = "".join(one if one.isprintable() else "?" for one in masked(url, lambda _: "***"))
    return text if len(text) <= _LONGEST_URL else text[:_LONGEST_URL] + "…"


def masked(url: str, put: Callable[[str], str]) -> str:
    """`url` with `put(value)` instead of every value that may be secret: of keys, tokens, mail addresses, passwords."""

    def parameter(found: re.Match[str]) -> str:
        return f"{found[1]}{found[2]}={put(found[3])}" if _SECRET.search(found[2]) else found[0]

    return _PARAMETER.sub(parameter, _USERINFO.sub(lambda found: put(found[0]) + "@", url))


def bad_status(status: int) -> str:
    """What to say of an answer of that status, with the remedy where there is one."""
    known = status in list(HTTPStatus)
    said = f"answered {status} {HTTPStatus(status).phrase}" if known else f"answered {status}"
    if status in PASSING:
        return said
    if status in {401, 403, 407}:
        return f"{said}; check the token and the address in its [[sources]] table"
    return f"{said}; check base_url or the address in its [[sources]] table"


def wait_asked(headers: httpx.Headers, now: datetime) -> datetime | None:
    """Until when `Retry-After` asks to wait (RFC 9110, section 10.2.3: seconds or a date); None when it does not."""
    text = headers.get("retry-after", "")[:100].strip()
    if text.isascii() and text.isdigit():
        return now + min(timedelta(seconds=int(text[:9])), MOST_OBEYED)
    try:
        moment = parsedate_to_datetime(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return max(now, min(moment, now + MOST_OBEYED))


def drained(headers: httpx.Headers, now: datetime) -> datetime | None:
    """When the quota is filled again, if an answer says it is used up: `RateLimit: "api";r=0;t=123`
    (draft-ietf-httpapi-ratelimit-headers: r are the requests left, t the seconds until there are more)."""
    found = _DRAINED.findall(headers.get("ratelimit", "")[:1000])
    waits = [min(int(seconds), MOST_OBEYED.total_seconds()) for left, seconds in found if int(left) <= 0]
    return now + timedelta(seconds=max(waits)) if waits else None


def invalid_address() -> Fault:
    """What to raise for an address that cannot be one."""
    return Fault("is no valid address; write it like https://example.org/path")


def wall_clock() -> datetime:
    """The time by which everybody waits (aware UTC), whatever moment the run itself is told it is."""
    return datetime.now(UTC)


def minute(moment: datetime) -> str:
    """`moment` (UTC) for a sentence, to the minute after."""
    return f"{moment + timedelta(seconds=59):%Y-%m-%d %H:%M} UTC"


def fault_of(error: Exception, timeout: float) -> Fault:
    """`error`, raised while asking, as a fault."""
    causes = tuple(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Fault("has no valid certificate; check the address, the clock of this machine and SSL_CERT_FILE")
    if isinstance(error, (TimeoutError, httpx.TimeoutException)):
        return Fault(f"gave no whole answer within {timeout:g} seconds; try later or raise `timeout`", passing=True)
    if isinstance(error, (UnicodeEncodeError, httpx.LocalProtocolError)):
        return Fault("was not asked: a header would be invalid; check that the token is one line of plain ASCII")
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError, OverflowError)):
        return invalid_address()
    return Fault(_unreached(error, causes), passing=True)


def _unreached(error: Exception, causes: tuple[BaseException, ...]) -> str:
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "cannot be asked: its host is not found; check the address and this machine's network"
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "cannot be asked safely: TLS failed; check that the address and its port speak https"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "cannot be asked: the connection is refused; check the address and its port"
    if isinstance(error, httpx.ConnectError):
        return "cannot be asked: there is no connection; check the address and this machine's network"
    if isinstance(error, httpx.ProxyError):
        return "cannot be asked: the proxy refuses; check HTTP_PROXY, HTTPS_PROXY and NO_PROXY"
    return "broke off its answer or gave none in HTTP; it may work later"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and what it came from; of several connections that failed, the first."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        if isinstance(following, BaseExceptionGroup):
            following = following.exceptions[0]
        else:
            following = following.__cause__ or following.__context__
