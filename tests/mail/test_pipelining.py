"""Several messages in flight on one connection: whose reply is whose, and what became of each, whatever happens."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parseaddr

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scripted_relay import HOST, IMPATIENT, listening, nothing

from newsletter.errors import RelayError
from newsletter.mail.pipeline import DEPTH
from newsletter.mail.pool import Pool
from newsletter.mail.smtp import Relay, Security, SmtpMailer, mailbox, wire
from newsletter.model import Message, Outcome, State, Step

STEPS = (Step.MAIL, Step.RCPT, Step.DATA, Step.DOT)
YES = {Step.MAIL: 250, Step.RCPT: 250, Step.DATA: 354, Step.DOT: 250}
CUT, GARBAGE, HANG = "cut", "garbage", "hang"
ENDS = (421, CUT, GARBAGE)

Fate = int | str


def message(number: int) -> Message:
    content = b"Subject: %d\r\n\r\n.dot\r\n%b\r\n" % (number, b"x" * 300)
    return Message(f"<{number}@x.org>", f"s{number}@news.example", f"r{number}@example.org", content, 0)


@dataclass
class Record:
    """What a relay was asked and what it answered: the proof of what became of each message."""

    fates: dict[tuple[int, Step], Fate] = field(default_factory=dict)  # how to answer a step of a message, once
    chunk: int = 0  # bytes of an answer in one segment; 0: all that is due goes together
    multiline: bool = False
    careless: bool = False  # 354 even to a message without a recipient
    per_connection: int = 0  # messages that it takes before it says 421, or nothing when it is not polite; 0: any
    polite: bool = True
    extensions: tuple[str, ...] = ("PIPELINING", "SMTPUTF8")
    connections: int = 0
    said: dict[int, dict[Step, Fate]] = field(default_factory=dict)  # of the last attempt of each message
    contents: dict[int, list[bytes]] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    reads: list[list[str]] = field(default_factory=list)  # the commands that came together
    open: list[PipeliningRelay] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)  # the first content

    def expected(self, number: int) -> tuple[State, int | None, Step]:
        """What the last attempt of a message came to: the first answer that was no yes decides."""
        for step in STEPS:
            fate = self.said.get(number, {}).get(step, CUT)
            code = None if isinstance(fate, str) else fate
            if code == YES[step]:
                continue
            if code is None:
                return State.UNKNOWN if step is Step.DOT else State.DEFERRED, None, step
            refused = code >= 500 and not (step is Step.RCPT and code == 552)
            return State.REFUSED if refused else State.DEFERRED, code, step
        return State.ACCEPTED, 250, Step.DOT


class PipeliningRelay(asyncio.Protocol):
    """A relay that takes pipelined commands, and answers and fails as its `record` has it.

    Having failed it says no more and reads on until the other side closes: so all it said is heard.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.unread, self.unsent = b"", b""
        self.number, self.sender, self.recipient, self.inside = 0, False, False, False
        self.taken = 0
        self.over = self.hung = False
        self.sending: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.record.connections += 1
        self.record.open.append(self)
        self.say("220 relay")

    def data_received(self, data: bytes) -> None:
        self.unread += data
        together: list[str] = []
        while not self.over:
            if self.inside:
                content, dot, rest = (b"\r\n" + self.unread).partition(b"\r\n.\r\n")
                if not dot:
                    break
                self.unread, self.inside = rest, False
                together.append("content")
                self.take(content.replace(b"\r\n..", b"\r\n.")[2:])
            elif b"\r\n" in self.unread:
                command, _, self.unread = self.unread.partition(b"\r\n")
                together.append(command[:4].decode())
                self.obey(command.decode())
            else:
                break
        self.record.commands += together
        self.record.reads.append(together)

    def obey(self, command: str) -> None:
        said = self.record.said
        if command.startswith("EHLO"):
            lines = ["relay", *self.record.extensions]
            self.say("\r\n".join(f"250{' ' if line == lines[-1] else '-'}{line}" for line in lines))
        elif command == "RSET":
            self.sender = self.recipient = False
            self.say("250 reset")
        elif command == "QUIT":
            self.say("221 bye")
            self.end()
        elif command.startswith("MAIL") and 0 < self.record.per_connection <= self.taken:
            if self.record.polite:
                self.say("421 4.7.0 enough for one connection")
            self.end()
        elif found := re.match(r"MAIL FROM:<s(\d+)@", command):
            assert not self.sender, "a transaction inside another"
            self.number = int(found[1])
            said[self.number] = {}
            self.sender, self.recipient = self.answer(Step.MAIL), False
        elif command.startswith("RCPT"):
            assert f"<r{self.number}@" in command
            self.recipient = self.answer(Step.RCPT, 250 if self.sender else 503)
        elif command == "DATA":
            ready = self.recipient or (self.sender and self.record.careless)
            self.inside = self.answer(Step.DATA, 354 if ready else 503)
        else:
            raise AssertionError(command)

    def take(self, content: bytes) -> None:
        self.record.arrived.set()
        if self.recipient:
            self.record.contents.setdefault(self.number, []).append(content + b"\r\n")
            self.taken += 1
            self.answer(Step.DOT)
        else:
            assert content == b""  # the lone dot
            self.say("554 nobody to send it to")
        self.sender = self.recipient = False

    def answer(self, step: Step, usual: int | None = None) -> bool:
        """Say what the record has for this step; whether it is a yes."""
        if self.over:
            return False
        fate = self.record.fates.pop((self.number, step), None)
        if fate is None or (usual == 503 and fate not in ENDS):
            fate = usual or YES[step]
        if fate == HANG:
            self.over = self.hung = True
            return False
        self.record.said[self.number][step] = fate
        words = f"[{self.number} {step}]"
        if isinstance(fate, int):
            self.say(f"{fate}-several\r\n{fate} {words}" if self.record.multiline else f"{fate} {words}")
        else:
            self.say("2" if fate == CUT else "what?", end="" if fate == CUT else "\r\n")
        if fate in ENDS:
            self.end()
        return fate == YES[step]

    def say(self, words: str, end: str = "\r\n") -> None:
        if not self.over:
            self.unsent += (words + end).encode()
            self.sending = self.sending or asyncio.get_running_loop().create_task(self.send())

    def end(self) -> None:
        self.over = True

    async def send(self) -> None:
        await asyncio.sleep(0)
        while self.unsent:
            size = self.record.chunk or len(self.unsent)
            self.transport.write(self.unsent[:size])
            self.unsent = self.unsent[size:]
            await asyncio.sleep(0)
        self.sending = None
        if self.over and not self.hung and not self.transport.is_closing():
            self.transport.write_eof()


