"""One place that posts go to, by its Apprise URL.

Apprise says whether a service took a post, and why not only in its log. What is in that log is read here for two
things, and shown nowhere, for it holds the tokens: the status of HTTP, and whether there was a connection at all. What
neither tells is *unknown*: the service may have the post.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import charset
from http import HTTPStatus
from threading import Thread
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from newsletter.errors import ChannelError
from newsletter.model import Outcome, State
from newsletter.model.post import Form

if TYPE_CHECKING:
    from apprise import NotifyBase

LONGEST = 60.0
"""Seconds for a post, whatever the service does; the services' own limits are a few seconds (`?cto=` and `?rto=`)."""

_ERROR = re.compile(r"\berror[=: ]+(\d{3})\b")
_UNCONNECTED = re.compile(
    r"NewConnectionError|ConnectTimeout|NameResolution|Failed to (?:resolve|establish)|Connection refused|"
    r"CERTIFICATE_VERIFY_FAILED|ProxyError|No route to host|Network is unreachable"
)
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class Outlet:
    """`form` is how the service wants its text, `limit` the most characters that it takes, `service` its name."""

    def __init__(self, name: str, url: str) -> None:
        """Raises ChannelError: without Apprise, for a URL that it cannot use, and for one with several targets, of
        which some could have a post and others not."""
        self._name = name
        self._plugin = _plugin(name, url)
        self.service = str(self._plugin.service_name)
        self.form = Form(self._plugin.resolve_format().value)
        self.limit = int(self._plugin.body_maxlen)

    async def send(self, body: str) -> Outcome:
        """Post `body`; what came of it."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Outcome] = loop.create_future()

        def tell(outcome: Outcome) -> None:
            if not done.done():
                done.set_result(outcome)

        def post() -> None:
            outcome = self._posted(body)
            with suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(tell, outcome)

        # A daemon: a service that trickles its answer holds up nobody's end.
        Thread(target=post, name=f"channel {self._name}", daemon=True).start()
        try:
            return await asyncio.wait_for(done, LONGEST)
        except TimeoutError:
            return Outcome(State.UNKNOWN, None, f"{self.service} gave no answer within {LONGEST:g} seconds")

    def _posted(self, body: str) -> Outcome:
        from apprise import Apprise

        sender = Apprise(asset=self._plugin.asset)
        sender.add(self._plugin)
        try:
            result = sender.notify(
                body=body, body_format=self.form.value, interpret_escapes=False, log_level=logging.DEBUG
            )
        except Exception:  # a fault of Apprise or of a service's plugin: what came of the post nobody knows
            return self._unknown()
        if result:
            return Outcome(State.ACCEPTED, None, "")
        # The post itself is noted too, and may say anything.
        entries = list(result.logs())
        warned = " ".join(one.message for one in entries if one.level in {"WARNING", "ERROR", "CRITICAL"})
        failed = " ".join(one.message for one in entries if one.message.startswith("Socket Exception"))
        if found := _ERROR.search(warned):
            status = int(found[1])
            known = f" {HTTPStatus(status).phrase}" if status in list(HTTPStatus) else ""
            state = State.DEFERRED if status in _PASSING else State.REFUSED
            elsewhere = ": give the channel the url that this leads to" if 300 <= status < 400 else ""
            return Outcome(state, status, f"{self.service} answered {status}{known}{elsewhere}")
        if _UNCONNECTED.search(failed):
            return Outcome(State.DEFERRED, None, f"{self.service} cannot be reached")
        return self._unknown()

    def _unknown(self) -> Outcome:
        return Outcome(State.UNKNOWN, None, f"{self.service} did not say whether it took the post")


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Let what Apprise's plugins do on import end there: their warnings, and how the whole process encodes headers.

    One of them has everybody's UTF-8 headers written as quoted-printable, the longer form too. A digest would then have
    other bytes when it is made again in a process that posts.
    """
    ours = charset.CHARSETS["utf-8"]
    try:
        with catch_warnings():
            simplefilter("ignore")  # what they find deprecated is not ours to mend
            yield
    finally:
        charset.CHARSETS["utf-8"] = ours


def _plugin(name: str, url: str) -> NotifyBase:
    try:
        import apprise
    except ImportError as error:
        raise ChannelError(
            f"channel {name}: posts need Apprise, which is not installed: pip install 'paper-newsletter[notify]'"
        ) from error
    # It tells everything, URLs too, to those who ask for the log of one post, and nothing to anybody else.
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    try:
        # Behind a redirect a post becomes a question, and what answers that takes nothing.
        asset = apprise.AppriseAsset(
            async_mode=False, http_redirects=False, app_id="newsletter", app_desc="research papers"
        )
        with _as_it_was():  # all its plugins are imported here
            plugin: Any = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    except Exception:  # whatever a plugin raises for a URL that it does not like: its words may hold the URL
        plugin = None
    if plugin is None:
        raise ChannelError(
            f"channel {name}: its url is none that Apprise can use; look the service up in Apprise's documentation"
        )
    if len(plugin) != 1:
        raise ChannelError(f"channel {name}: its url names {len(plugin)} targets; give each a channel of its own")
    found: NotifyBase = plugin
    return found
