"""Handing messages to a relay: every reply, every loss, at every step."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from newsletter.errors import RelayError
from newsletter.mail.smtp import Relay, Security, SmtpMailer, Timeouts
from newsletter.model import Message, Outcome, State

HOST = "127.0.0.1"
PASSWORD = "correct horse"
CONTENT = b"Subject: hello\r\n\r\n.\r\n..two\r\n.lead\r\n" + b"x" * 998 + b"\r\nend\r\n"
MESSAGE = Message("<1@papers.example.org>", "news@papers.example.org", "ann@example.org", CONTENT, 0)
IMPATIENT = Timeouts(connect=0.3, command=0.3, data=0.3)
DROP, HANG = "drop", "hang"
STEPS = ["MAIL", "RCPT", "DATA", "."]


@dataclass
class Script:
    """What a relay answers at each step (once, then as usual), and what it saw."""

    answers: dict[str, str] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, list[str], list[str]]] = field(default_factory=list)
    connections: int = 0
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    drop_now: Callable[[], None] = lambda: None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.seen.append(".")
        content, sender = envelope.original_content, envelope.mail_from
        assert content is not None
        assert sender is not None
        answer = await self.play(".", server)
        if answer is not None:
            return answer
        self.contents.append(content)
        self.envelopes.append((sender, envelope.rcpt_tos, envelope.mail_options))
        return "250 2.0.0 queued as 42"

    async def play(self, step: str, server: SMTP) -> str | None:
        answer = self.answers.pop(step, None)
        if answer == DROP:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if answer in (DROP, HANG):
            self.hanging.set()
            await asyncio.sleep(60)  # ended when the connection is
        return answer


class ScriptedRelay(SMTP):
    """aiosmtpd with a script."""

    def __init__(self, script: Script, **options: Any) -> None:
        super().__init__(script, hostname="relay.example.org", loop=asyncio.get_running_loop(), **options)
        self.script = script

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.transport is None:
            self.script.connections += 1
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        self.script.drop_now = transport.abort

    async def _or_as_usual(self, step: str, usual: Callable[[Any], Any], argument: Any) -> None:
        self.script.seen.append(step)
        answer = await self.script.play(step, self)
        if answer is not None:
            await self.push(answer)
        else:
            await usual(argument)

    async def smtp_EHLO(self, hostname: str) -> None:
        await self._or_as_usual("EHLO", super().smtp_EHLO, hostname)

    async def smtp_MAIL(self, arg: str | None) -> None:
        await self._or_as_usual("MAIL", super().smtp_MAIL, arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        await self._or_as_usual("RCPT", super().smtp_RCPT, arg)

    async def smtp_DATA(self, arg: str) -> None:
        await self._or_as_usual("DATA", super().smtp_DATA, arg)

    async def smtp_RSET(self, arg: str) -> None:
        await self._or_as_usual("RSET", super().smtp_RSET, arg)


@asynccontextmanager
async def listening(conversation: Callable[[], asyncio.BaseProtocol], **options: Any) -> AsyncIterator[int]:
    """The port of a server whose conversations are over, tasks and all, when the block is left."""
    before = asyncio.all_tasks()
    server = await asyncio.get_running_loop().create_server(conversation, HOST, 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in (left := asyncio.all_tasks() - before):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@asynccontextmanager
async def mailing(script: Script, timeouts: Timeouts | None = None, **options: Any) -> AsyncIterator[SmtpMailer]:
    """A mailer that talks in clear to a scripted relay."""
    async with (
        listening(lambda: ScriptedRelay(script, **options)) as port,
        SmtpMailer(Relay(HOST, port, Security.NONE), timeouts=timeouts) as mailer,
    ):
        yield mailer


async def nothing() -> None:
    pass


async def send(mailer: SmtpMailer, message: Message = MESSAGE) -> tuple[Outcome, bool]:
    """The outcome, and whether we were told that DATA is next."""
    told = False

    async def before_data() -> None:
        nonlocal told
        told = True

    return await mailer.send(message, before_data), told


async def test_an_accepted_message_arrives_as_it_is() -> None:
    script = Script()
    async with mailing(script) as mailer:
        assert await mailer.send(MESSAGE, nothing) == Outcome(State.ACCEPTED, 250, "2.0.0 queued as 42")
    assert script.contents == [CONTENT]
    assert script.envelopes == [(MESSAGE.sender, [MESSAGE.recipient], [f"SIZE={len(CONTENT)}"])]


async def test_the_ledger_is_written_between_rcpt_and_data() -> None:
    script = Script()
    seen: list[str] = []

    async def before_data() -> None:
        seen.extend(script.seen)

    async with mailing(script) as mailer:
        await mailer.send(MESSAGE, before_data)
    assert seen == ["EHLO", "MAIL", "RCPT"]
    assert script.seen == ["EHLO", "MAIL", "RCPT", "DATA", "."]


async def test_one_connection_serves_many_messages() -> None:
    script = Script()
    async with mailing(script) as mailer:
        outcomes = await asyncio.gather(*(mailer.send(MESSAGE, nothing) for _ in range(20)))
    assert {outcome.state for outcome in outcomes} == {State.ACCEPTED}
    assert script.contents == [CONTENT] * 20
    assert all(len(recipients) == 1 for _, recipients, _ in script.envelopes)
    assert script.connections == 1


@pytest.mark.parametrize(
    ("step", "answer", "state"),
    [
        ("MAIL", "451 4.3.0 busy", State.DEFERRED),
        ("MAIL", "452 4.3.1 full", State.DEFERRED),
        ("MAIL", "421 4.7.0 slow down", State.DEFERRED),
        ("MAIL", "552 5.3.4 too large", State.REFUSED),
        ("RCPT", "450 4.2.0 greylisted", State.DEFERRED),
        ("RCPT", "421 4.7.0 slow down", State.DEFERRED),
        ("RCPT", "552 5.2.2 mailbox full", State.DEFERRED),
        ("RCPT", "550 5.1.1 no such user", State.REFUSED),
        ("RCPT", "553 5.1.3 bad name", State.REFUSED),
        ("RCPT", "554 5.7.1 policy", State.REFUSED),
        ("DATA", "451 4.3.0 later", State.DEFERRED),
        ("DATA", "421 4.3.2 shutting down", State.DEFERRED),
        ("DATA", "554 5.5.1 no valid recipients", State.REFUSED),
        (".", "451 4.3.0 disk", State.DEFERRED),
        (".", "421 4.3.2 shutting down", State.DEFERRED),
        (".", "552 5.3.4 too much", State.REFUSED),
        (".", "554 5.7.1 spam", State.REFUSED),
    ],
)
async def test_a_no_is_an_outcome_and_the_next_message_goes_out(step: str, answer: str, state: State) -> None:
    script = Script({step: answer})
    async with mailing(script) as mailer:
        outcome, told = await send(mailer)
        assert (outcome, told) == (Outcome(state, int(answer[:3]), answer[4:]), step in ("DATA", "."))
        assert script.contents == []
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert script.contents == [CONTENT]
    assert script.connections == (2 if answer.startswith("421") else 1)


@pytest.mark.parametrize("fate", [DROP, HANG])
@pytest.mark.parametrize("step", STEPS)
async def test_a_loss_is_unknown_only_once_data_has_begun(step: str, fate: str) -> None:
    script = Script({step: fate})
    async with mailing(script, IMPATIENT) as mailer:
        outcome, told = await send(mailer)
        inside = step in ("DATA", ".")
        assert (outcome.state, outcome.code) == (State.UNKNOWN if inside else State.DEFERRED, None)
        assert told is inside
        assert ("no answer in time" in outcome.text) is (fate == HANG)
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert script.contents == [CONTENT]
    assert script.connections == 2


@pytest.mark.parametrize(
    ("step", "answer"),
    [(step, answer) for step in STEPS for answer in ("garbage", "999 what")] + [("DATA", "250 done")],
)
async def test_an_answer_that_makes_no_sense_is_never_taken_for_yes(step: str, answer: str) -> None:
    script = Script({step: answer})
    async with mailing(script) as mailer:
        outcome, _ = await send(mailer)
        assert outcome.state is (State.UNKNOWN if step in ("DATA", ".") else State.DEFERRED)
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert script.contents == [CONTENT]
    assert script.connections == 2


async def test_a_connection_lost_just_before_data_is_known_to_have_sent_nothing() -> None:
    script = Script()

    async def before_data() -> None:
        script.drop_now()
        await asyncio.sleep(0.05)

    async with mailing(script) as mailer:
        outcome = await mailer.send(MESSAGE, before_data)
        assert outcome == Outcome(State.DEFERRED, None, "The connection was lost before DATA")
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert "DATA" in script.seen
    assert script.contents == [CONTENT]


async def test_an_idle_connection_that_was_lost_is_opened_again() -> None:
    script = Script()
    async with mailing(script) as mailer:
        await mailer.send(MESSAGE, nothing)
        script.drop_now()
        await asyncio.sleep(0.05)
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert (script.connections, len(script.contents)) == (2, 2)


async def test_a_refused_sender_stops_everything() -> None:
    script = Script({"MAIL": "553 5.7.1 not yours"})
    async with mailing(script) as mailer:
        with pytest.raises(RelayError, match=r"refuses the sender news@papers\.example\.org \(553 .*sender\.address"):
            await mailer.send(MESSAGE, nothing)
        assert "RCPT" not in script.seen
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED


async def test_a_ledger_that_fails_stops_the_message() -> None:
    script = Script()

    async def before_data() -> None:
        raise OSError("disk full")

    async with mailing(script) as mailer:
        with pytest.raises(OSError, match="disk full"):
            await mailer.send(MESSAGE, before_data)
        assert script.seen == ["EHLO", "MAIL", "RCPT", "RSET"]
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert (script.connections, script.contents) == (1, [CONTENT])


@pytest.mark.parametrize("step", STEPS)
async def test_a_cancelled_send_leaves_no_half_conversation(step: str) -> None:
    script = Script({step: HANG})
    async with mailing(script) as mailer:
        sending = asyncio.create_task(mailer.send(MESSAGE, nothing))
        await asyncio.wait_for(script.hanging.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert (script.connections, script.contents) == (2, [CONTENT])


async def test_a_connection_that_cannot_be_reset_is_closed() -> None:
    script = Script({"RCPT": "550 no", "RSET": "500 what?"})
    async with mailing(script) as mailer:
        assert (await mailer.send(MESSAGE, nothing)).state is State.REFUSED
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert script.connections == 2


async def test_the_relays_words_are_kept_on_one_bounded_line() -> None:
    script = Script({"RCPT": "550-no\r\n550-such\ttab \x07\r\n550 " + "user " * 300})
    async with mailing(script) as mailer:
        outcome = await mailer.send(MESSAGE, nothing)
    assert outcome.text.startswith("no such tab user user")
    assert len(outcome.text) == 500


async def test_a_message_larger_than_the_relay_takes_is_not_offered() -> None:
    script = Script()
    async with mailing(script, data_size_limit=len(CONTENT) - 1) as mailer:
        outcome, told = await send(mailer)
    assert (outcome.state, told, script.seen) == (State.REFUSED, False, ["EHLO"])
    assert str(len(CONTENT)) in outcome.text
    stuffed = len(CONTENT) + CONTENT.count(b"\r\n.")  # aiosmtpd counts the dots of transparency, too
    async with mailing(script, data_size_limit=stuffed) as mailer:
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED


async def test_international_addresses_need_a_relay_that_takes_them() -> None:
    content = "To: <jürgen@example.org>\r\n\r\nhello\r\n".encode()
    message = Message("<1@example.org>", "news@example.org", "jürgen@example.org", content, 0)
    script = Script()
    async with mailing(script) as mailer:
        outcome = await mailer.send(message, nothing)
        assert (outcome.state, script.seen) == (State.REFUSED, ["EHLO"])
        assert "SMTPUTF8" in outcome.text
    async with mailing(script, enable_SMTPUTF8=True) as mailer:
        assert (await mailer.send(message, nothing)).state is State.ACCEPTED
    assert script.contents == [content]
    assert script.envelopes[0][1:] == (["jürgen@example.org"], [f"SIZE={len(content)}", "BODY=8BITMIME", "SMTPUTF8"])


@pytest.mark.parametrize(
    "address",
    [
        "a@b.org>\r\nRCPT TO:<evil@example.net",
        "a b@c.org",
        "a@b.org> SIZE=1",
        "a@b.org, c@d.org",
        "a(b)@c.org",
        "\r\n",
        "",
    ],
)
async def test_no_address_smuggles_a_command(address: str) -> None:
    script = Script()
    async with mailing(script) as mailer:
        outcome = await mailer.send(Message("<1@x.org>", MESSAGE.sender, address, CONTENT, 0), nothing)
        assert outcome.state is State.REFUSED
        assert script.seen == ["EHLO", "MAIL", "RSET"]
        with pytest.raises(RelayError, match=r"sender\.address"):
            await mailer.send(Message("<1@x.org>", address, MESSAGE.recipient, CONTENT, 0), nothing)
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert [recipients for _, recipients, _ in script.envelopes] == [[MESSAGE.recipient]]


# ---------------------------------------------------------------------------------------------- relays that do not work


async def fails(relay: Relay, tls: ssl.SSLContext | None = None) -> str:
    """The one sentence that says why nothing could be sent, and that nothing was."""
    told = False

    async def before_data() -> None:
        nonlocal told
        told = True

    async with SmtpMailer(relay, tls=tls, timeouts=IMPATIENT) as mailer:
        with pytest.raises(RelayError) as caught:
            await mailer.send(MESSAGE, before_data)
    sentence = str(caught.value)
    assert not told
    assert f"{relay.host}:{relay.port}" in sentence
    assert "smtp." in sentence or "operator" in sentence
    assert "\n" not in sentence
    return sentence


class Banner(asyncio.Protocol):
    """Says one thing and nothing more."""

    def __init__(self, words: bytes) -> None:
        self.words = words

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self.words:
            transport.write(self.words)


async def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))  # bound, not listening
        sentence = await fails(Relay(HOST, taken.getsockname()[1], Security.NONE))
    assert os.strerror(111) in sentence
    assert "smtp.host" in sentence


async def test_no_such_host() -> None:
    await fails(Relay("relay.invalid", 25, Security.NONE))


async def test_a_host_that_cannot_be_one() -> None:
    async with SmtpMailer(Relay("relay\r\nQUIT", 25, Security.NONE)) as mailer:
        with pytest.raises(RelayError, match=r"no name of a relay .*smtp\.host"):
            await mailer.send(MESSAGE, nothing)


@pytest.mark.parametrize("words", [b"421 too busy\r\n", b"554 go away\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_a_banner_that_turns_us_away(words: bytes) -> None:
    async with listening(lambda: Banner(words)) as port:
        sentence = await fails(Relay(HOST, port, Security.NONE))
    assert words.partition(b"\r\n")[0].decode()[4:] in sentence


@pytest.mark.parametrize("security", list(Security))
async def test_a_server_that_says_nothing(security: Security) -> None:
    started = time.monotonic()
    async with listening(lambda: Banner(b"")) as port:
        assert "no answer in time" in await fails(Relay(HOST, port, security))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("answer", ["421 busy", "550 not you", DROP, HANG])
async def test_an_ehlo_that_fails(answer: str) -> None:
    script = Script({"EHLO": answer})
    async with listening(lambda: ScriptedRelay(script)) as port:
        await fails(Relay(HOST, port, Security.NONE))


async def test_a_relay_that_comes_back_is_used() -> None:
    script = Script({"EHLO": "421 busy"})
    async with mailing(script) as mailer:
        with pytest.raises(RelayError):
            await mailer.send(MESSAGE, nothing)
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED


def test_a_password_is_not_sent_in_clear_nor_shown() -> None:
    with pytest.raises(RelayError, match=r"smtp\.security") as caught:
        SmtpMailer(Relay(HOST, 25, Security.NONE, "ann", PASSWORD))
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(Relay(HOST, 25, Security.TLS, "ann", PASSWORD))


# --------------------------------------------------------------------------------------------------------------- TLS


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for 127.0.0.1, and a client that trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, so no certificate can be made")
    folder = tmp_path_factory.mktemp("tls")
    key, crt = folder / "key.pem", folder / "crt.pem"
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=relay", "-addext", f"subjectAltName=IP:{HOST}", "-days", "2"]
    subprocess.run([*request, *names, "-keyout", key, "-out", crt], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(crt, key)
    return Certificate(server, ssl.create_default_context(cafile=str(crt)))


def accept_ann(server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: LoginPassword) -> AuthResult:
    if (login.login, login.password) == (b"ann", PASSWORD.encode()):
        return AuthResult(success=True)
    echo = base64.b64encode(b"\0" + login.login + b"\0" + login.password).decode()
    return AuthResult(success=False, handled=False, message=f"535 5.7.8 {login.password.decode()} {echo} is wrong")


@asynccontextmanager
async def secured(script: Script, certificate: Certificate, security: Security) -> AsyncIterator[int]:
    """The port of a relay that is talked to only encrypted and logged in."""
    options: dict[str, Any] = {"authenticator": accept_ann, "auth_required": True}
    if security is Security.STARTTLS:
        options |= {"tls_context": certificate.server, "require_starttls": True}
        async with listening(lambda: ScriptedRelay(script, **options)) as port:
            yield port
    else:
        options |= {"auth_require_tls": False}  # aiosmtpd does not see TLS that was there from the first byte
        with pytest.warns(UserWarning, match="Requiring AUTH"):
            async with listening(lambda: ScriptedRelay(script, **options), ssl=certificate.server) as port:
                yield port


ENCRYPTED = pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])


@ENCRYPTED
async def test_encrypted_and_logged_in(certificate: Certificate, security: Security) -> None:
    script = Script()
    async with secured(script, certificate, security) as port:
        relay = Relay(HOST, port, security, "ann", PASSWORD)
        async with SmtpMailer(relay, tls=certificate.client) as mailer:
            for _ in range(3):
                assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert script.contents == [CONTENT] * 3
    assert script.connections == 1


@ENCRYPTED
async def test_a_certificate_nobody_vouches_for(certificate: Certificate, security: Security) -> None:
    script = Script()
    # Over TLS no conversation ever begins, so the relay has nothing to warn about.
    options: dict[str, Any] = {} if security is Security.STARTTLS else {"ssl": certificate.server}
    tls = certificate.server if security is Security.STARTTLS else None
    async with listening(lambda: ScriptedRelay(script, tls_context=tls), **options) as port:
        sentence = await fails(Relay(HOST, port, security, "ann", PASSWORD))
    assert "certificate not accepted: self-signed certificate" in sentence
    assert set(script.seen) <= {"EHLO"}


async def test_a_certificate_for_somebody_else(certificate: Certificate) -> None:
    script = Script()
    async with listening(lambda: ScriptedRelay(script, tls_context=certificate.server)) as port:
        sentence = await fails(Relay("localhost", port, Security.STARTTLS), certificate.client)
    assert "not valid for 'localhost'" in sentence
    assert script.seen == ["EHLO"]


async def test_without_starttls_nothing_is_sent() -> None:
    script = Script()
    async with listening(lambda: ScriptedRelay(script)) as port:
        sentence = await fails(Relay(HOST, port, Security.STARTTLS, "ann", PASSWORD))
    assert "does not offer STARTTLS" in sentence
    assert "smtp.security" in sentence
    assert script.seen == ["EHLO"]


async def test_tls_to_a_port_that_speaks_in_clear(certificate: Certificate) -> None:
    script = Script()
    async with listening(lambda: ScriptedRelay(script)) as port:
        assert "smtp.security" in await fails(Relay(HOST, port, Security.TLS), certificate.client)
    assert script.seen == []


@ENCRYPTED
async def test_a_wrong_password_is_not_repeated(certificate: Certificate, security: Security) -> None:
    script = Script()
    async with secured(script, certificate, security) as port:
        sentence = await fails(Relay(HOST, port, security, "ann", "hunter22"), certificate.client)
    assert "refuses the login (535 5.7.8 *** *** is wrong)" in sentence
    assert "smtp.password" in sentence
    assert "MAIL" not in script.seen


# --------------------------------------------------------------------------------------------------------- smtp-sink


@dataclass
class Sink:
    """A running smtp-sink of Postfix; `dumps` holds one file a message."""

    port: int
    dumps: Path


@asynccontextmanager
async def sink(*faults: str) -> AsyncIterator[Sink]:
    with tempfile.TemporaryDirectory() as name, socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
        probe.close()
        os.chmod(name, 0o777)  # smtp-sink gives root up and writes as nobody
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        program = shutil.which("smtp-sink", path=SINK_PATH) or ""
        command = [*user, "-d", f"{name}/mail.", *faults, f"{HOST}:{port}", "20"]
        process = await asyncio.create_subprocess_exec(program, *command, stderr=asyncio.subprocess.DEVNULL)
        try:
            for _ in range(100):
                try:
                    _, writer = await asyncio.open_connection(HOST, port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    await writer.wait_closed()
                    break
            yield Sink(port, Path(name))
        finally:
            process.terminate()
            await process.wait()


SINK_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


@pytest.fixture
def smtp_sink() -> Callable[..., Any]:
    if shutil.which("smtp-sink", path=SINK_PATH) is None:
        reason = "smtp-sink is not installed: apt-get install postfix"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return sink


@pytest.mark.smtp_sink
async def test_postfix_gets_the_bytes(smtp_sink: Callable[..., Any]) -> None:
    async with smtp_sink() as postfix, SmtpMailer(Relay(HOST, postfix.port, Security.NONE)) as mailer:
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
        (dump,) = postfix.dumps.iterdir()
        received = dump.read_bytes()
    # The dump puts the envelope in front, as header lines.
    assert received.replace(b"\r\n", b"\n").rstrip(b"\n").endswith(CONTENT.replace(b"\r\n", b"\n").rstrip(b"\n"))


@pytest.mark.smtp_sink
@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (("-r", "RCPT"), State.DEFERRED),
        (("-f", "RCPT"), State.REFUSED),
        (("-q", "RCPT"), State.DEFERRED),
        (("-r", "."), State.DEFERRED),
        (("-f", "."), State.REFUSED),
        (("-q", "."), State.UNKNOWN),
        (("-q", "DATA"), State.UNKNOWN),
    ],
)
async def test_postfix_says_no(smtp_sink: Callable[..., Any], fault: tuple[str, str], state: State) -> None:
    async with smtp_sink(*fault) as postfix, SmtpMailer(Relay(HOST, postfix.port, Security.NONE)) as mailer:
        assert (await mailer.send(MESSAGE, nothing)).state is state
        assert (await mailer.send(MESSAGE, nothing)).state is state
