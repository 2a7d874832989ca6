"""The conversation with a relay once aiosmtplib has connected, greeted, encrypted and logged in (RFC 2920 pipelining).

aiosmtplib waits for the reply to each command and drops what arrives when it waits for none. So its transport gets this
protocol instead of its own, by `set_protocol`, which asyncio and uvloop have for TCP and for TLS; nothing of aiosmtplib
but the open transport is used from then on. What the relay may have sent too early stays behind with the old protocol.

Where the relay offers PIPELINING a message costs one round trip::

    we     content of A, then in the same breath  MAIL RCPT DATA of B
    relay                                                            250 of A   250 250 354 of B
    we     content of B, then                     MAIL RCPT DATA of C

RFC 2920 section 3.1 lets DATA end a group of commands and a content begin one. At most one content is unanswered at any
time: so many messages (one a connection) can be lost sight of when a process dies, and so much is buffered.

Replies belong to commands by their order alone. A reply that nobody asked for, or that makes no sense where it stands
(no 354 but to DATA, none but a 354 there, ...), therefore ends the connection: after it every pairing would be a guess.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, cast

from aiosmtplib import SMTP

from newsletter.mail.relay import Timeouts, why

LONGEST_REPLY = 32_768
"""Bytes of a whole reply, all its lines together; a longer one makes no sense."""

DEPTH = 4
"""Messages that keep a pipelining connection busy: one content on its way, one group of commands behind it, and two
more whose write-ahead is on its way to the disk."""

GO_ON, COMPLETED, GOODBYE, CLOSING, BAD_SEQUENCE = 354, 250, 221, 421, 503
LOST, SENSELESS = 0, -1
_DONE = (COMPLETED,)
_TAKEN = (COMPLETED, 251)
_GO_ON = (GO_ON,)
_GROUP = (_DONE, _TAKEN, _GO_ON)


class Reply(NamedTuple):
    """A reply code with its words; code 0 (LOST) and the reason when none came, -1 (SENSELESS) for what is none."""

    code: int
    text: str


class Transaction:
    """One message on its way: `replies` to MAIL, RCPT, DATA and the final dot, as far as they were asked for.

    `ended` is done when no more will come. `group` holds the three commands; `wire` what follows the 354, and `sent`
    says that it has begun to. `passed_over` says that the connection ended over another one, before this one's turn.
    """

    __slots__ = ("abandoned", "ended", "group", "passed_over", "replies", "sent", "wire")

    def __init__(self, group: bytes, wire: bytes, ended: asyncio.Future[None]) -> None:
        self.group = group
        self.wire = wire
        self.ended = ended
        self.replies: list[Reply] = []
        self.sent = self.abandoned = self.passed_over = False

    @property
    def turned_away(self) -> bool:
        """Whether the relay had gone, or was going, when it came to this one's first command: nothing was begun."""
        return bool(self.replies) and self.replies[0].code in (LOST, CLOSING)

    @property
    def out_of_sequence(self) -> bool:
        """Whether the first no is "bad sequence of commands". Ours were in sequence: the relay has lost its place."""
        answers = zip(self.replies, _GROUP, strict=False)
        return next((reply.code for reply, good in answers if reply.code not in good), COMPLETED) == BAD_SEQUENCE

    def end(self) -> None:
        """No more replies will come."""
        if not self.ended.done():
            self.ended.set_result(None)