@asynccontextmanager
async def mailing(record: Record) -> AsyncIterator[SmtpMailer]:
    async with (
        listening(lambda: PipeliningRelay(record)) as port,
        SmtpMailer(Relay(HOST, port, Security.NONE), timeouts=IMPATIENT) as mailer,
    ):
        yield mailer


async def attempt(mailer: SmtpMailer | Pool, number: int, pauses: int = 0) -> tuple[Outcome | RelayError, int]:
    """What became of a message, and how often the ledger was told."""
    told = 0

    async def before_data() -> None:
        nonlocal told
        told += 1
        for _ in range(pauses):
            await asyncio.sleep(0)

    try:
        return await mailer.send(message(number), before_data), told
    except RelayError as error:
        return error, told


def proves(record: Record, number: int, result: Outcome | RelayError) -> None:
    """The relay's own record says that this, and nothing else, became of the message."""
    state, code, step = record.expected(number)
    contents = record.contents.get(number, [])
    if step is Step.MAIL and state is State.REFUSED and code != 552:
        assert isinstance(result, RelayError)
        assert (result.step, result.code) == (step, code)
    else:
        assert isinstance(result, Outcome)
        found = (result.state, result.code, result.step)
        assert found == (state, code, step)
        assert code is None or f"[{number} {step}]" in result.text
    assert contents == [message(number).content] * (step is Step.DOT)


faults = st.dictionaries(
    st.tuples(st.integers(0, 11), st.sampled_from(STEPS)),
    st.sampled_from([450, 550, 552, 451, 554, *ENDS]),
    max_size=10,
)


@given(
    fates=faults,
    count=st.integers(1, 12),
    chunk=st.sampled_from([0, 0, 1, 7, 100]),
    multiline=st.booleans(),
    careless=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=100)
async def test_every_message_gets_the_outcome_that_the_relays_record_proves(
    fates: dict[tuple[int, Step], Fate], count: int, chunk: int, multiline: bool, careless: bool, seed: int
) -> None:
    record = Record(dict(fates), chunk, multiline, careless)
    pauses = random.Random(seed)
    async with mailing(record) as mailer:
        results = await asyncio.gather(*(attempt(mailer, number, pauses.randrange(6)) for number in range(count)))
    for number, (result, told) in enumerate(results):
        assert told == 1
        proves(record, number, result)


