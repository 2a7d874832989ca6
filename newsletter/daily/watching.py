"""What somebody has to hear who does not look: after each run, and whenever somebody comes by.

    after a run    went well -> the heartbeat; failed -> an event
    at any time    nothing was accepted for too long -> an event
                   a channel gets no posts -> an event
    then           events that nobody has told are told by mail, over the relay that carries the digests

An event is remembered in the database before it is told: one mail for each, however many programs notice it, and
however long the relay is away. What fails here is logged, and ends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from newsletter.daily.journey import Report
from newsletter.daily.posting import Trouble
from newsletter.daily.rounds import Mailer
from newsletter.errors import NewsletterError, RelayError, StoreError
from newsletter.logs import Log, without_addresses
from newsletter.mail import mime
from newsletter.mail.dkim import Signer
from newsletter.mail.headers import wire_address
from newsletter.mail.mime import Letterhead
from newsletter.model import Message, Outcome, State, Status, Verdict
from newsletter.store import RUN, Alert, Store

Answer = TypeVar("Answer")

LEASE = timedelta(minutes=15)
"""How long one program may take to tell an event before another one tries; and how soon a refusal is tried again."""

WORTH_TELLING = timedelta(days=7)
"""What is older is not told any more: nobody resumes it."""

_TAKEN = frozenset({State.ACCEPTED, State.UNKNOWN, State.SENDING})
"""What a reader has, may have, or is about to get."""

_log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """How the operator's mail is written. `secret` is what Message-IDs are made from; without an `address` nobody gets
    mail."""

    address: str | None
    letterhead: Letterhead
    secret: bytes
    signers: Sequence[Signer]

    def message(self, address: str, alert: Alert) -> Message:
        """The mail that tells `alert`: the same, whoever writes it. Raises CompositionError."""
        domain = wire_address(self.letterhead.address).rpartition("@")[2]
        named = mime.message_id(self.secret, alert.noted_at.date(), f"{address}\noperator\n{alert.event}", domain)
        return mime.notice(
            self.letterhead,
            recipient=address,
            subject=f"[{self.letterhead.list_name}] {alert.subject}",
            text=alert.words,
            message_id=named,
            date=alert.noted_at,
            signers=self.signers,
        )


class Watch:
    """Tells the operator. `mailer` opens what sends; `ping` asks the heartbeat and tells why nobody heard it; `command`
    writes a command line; `today` is the date in the schedule's time zone; after `silence` without a message accepted
    something is wrong (None: never)."""

    def __init__(
        self,
        store: Store,
        mailer: Callable[[Callable[[str], None]], AbstractAsyncContextManager[Mailer]],
        post: Post,
        ping: Callable[[], Coroutine[Any, Any, str]],
        command: Callable[..., str],
        today: Callable[[datetime], date],
        silence: timedelta | None,
    ) -> None:
        self._store = store
        self._mailer = mailer
        self._post = post
        self._ping = ping
        self._command = command
        self._today = today
        self._silence = silence
        self._asking: set[asyncio.Future[Any]] = set()
        self._is_stopped = False

    def stop(self) -> None:
        """Wait for nobody any longer, neither the heartbeat nor the relay: what is not told is told the next time."""
        self._is_stopped = True
        for one in self._asking:
            one.cancel()

    async def after(self, ended: Report | Exception, now: datetime, day: date | None = None) -> None:
        """A run has ended, with a report or with what it raised; `day` is the one that was asked for by its date (else
        the report's, else today). What is made up for an earlier day says nothing of today: when it went well, the
        heartbeat is not asked, and the good run before it stays the last. One that tried nothing, where nothing was
        accepted that was tried before, is neither good nor told once more; nor is one of a day that has no edition
        because no source could be read.

        That the database ended it is only logged: where nothing can be written nobody can know what was told before,
        and a lock that stays would be waited for once more. The heartbeat that is missing tells.
        """
        if isinstance(ended, StoreError):
            _log.warning("run failed", day=day, why=ended)
            return
        try:
            await self._judge(ended, now, day)
        except Exception as error:  # also a fault of ours: the run is over, and its own end counts
            _log.warning("a run that ended could not be noted", why=error)
            return  # a database that does not take this does not take the rest
        await self.look(now, ended.troubles if isinstance(ended, Report) else ())

    async def look(self, now: datetime, troubles: Sequence[Trouble] = ()) -> None:
        """Notice what has not happened, and the `troubles` of channels, and tell what nobody has told yet."""
        try:
            await self._listen(now)
            for one in troubles:
                await self._note(self._of_channel(one, now))
            await self._tell(now)
        except Exception as error:  # as above
            _log.warning("nobody could look after it", why=error)

    async def _judge(self, ended: Report | Exception, now: datetime, asked: date | None) -> None:
        day = asked or (ended.day if isinstance(ended, Report) else self._today(now))
        why = without_addresses(_failure(ended))  # it is kept, and who asks to be forgotten is not to stand there
        if why:
            _log.warning("run failed", day=day, why=why)
            await self._store.steps.note(RUN, now, day=day, why=why)
            await self._note(self._of_failure(day, why, now))
        elif isinstance(ended, Report) and not ended.stopped:
            counts = {state: ended.counts[state] for state in State if ended.counts.get(state)}
            _log.info("run", day=day, edition=ended.edition.id if ended.edition else None, **counts)
            if (asked and asked < self._today(now)) or _none_accepted(ended) or ended.unread:
                return
            await self._store.steps.note(RUN, now, day=day)
            if unheard := await self._unless_stopped(self._ping(), "told to stop"):
                _log.warning("heartbeat was not heard", why=unheard)

    async def _listen(self, now: datetime) -> None:
        """Whether nothing has gone out for too long, although somebody reads."""
        overview = self._store.overview
        if self._silence is None or await overview.accepted_since(now - self._silence):
            return
        accepted = await overview.last_accepted()
        since = accepted or await overview.began()
        if since is None or now - since <= self._silence:
            return
        if (await self._store.subscribers.counts()).get(Status.ACTIVE):
            await self._note(self._of_silence(since, accepted, now))

    async def _note(self, alert: Alert) -> None:
        if await self._store.alerts.note(alert):
            _log.info("alert", happened=alert.event)

    async def _tell(self, now: datetime) -> None:
        if self._post.address is None:
            return
        alerts = self._store.alerts
        while alert := await alerts.take(now, LEASE, now - WORTH_TELLING):
            try:
                message = self._post.message(self._post.address, alert)
                outcome = await self._unless_stopped(self._hand_over(message), None)
            except RelayError as error:
                await alerts.give_back(alert.event)
                _log.info("the relay is away, so the operator is told later", happened=alert.event, why=error)
                return
            if outcome is None:  # where the relay has it all the same, it has the same Message-ID the next time
                await alerts.give_back(alert.event)
                return
            if outcome.state in (State.ACCEPTED, State.UNKNOWN):
                await alerts.told(alert.event, now)
            else:  # it is tried again when the lease is over
                _log.warning("the operator's mail was not taken", happened=alert.event, said=outcome.text)

    async def _hand_over(self, message: Message) -> Outcome:
        async with self._mailer(lambda sentence: None) as mailer:
            return await mailer.send(message, _nothing_to_note)

    async def _unless_stopped(self, answer: Coroutine[Any, Any, Answer], otherwise: Answer) -> Answer:
        """What it answers; `otherwise` as soon as we are told to stop."""
        asking = asyncio.ensure_future(answer)
        if self._is_stopped:
            asking.cancel()
        self._asking.add(asking)
        try:
            return await asking
        except asyncio.CancelledError:
            if not self._is_stopped:
                raise
            return otherwise
        finally:
            self._asking.discard(asking)

    def _of_failure(self, day: date, why: str, now: datetime) -> Alert:
        words = f"""\
The run for {day} failed at {now:%Y-%m-%d %H:%M %Z}:

    {why}

Nothing is lost: what was not sent is still open. When the cause is mended, this goes on with it:

    {self._command("run", "--date", str(day))}

How things stand:

    {self._command("status")}

This is said once for {day}.
"""
        return Alert(f"failed {day}", f"{day} failed", words, now)

    def _of_silence(self, since: datetime, accepted: datetime | None, now: datetime) -> Alert:
        hours = int((now - since).total_seconds() // 3600)
        begun = f"{since:%Y-%m-%d %H:%M %Z}"
        what = f"The relay took the last message at {begun}" if accepted else f"The first source was asked at {begun}"
        words = f"""\
Nothing has gone out for {hours} hours. {what}, {"and" if accepted else "but"} no message \
{"since then" if accepted else "has gone out yet"}.

What sources answered, what waits and why:

    {self._command("status")}

This sends what is due:

    {self._command("run")}

The limit is operator.silence; this is said once, until something has gone out again.
"""
        return Alert(f"silent since {since.isoformat()}", f"nothing has gone out for {hours} hours", words, now)

    def _of_channel(self, trouble: Trouble, now: datetime) -> Alert:
        name, since = trouble.channel, trouble.since
        taken = f"The last post that its service took is that of {since}." if since else "Its service took no post yet."
        words = f"""\
The channel “{name}” gets no posts:

    {without_addresses(trouble.why)}

{taken} Nothing is lost within the look-back: the next post carries what was not posted.

These say whether its url can be used, and what would be posted; neither posts anything:

    {self._command("doctor")}
    {self._command("preview", "--channel", name)}

When the cause is mended, a scheduler goes on by itself; without one, this does:

    {self._command("run")}

What became of the last posts:

    {self._command("channels")}

This is said once, until the channel has got a post again.
"""
        event = f"channel {name}: no post since {since}" if since else f"channel {name}: no post yet"
        return Alert(event, f"channel {name} gets no posts", words, now)


def _failure(ended: Report | Exception) -> str:
    """Why a run failed, in a sentence; empty where it did not."""
    if isinstance(ended, NewsletterError):
        return str(ended)
    if isinstance(ended, Exception):
        return f"{type(ended).__name__}: {ended}; this should not happen, please report it"
    if ended.failure:
        return str(ended.failure)
    is_over = bool(ended.counts.get(State.REFUSED)) or not ended.goes_on
    if ended.attempted and not ended.stopped and is_over and (why := _none_accepted(ended)):
        return why
    broken = [one.batch for one in ended.collected if one.batch.verdict is Verdict.BROKEN]
    if ended.edition or ended.stopped or not broken or len(broken) < len(ended.collected):
        return ""
    return f"No source could be read. {broken[0].source}: {broken[0].why}"


def _none_accepted(report: Report) -> str:
    """That no reader got anything although somebody should have, and why the first did not; empty where that is not so,
    and where nobody counted."""
    counts = report.counts
    unsent = [(counts[state], state) for state in (State.REFUSED, State.DEFERRED) if counts.get(state)]
    if not unsent or any(counts.get(state) for state in _TAKEN):
        return ""
    said = next((one.reason or one.reply for one in report.deliveries if one.state is unsent[0][1]), "")
    words = f"No message was accepted: {', '.join(f'{number} {state}' for number, state in unsent)}"
    return f"{words}; the first: {said}" if said else f"{words}."


async def _nothing_to_note() -> None: ...