class Conversation(asyncio.Protocol):
    """An open connection, either asked one command at a time (`ask`) or given whole transactions (`begin`).

    Takes over the transport of `client`, which is greeted and logged in. `seconds` are the waits for each reply;
    without `pipelining` it is not used, whatever the relay offers.
    """

    def __init__(self, client: SMTP, seconds: Timeouts, *, pipelining: bool = True) -> None:
        self.pipelining = pipelining and client.supports_extension("pipelining")
        self.international = client.supports_extension("smtputf8")
        self.sizes = client.supports_extension("size")
        limit = client.esmtp_extensions.get("size", "")
        self.largest = int(limit) if limit.isdecimal() and len(limit) < 20 else 0
        self.completed = 0
        """How many messages the relay has answered."""
        self.midway = False
        """Whether the relay may hold a transaction that was begun and not ended, which RSET clears."""
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._tick = min(seconds.connect, seconds.command, seconds.data, seconds.dot, seconds.goodbye)
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._expected: deque[tuple[float, tuple[int, ...], Callable[[Reply], None]]] = deque()
        self._unwritten: list[bytes] = []
        self._rest = b""
        self._paused = False
        self._front: Transaction | None = None  # its group is written, and perhaps its content
        self._behind: Transaction | None = None  # its group is written behind the content of the one in front
        self._ready: deque[Transaction] = deque()
        # Not isinstance: the transports of uvloop are none of asyncio's.
        self._transport = cast(asyncio.Transport, client.transport) if client.is_connected else None
        if self._transport is not None:
            self._transport.set_protocol(self)

    @property
    def connected(self) -> bool:
        """Whether the connection is open, as far as we have heard."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, command: bytes, seconds: float, good: tuple[int, ...] = _DONE) -> Reply:
        """The reply to `command`, whole with its CRLF; the connection ends when it is neither `good` nor a plain no."""
        if self._transport is None or self._transport.is_closing():
            return Reply(LOST, "Connection lost")
        answer: asyncio.Future[Reply] = self._loop.create_future()

        def heard(reply: Reply) -> None:
            if not answer.done():  # nobody waits any more when it was cancelled
                answer.set_result(reply)

        self._expect(seconds, good, heard)
        self._transport.write(command)
        return await answer

    def begin(self, group: bytes, wire: bytes) -> Transaction:
        """Take a message: `group` is its MAIL, RCPT and DATA, `wire` its dot-stuffed content with the final dot.

        It goes out as soon as its turn has come; the relay must offer PIPELINING.
        """
        transaction = Transaction(group, wire, self._loop.create_future())
        if self.connected:
            self._ready.append(transaction)
            self._advance()
        else:
            transaction.replies.append(Reply(LOST, "Connection lost"))
            transaction.end()
        return transaction

    def abandon(self, transaction: Transaction) -> None:
        """Nobody waits for `transaction` any more: nothing of it may stay half-way.

        One that stands behind another's content must not cost that one its answer: the end waits for it.
        """
        transaction.abandoned = True
        if transaction in self._ready:
            self._ready.remove(transaction)
        elif transaction is self._front:
            self.abort("given up")

    def halt(self) -> None:
        """Hand over nothing more: a content that is on its way is answered, and all others are passed over."""
        waiting = [one for one in (self._front, self._behind, *self._ready) if one is not None and not one.sent]
        self._ready.clear()
        for transaction in waiting:
            transaction.abandoned = True
            self._pass_over(transaction)
        if self._front is not None and not self._front.sent:
            self.abort("halted")

    @staticmethod
    def _pass_over(transaction: Transaction) -> None:
        transaction.passed_over = True
        transaction.end()

    async def close(self) -> None:
        """Say goodbye if nothing is under way, and close."""
        if self.connected and not self._expected:
            await self.ask(b"QUIT\r\n", self._seconds.goodbye, (GOODBYE,))
        if self._transport is not None and not self._expected:
            self._transport.close()
        self.abort("closed")

    def abort(self, reason: str) -> None:
        """Close at once; who still waits for a reply hears `reason`."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.abort()
        self._end(reason)

    # ------------------------------------------------------------------------------------- what the transport tells us

    def data_received(self, data: bytes) -> None:
        """Give each reply to whom it belongs, then write what may be written now: never a word between two replies."""
        if self._transport is None:
            return
        if self._rest:
            data = self._rest + data
            self._rest = b""
        start, size = 0, len(data)
        while start < size:
            end = data.find(b"\n", start) + 1
            if data[start + 3 : start + 4] == b"-" and end:
                end = _last_line(data, start)
            if not self._expected:
                self.abort("The relay spoke out of turn")
                return
            if not end:
                break
            if not self._hear(_read(data[start:end]) if end - start <= LONGEST_REPLY else _TOO_LONG):
                return
            start = end
        if size - start > LONGEST_REPLY:
            self._hear(_TOO_LONG)
        else:
            self._rest = data[start:]
            if start:
                wait = self._expected[0][0] if self._expected else self._seconds.dot  # until a full buffer has emptied
                self._deadline = self._loop.time() + wait
                self._advance()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(why(exc) if exc else "Connection lost")

    # ----------------------------------------------------------------------------------------------------- what we say

    def _advance(self) -> None:
        """Write what may be written: the next content, and the next group behind it, in one write."""
        self._go_on()
        if self._unwritten and self._transport is not None:
            self._transport.writelines(self._unwritten)  # joined, or gathered by the kernel, as the loop does it best
        self._unwritten = []

    def _go_on(self) -> None:
        while self._transport is not None and not self._paused:
            front = self._front
            if front is None:
                if not self._ready:
                    return
                self._front = self._offer(self._ready.popleft())
            elif front.abandoned:
                self.abort("given up")
            elif len(front.replies) < len(_GROUP):
                return
            elif not front.sent:
                self._hand_over(front)
            elif self._behind is None and self._ready:
                self._behind = self._offer(self._ready.popleft())
            else:
                return

    def _offer(self, transaction: Transaction) -> Transaction:
        """MAIL, RCPT and DATA together."""
        group, wait = transaction.group, self._seconds.command
        if self.midway:
            self.midway = False
            self._expect(self._seconds.connect, _DONE, self._reset)
            group = b"RSET\r\n" + group
        heard = transaction.replies.append
        self._expect(wait, _DONE, heard)
        self._expect(wait, _TAKEN, heard)
        self._expect(self._seconds.data, _GO_ON, heard)
        self._unwritten.append(group)
        return transaction

    def _hand_over(self, transaction: Transaction) -> None:
        """The content, when the relay has taken all three commands of the group; else nothing of it."""
        mail, rcpt, go_on = (reply.code for reply in transaction.replies)
        if go_on != GO_ON:
            self.midway = True
            self._front = None
            if transaction.out_of_sequence:
                transaction.end()  # before those behind it, whom `abort` tells
                self.abort("The relay loses its place")
        elif mail != COMPLETED:
            self.abort("The relay wants a message without a sender")
            return
        elif rcpt in _TAKEN:
            transaction.sent = True
            self._expect(self._seconds.dot, _DONE, lambda reply: self._answered(transaction, reply))
            self._unwritten.append(transaction.wire)
            return
        else:  # nobody to send it to, and still a 354: a lone dot ends it (RFC 2920 section 3.1)
            transaction.sent = True
            self._expect(self._seconds.dot, _DONE, lambda reply: self._answered(None, reply))
            self._unwritten.append(b".\r\n")
        transaction.end()

    # ---------------------------------------------------------------------------------------------------- what we hear

    def _expect(self, seconds: float, good: tuple[int, ...], heard: Callable[[Reply], None]) -> None:
        """The reply to what is written now goes to `heard`, within `seconds` of the reply before it."""
        if not self._expected:
            self._deadline = self._loop.time() + seconds
            if self._timer is None:
                self._timer = self._loop.call_later(self._tick, self._check_time)
        self._expected.append((seconds, good, heard))

    def _hear(self, reply: Reply) -> bool:
        """Give the oldest command its reply; whether the conversation goes on after it."""
        _, good, heard = self._expected.popleft()
        heard(reply)
        code = reply.code
        if code not in good and (code == CLOSING or not 400 <= code < 600):
            self.abort("The relay closes the connection" if code == CLOSING else "The relay makes no sense")
        return self._transport is not None

    def _reset(self, reply: Reply) -> None:
        if reply.code != COMPLETED:
            self.abort(f"The relay does not reset: {reply.code} {reply.text}")

    def _answered(self, transaction: Transaction | None, reply: Reply) -> None:
        """The final dot's answer; the transaction in front is over, and the one behind it comes to the front."""
        self.midway = reply.code != COMPLETED and self._behind is None
        self._front, self._behind = self._behind, None
        self.completed += reply.code == COMPLETED
        if transaction is not None:
            transaction.replies.append(reply)
            transaction.end()

    def _check_time(self) -> None:
        """One timer for all waits: it ticks as often as the shortest may end, and is not touched by each reply."""
        self._timer = None
        now = self._loop.time()
        if self._transport is None or not (self._expected or self._front):
            return
        if now >= self._deadline:
            self.abort("no answer in time")
        else:
            self._timer = self._loop.call_at(min(self._deadline, now + self._tick), self._check_time)

    def _end(self, reason: str) -> None:
        """Tell everybody who waits; what was not written yet has not been begun."""
        if self._transport is None:
            return
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lost = Reply(LOST, reason)
        front, later = self._front, [*([self._behind] if self._behind else []), *self._ready]
        self._ready.clear()
        while self._expected:
            self._expected.popleft()[2](lost)
        for transaction in later:
            self._pass_over(transaction)
        if front is not None:
            front.end()
        self._front = self._behind = None


_TOO_LONG = Reply(SENSELESS, "Response too long")


def _last_line(data: bytes, start: int) -> int:
    """Where the reply of several lines ends that begins at `start`; 0 when its end has not arrived."""
    while data[start + 3 : start + 4] == b"-":
        start = data.find(b"\n", start) + 1
        if not start:
            return 0
    return data.find(b"\n", start) + 1


def _read(lines: bytes) -> Reply:
    """A whole reply, of one line or several (RFC 5321 section 4.2.1). The last line's code counts."""
    if not lines[:3].isdigit():
        return _malformed(lines)
    if lines.count(b"\n") == 1:
        return Reply(int(lines[:3]), lines[4:].strip(b" \t\r\n").decode("utf-8", "surrogateescape"))
    several = lines[:-1].split(b"\n")
    if not all(line[:3].isdigit() for line in several):
        return _malformed(lines)
    text = b"\n".join(line[4:].strip(b" \t\r\n") for line in several).decode("utf-8", "surrogateescape")
    return Reply(int(several[-1][:3]), text)


def _malformed(lines: bytes) -> Reply:
    return Reply(SENSELESS, f"Malformed SMTP response line: {lines.decode('utf-8', 'ignore')}")