@given(fates=faults, connections=st.integers(1, 3), chunk=st.sampled_from([0, 1]), per_connection=st.integers(1, 9))
@settings(deadline=None, max_examples=40)
async def test_a_pool_of_pipelining_connections_doubles_and_mixes_up_nothing(
    fates: dict[tuple[int, Step], Fate], connections: int, chunk: int, per_connection: int
) -> None:
    # 5xx at MAIL stops everybody, which has its own tests.
    record = Record({at: fate for at, fate in fates.items() if at[1] is not Step.MAIL or fate in (450, 552)}, chunk)
    async with (
        listening(lambda: PipeliningRelay(record)) as port,
        Pool(Relay(HOST, port, Security.NONE), connections=connections, messages_per_connection=per_connection) as pool,
    ):
        assert pool.most == DEPTH * connections
        results = await asyncio.gather(*(attempt(pool, number) for number in range(12)))
    for number, (result, told) in enumerate(results):
        assert told == 1
        proves(record, number, result)


async def test_a_message_costs_one_round_trip() -> None:
    record = Record()
    async with mailing(record) as mailer:
        results = await asyncio.gather(*(attempt(mailer, number) for number in range(6)))
    assert [result.state for result, _ in results if isinstance(result, Outcome)] == [State.ACCEPTED] * 6
    assert record.reads[1] == ["MAIL", "RCPT", "DATA"]
    assert record.commands[1:] == [*["MAIL", "RCPT", "DATA", "content"] * 6, "QUIT"]
    # Each content is followed by the next group without waiting for its answer; both may come in two segments.
    assert ["MAIL", "RCPT", "DATA", "content"] not in record.reads
    assert record.connections == 1


async def test_nothing_is_written_before_the_ledger_is() -> None:
    record = Record()
    seen: list[str] = []

    async def before_data() -> None:
        await asyncio.sleep(0.02)
        seen.extend(record.commands)

    async with mailing(record) as mailer:
        assert (await mailer.send(message(1), before_data)).state is State.ACCEPTED
    assert seen == ["EHLO"]


async def test_one_that_waits_for_its_ledger_holds_up_nobody() -> None:
    record = Record()
    written = asyncio.Event()

    async def before_data() -> None:
        await written.wait()

    async with mailing(record) as mailer:
        slow = asyncio.create_task(mailer.send(message(1), before_data))
        await asyncio.sleep(0.02)
        assert (await mailer.send(message(2), nothing)).state is State.ACCEPTED
        written.set()
        assert (await slow).state is State.ACCEPTED
    assert record.connections == 1


@pytest.mark.parametrize("step", STEPS)
async def test_silence_ends_only_the_message_that_is_asked_about(step: Step) -> None:
    record = Record({(0, step): HANG})
    async with mailing(record) as mailer:
        results = await asyncio.gather(*(attempt(mailer, number) for number in range(4)))
    outcomes = [result for result, _ in results if isinstance(result, Outcome)]
    assert (outcomes[0].step, outcomes[0].code) == (step, None)
    assert outcomes[0].state is (State.UNKNOWN if step is Step.DOT else State.DEFERRED)
    assert "no answer in time" in outcomes[0].text
    assert [outcome.state for outcome in outcomes[1:]] == [State.ACCEPTED] * 3
    assert record.connections == 2


