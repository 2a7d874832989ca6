"""Postfix's own test server, with its own faults at every command: what we make of each."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from scripted_relay import CONTENT, HOST, MESSAGE, nothing, send

from newsletter.errors import RelayError
from newsletter.mail.pool import Pool
from newsletter.mail.smtp import Relay, Security, SmtpMailer, Timeouts
from newsletter.model import Outcome, State, Step

pytestmark = pytest.mark.smtp_sink

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
HASTY = Timeouts(0.4, 0.4, 0.4, 0.4, 0.4, 0.1)
COMMANDS = ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."]
STEPS = dict(zip(COMMANDS, [Step.CONNECT, Step.EHLO, Step.MAIL, Step.RCPT, Step.DATA, Step.DOT], strict=True))


@dataclass
class Sink:
    """A running smtp-sink; `dumps` holds one file a transaction."""

    relay: Relay
    dumps: Path

    def contents(self) -> list[bytes]:
        """Every message that came to its final dot, whatever was answered to it."""
        contents = [file.read_bytes().replace(b"\r\n", b"\n") for file in self.dumps.iterdir()]
        return [content for content in contents if content.rstrip(b"\n").endswith(b"\nend")]


@asynccontextmanager
async def sink(*faults: str) -> AsyncIterator[Sink]:
    """smtp-sink with `faults`, its options, listening."""
    with tempfile.TemporaryDirectory() as name, socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
        probe.close()
        os.chmod(name, 0o777)  # smtp-sink gives root up and writes as nobody
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        program = shutil.which("smtp-sink", path=PATH)
        assert program is not None
        command = [*user, "-d", f"{name}/mail.", *faults, f"{HOST}:{port}", "20"]
        process = await asyncio.create_subprocess_exec(program, *command, stderr=asyncio.subprocess.DEVNULL)
        try:
            for _ in range(200):
                try:
                    _, writer = await asyncio.open_connection(HOST, port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    await writer.wait_closed()
                    break
            yield Sink(Relay(HOST, port, Security.NONE), Path(name))
        finally:
            process.terminate()
            await process.wait()


async def tried(postfix: Sink) -> tuple[Outcome | RelayError, bool]:
    """What one message comes to, and whether the ledger was told that DATA is next."""
    told = False

    async def before_data() -> None:
        nonlocal told
        told = True

    async with SmtpMailer(postfix.relay, timeouts=HASTY) as mailer:
        try:
            return await mailer.send(MESSAGE, before_data), told
        except RelayError as error:
            return error, told


CANNOT_PIPELINE = "-W"
"""The fault of smtp-sink that puts the answers to pipelined commands out of order: with it, it must not offer any."""


async def test_the_bytes_arrive() -> None:
    async with sink() as postfix, SmtpMailer(postfix.relay) as mailer:
        outcome = await mailer.send(MESSAGE, nothing)
        (received,) = postfix.contents()
    assert (outcome.state, outcome.code, outcome.enhanced) == (State.ACCEPTED, 250, "2.0.0")
    # The dump puts the envelope in front, as header lines.
    assert received.rstrip(b"\n").endswith(CONTENT.replace(b"\r\n", b"\n").rstrip(b"\n"))


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("fault", "code"), [("-q {}", None), ("-Q {}", 421), ("-r {}", 450), ("-f {}", 500), ("-W {}:1", None)]
)
async def test_a_fault_at_each_command(fault: str, code: int | None, command: str, pipelining: bool) -> None:
    option, _, value = fault.format(command).partition(" ")
    if option == CANNOT_PIPELINE and pipelining:
        pytest.skip("smtp-sink cannot do both")
    async with sink(option, value, *([] if pipelining else ["-p"])) as postfix:
        result, told = await tried(postfix)
        taken = postfix.contents()
    assert result.step == STEPS[command]
    assert result.code == code
    offered = pipelining and option not in ("-r", "-f")  # with these two it offers no PIPELINING
    assert told is (command in (["MAIL", "RCPT", "DATA", "."] if offered else ["DATA", "."]))
    if command in ("CONNECT", "EHLO") or (command == "MAIL" and code == 500):
        assert isinstance(result, RelayError)
        assert result.temporary is (code != 500)
    else:
        assert isinstance(result, Outcome)
        lost = State.UNKNOWN if command == "." else State.DEFERRED
        assert result.state is (lost if code is None else State.REFUSED if code == 500 else State.DEFERRED)
        assert result.enhanced == {450: "4.3.0", 500: "5.3.0"}.get(code or 0, result.enhanced)
    # The message has crossed the network only where the final dot was the matter, and then once.
    assert len(taken) == (command == ".")


async def test_a_message_that_is_refused_before_its_end_has_not_arrived() -> None:
    async with sink("-A", "0") as postfix:
        result, told = await tried(postfix)
        assert postfix.contents() == []
    # The 550 follows the 354 at once: what we get to see of it is a matter of luck.
    assert isinstance(result, Outcome)
    assert result.state is not State.ACCEPTED
    assert told


@pytest.mark.parametrize("fault", [("-w", "1"), ("-p", "-W", "RCPT:1"), ("-W", ".:1")])
async def test_slowness_within_the_time_is_no_fault(fault: tuple[str, ...]) -> None:
    async with sink(*fault) as postfix, SmtpMailer(postfix.relay) as mailer:
        outcome, told = await send(mailer)
        assert len(postfix.contents()) == 1
    assert (outcome.state, told) == (State.ACCEPTED, True)


@pytest.mark.parametrize("options", [(), ("-8",), ("-E",), ("-N",), ("-p",), ("-a",)])
async def test_a_relay_that_can_do_less(options: tuple[str, ...]) -> None:
    async with sink(*options) as postfix, SmtpMailer(postfix.relay) as mailer:
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED


async def test_a_pool_hands_everything_over_once() -> None:
    async with sink() as postfix:
        async with Pool(postfix.relay, connections=4, messages_per_connection=7) as pool:
            outcomes = await asyncio.gather(*(pool.send(MESSAGE, nothing) for _ in range(60)))
        assert len(postfix.contents()) == 60
    assert {outcome.state for outcome in outcomes} == {State.ACCEPTED}


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ("-q RCPT", State.DEFERRED),
        ("-Q MAIL", State.DEFERRED),
        ("-f RCPT", State.REFUSED),
        ("-r .", State.DEFERRED),
        ("-q .", State.UNKNOWN),
    ],
)
async def test_a_pool_doubles_nothing_when_everything_fails(fault: str, state: State) -> None:
    async def no_time(seconds: float) -> None:  # a relay that turns everybody away is given a rest
        await asyncio.sleep(0)

    clock = iter(range(0, 10**6, 60))
    async with sink(*fault.split()) as postfix:
        pool = Pool(postfix.relay, connections=3, timeouts=HASTY, clock=lambda: next(clock), sleep=no_time)
        async with pool:
            outcomes = await asyncio.gather(*(pool.send(MESSAGE, nothing) for _ in range(12)))
        assert len(postfix.contents()) == (12 if fault.endswith(".") else 0)
    assert {outcome.state for outcome in outcomes} == {state}


@pytest.mark.parametrize(("fault", "temporary"), [("-q CONNECT", True), ("-Q EHLO", True), ("-f CONNECT", False)])
async def test_a_pool_gives_up_for_everybody(fault: str, temporary: bool) -> None:
    async with sink(*fault.split()) as postfix:
        async with Pool(postfix.relay, connections=3, timeouts=HASTY, patience=0.3) as pool:
            results = await asyncio.gather(*(pool.send(MESSAGE, nothing) for _ in range(9)), return_exceptions=True)
        assert postfix.contents() == []
    assert [isinstance(result, RelayError) and result.temporary for result in results] == [temporary] * 9