@pytest.mark.parametrize("step", STEPS)
async def test_a_cancelled_message_in_front_closes_the_connection_and_those_behind_it_go_on(step: Step) -> None:
    record = Record({(0, step): HANG})
    async with mailing(record) as mailer:
        sending = [asyncio.create_task(mailer.send(message(number), nothing)) for number in range(4)]
        await asyncio.sleep(0.05)
        sending[0].cancel()
        results = await asyncio.gather(*sending, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert [result.state for result in results[1:] if isinstance(result, Outcome)] == [State.ACCEPTED] * 3
    assert {number: len(contents) for number, contents in record.contents.items() if number} == {1: 1, 2: 1, 3: 1}


async def test_a_cancelled_message_behind_another_does_not_cost_it_its_answer() -> None:
    record = Record(chunk=1)  # each answer takes a while
    async with mailing(record) as mailer:
        sending = [asyncio.create_task(mailer.send(message(number), nothing)) for number in range(4)]
        await asyncio.wait_for(record.arrived.wait(), 5)
        sending[1].cancel()
        results = await asyncio.gather(*sending, return_exceptions=True)
    assert isinstance(results[1], asyncio.CancelledError)
    assert [result.state for result in results if isinstance(result, Outcome)] == [State.ACCEPTED] * 3
    assert 1 not in record.contents
    assert record.connections == 2


@pytest.mark.parametrize("words", [b"250 what for?\r\n", b"421 idle\r\n", b"2"])
async def test_what_a_relay_says_unasked_is_never_an_answer(words: bytes) -> None:
    record = Record()
    async with mailing(record) as mailer:
        assert (await mailer.send(message(1), nothing)).state is State.ACCEPTED
        record.open[-1].transport.write(words)
        await asyncio.sleep(0.02)
        assert not mailer.connected
        assert (await mailer.send(message(2), nothing)).state is State.ACCEPTED
    assert record.connections == 2


@pytest.mark.parametrize("step", [Step.MAIL, Step.RCPT, Step.DATA])
async def test_a_relay_that_loses_its_place_gets_one_command_at_a_time(step: Step) -> None:
    record = Record({(0, step): 503})
    async with mailing(record) as mailer:
        results = await asyncio.gather(*(attempt(mailer, number) for number in range(3)))
        assert (await mailer.send(message(9), nothing)).state is State.ACCEPTED
        assert mailer.depth == 1
    first = results[0][0]
    assert isinstance(first, Outcome)
    assert (first.state, first.step, first.code) == (State.DEFERRED, Step.MAIL, None)
    assert 0 not in record.contents
    assert [result.state for result, _ in results[1:] if isinstance(result, Outcome)] == [State.ACCEPTED] * 2
    assert record.reads[-2] == ["content"]


async def test_a_relay_that_offers_no_pipelining_gets_one_command_at_a_time() -> None:
    record = Record(extensions=("SMTPUTF8",))
    async with mailing(record) as mailer:
        await asyncio.gather(*(attempt(mailer, number) for number in range(3)))
    assert sorted(record.contents) == [0, 1, 2]
    assert all(len(commands) <= 1 for commands in record.reads)


# ---------------------------------------------------------------------------------------------- the words on the wire


@given(content=st.binary(max_size=60) | st.text("\r\n.a", max_size=30).map(str.encode))
@example(b"..\r\n.\r\n\r\n.")
@settings(deadline=None, max_examples=400)
def test_the_wire_is_what_two_regular_expressions_make(content: bytes) -> None:
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    end = b".\r\n" if lines.endswith(b"\r\n") else b"\r\n.\r\n"
    assert wire(content) == re.sub(rb"(?m)^\.", b"..", lines) + end


@given(
    address=st.from_regex(r"[A-Za-z0-9_+=.@ <>\"()\\,;:-]{1,30}", fullmatch=True) | st.emails() | st.text(max_size=12)
)
@example("bounces+7.AbC-_=@papers.example.org")
@example("a..b@c")
@example('"a b"@c.org')
@settings(deadline=None, max_examples=500)
def test_an_address_that_is_taken_is_exactly_what_aiosmtplib_would_send(address: str) -> None:
    from aiosmtplib.email import quote_address

    try:
        taken = mailbox(address)
    except ValueError:
        return
    assert b"<%b>" % taken == quote_address(address).encode()
    assert parseaddr(address)[1] == address
    assert not re.search(rb"[\x00-\x1f\x7f]", taken)


@pytest.mark.parametrize("polite", [True, False])
@pytest.mark.parametrize("per_connection", [1, 3])
async def test_a_relay_that_takes_few_a_connection_gets_them_all(per_connection: int, polite: bool) -> None:
    record = Record(per_connection=per_connection, polite=polite)
    async with (
        listening(lambda: PipeliningRelay(record)) as port,
        Pool(Relay(HOST, port, Security.NONE), connections=5) as pool,
    ):
        results = await asyncio.gather(*(attempt(pool, number) for number in range(60)))
    assert {outcome.state for outcome, _ in results if isinstance(outcome, Outcome)} == {State.ACCEPTED}
    assert all(told == 1 for _, told in results)
    assert {number: len(copies) for number, copies in record.contents.items()} == dict.fromkeys(range(60), 1)
