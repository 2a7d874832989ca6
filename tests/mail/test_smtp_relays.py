"""Relays that do not work: out of reach, not letting us in, not secure, and what we say then."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from scripted_relay import (
    CONTENT,
    DROP,
    HANG,
    HOST,
    IMPATIENT,
    MESSAGE,
    Answer,
    Script,
    ScriptedRelay,
    listening,
    mailing,
    nothing,
)

from newsletter.assembly.mailing import opened_mailer
from newsletter.errors import RelayError
from newsletter.mail.smtp import Relay, Security, SmtpMailer, Timeouts
from newsletter.model import State
from newsletter.settings import Settings
from newsletter.store import Store

PASSWORD = "correct horse"


async def fails(relay: Relay, tls: ssl.SSLContext | None = None) -> RelayError:
    """Why nothing could be sent, and that nothing was."""
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
    return caught.value


class Banner(asyncio.Protocol):
    """Says one thing and nothing more."""

    def __init__(self, words: bytes) -> None:
        self.words = words

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self.words:
            transport.write(self.words)


def what(error: RelayError) -> tuple[str, int | None, bool]:
    return error.step, error.code, error.temporary


async def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))  # bound, not listening
        error = await fails(Relay(HOST, taken.getsockname()[1], Security.NONE))
    assert os.strerror(111) in str(error)
    assert "smtp.host" in str(error)
    assert what(error) == ("connect", None, True)


async def test_one_of_several_is_told_by_its_name() -> None:
    for relay in (Relay("relay.invalid", 25, Security.TLS, name="gone"), Relay("", 25, Security.NONE, name="gone")):
        said = str(await fails(relay))
        assert "check host of smtp.relays “gone”" in said
        assert "smtp.host" not in said


@pytest.mark.parametrize("names", [["gone"], ["gone", "gone_too"]])
async def test_what_carries_the_mail_knows_the_tables(names: list[str], tmp_path: Path) -> None:
    """Of one table, and of several: what is said becomes the operator's alert."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))  # bound, not listening
        one = {"host": HOST, "port": taken.getsockname()[1], "security": "none", "patience": 0}
        settings = Settings.model_validate({"smtp": {"relays": [{**one, "name": name} for name in names]}})
        told: list[str] = []

        async def before_data() -> None:
            raise AssertionError("nobody is there")

        async with (
            await Store.open(f"sqlite:///{tmp_path / 'newsletter.db'}") as store,
            opened_mailer(settings, store, 1, told.append) as mailer,
        ):
            with pytest.raises(RelayError) as caught:
                await mailer.send(MESSAGE, before_data)
    told.append(str(caught.value))
    assert all(any(f"host of smtp.relays “{name}”" in one for one in told) for name in names), told
    assert "smtp.host" not in " ".join(told)


async def test_no_such_host() -> None:
    error = await fails(Relay("relay.invalid", 25, Security.NONE))
    assert (error.step, error.code) == ("connect", None)


@pytest.mark.parametrize(("number", "temporary"), [(socket.EAI_NONAME, False), (socket.EAI_AGAIN, True)])
async def test_a_name_that_does_not_exist_and_one_that_cannot_be_looked_up(
    number: int, temporary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def getaddrinfo(*_: object, **__: object) -> object:  # no name server answers to order
        raise socket.gaierror(number, "no name")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    assert (await fails(Relay("relay.example.org", 25, Security.NONE))).temporary is temporary


async def test_a_second_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, script = asyncio.get_running_loop(), Script()
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        nobody = (socket.AF_INET, socket.SOCK_STREAM, 0, "", taken.getsockname())

        async with listening(lambda: ScriptedRelay(script)) as port:

            async def getaddrinfo(*_: object, **__: object) -> object:
                return [nobody, (socket.AF_INET, socket.SOCK_STREAM, 0, "", (HOST, port))]

            monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
            async with SmtpMailer(Relay("relay.example.org", 25, Security.NONE)) as mailer:
                assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED


@pytest.mark.parametrize("host", ["relay\r\nQUIT", "relay\0", "a" * 70 + ".example.org"])
async def test_a_host_that_cannot_be_one(host: str) -> None:
    async with SmtpMailer(Relay(host, 25, Security.NONE)) as mailer:
        with pytest.raises(RelayError, match=r"smtp\.host") as caught:
            await mailer.send(MESSAGE, nothing)
    assert what(caught.value) == ("connect", None, False)


@pytest.mark.parametrize(
    ("words", "code", "temporary"),
    [
        (b"421 too busy\r\n", 421, True),
        (b"451 not now\r\n", 451, True),
        (b"554 go away\r\n", 554, False),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", None, True),
    ],
)
async def test_a_banner_that_turns_us_away(words: bytes, code: int | None, temporary: bool) -> None:
    async with listening(lambda: Banner(words)) as port:
        error = await fails(Relay(HOST, port, Security.NONE))
    assert words.partition(b"\r\n")[0].decode()[4:] in str(error)
    assert what(error) == ("connect", code, temporary)


@pytest.mark.parametrize("security", list(Security))
async def test_a_server_that_says_nothing(security: Security) -> None:
    started = time.monotonic()
    async with listening(lambda: Banner(b"")) as port:
        error = await fails(Relay(HOST, port, security))
    assert "no answer in time" in str(error)
    assert what(error) == ("connect", None, True)
    assert time.monotonic() - started < 5


async def test_connecting_has_a_timeout_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sock_connect(*_: object) -> None:  # an address that swallows packets needs a network of its own
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", sock_connect)
    started = time.monotonic()
    async with SmtpMailer(Relay(HOST, 9, Security.NONE), timeouts=Timeouts(connect=0.2)) as mailer:
        with pytest.raises(RelayError, match="no answer in time"):
            await mailer.send(MESSAGE, nothing)
    assert time.monotonic() - started < 5


async def test_a_slow_greeting_is_waited_for() -> None:
    class Slow(ScriptedRelay):
        async def _handle_client(self) -> None:
            await asyncio.sleep(0.4)
            await super()._handle_client()

    script = Script()
    async with (
        listening(lambda: Slow(script)) as port,
        SmtpMailer(Relay(HOST, port, Security.NONE), timeouts=Timeouts(connect=0.2)) as mailer,
    ):
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED


FATES: list[tuple[Answer, int | None, bool]] = [
    ("421 4.3.2 busy", 421, True),
    ("454 4.7.0 not now", 454, True),
    ("550 5.7.1 not you", 550, False),
    ("garbage", None, True),
    (b"\xff\xfe\r\n", None, True),
    (DROP, None, True),
    (HANG, None, True),
]


@pytest.mark.parametrize(("answer", "code", "temporary"), FATES)
async def test_an_ehlo_that_fails(answer: Answer, code: int | None, temporary: bool) -> None:
    script = Script({"EHLO": answer})
    async with listening(lambda: ScriptedRelay(script)) as port:
        assert what(await fails(Relay(HOST, port, Security.NONE))) == ("EHLO", code, temporary)


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
    assert what(caught.value) == ("AUTH", None, False)
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
        error = await fails(Relay(HOST, port, security, "ann", PASSWORD))
    assert "certificate not accepted: self-signed certificate" in str(error)
    assert what(error) == ("STARTTLS" if security is Security.STARTTLS else "connect", None, False)
    assert set(script.seen) <= {"EHLO", "STARTTLS"}


async def test_a_certificate_for_somebody_else(certificate: Certificate) -> None:
    script = Script()
    async with listening(lambda: ScriptedRelay(script, tls_context=certificate.server)) as port:
        error = await fails(Relay("localhost", port, Security.STARTTLS), certificate.client)
    assert "not valid for 'localhost'" in str(error)
    assert what(error) == ("STARTTLS", None, False)
    assert script.seen == ["EHLO", "STARTTLS"]


async def test_without_starttls_nothing_is_sent() -> None:
    script = Script()
    async with listening(lambda: ScriptedRelay(script)) as port:
        error = await fails(Relay(HOST, port, Security.STARTTLS, "ann", PASSWORD))
    assert "does not offer STARTTLS" in str(error)
    assert "smtp.security" in str(error)
    assert what(error) == ("STARTTLS", None, False)
    assert script.seen == ["EHLO"]


async def test_tls_to_a_port_that_speaks_in_clear(certificate: Certificate) -> None:
    script = Script()
    async with listening(lambda: ScriptedRelay(script)) as port:
        error = await fails(Relay(HOST, port, Security.TLS), certificate.client)
    assert "smtp.security" in str(error)
    assert what(error) == ("connect", None, False)
    assert script.seen == []


@ENCRYPTED
async def test_a_wrong_password_is_not_repeated(certificate: Certificate, security: Security) -> None:
    script = Script()
    async with secured(script, certificate, security) as port:
        error = await fails(Relay(HOST, port, security, "ann", "hunter22"), certificate.client)
    assert "refuses the login (535 5.7.8 *** *** is wrong)" in str(error)
    assert "smtp.password" in str(error)
    assert what(error) == ("AUTH", 535, False)
    assert "MAIL" not in script.seen


@pytest.mark.parametrize(("answer", "code", "temporary"), FATES)
@pytest.mark.parametrize("step", ["STARTTLS", "AUTH"])
async def test_an_upgrade_or_a_login_that_fails(
    certificate: Certificate, step: str, answer: Answer, code: int | None, temporary: bool
) -> None:
    # A login is tried with each mechanism that both sides know.
    script = Script(always={step: answer})
    async with secured(script, certificate, Security.STARTTLS) as port:
        error = await fails(Relay(HOST, port, Security.STARTTLS, "ann", PASSWORD), certificate.client)
    # After 421 the connection is closed, and the next mechanism finds it so.
    assert what(error) == (step, None if (step, code) == ("AUTH", 421) else code, temporary)
    assert "MAIL" not in script.seen


@pytest.mark.parametrize("answer", ["220 go on\r\n250 injected", "220 go on"])
async def test_what_comes_before_the_handshake_is_not_believed(certificate: Certificate, answer: str) -> None:
    script = Script({"STARTTLS": answer})  # says yes, and then speaks on in clear
    async with listening(lambda: ScriptedRelay(script, tls_context=certificate.server)) as port:
        await fails(Relay(HOST, port, Security.STARTTLS), certificate.client)
    assert "MAIL" not in script.seen


async def test_a_relay_without_logins(certificate: Certificate) -> None:
    script = Script({"EHLO": "250 relay.example.org"})
    async with secured(script, certificate, Security.TLS) as port:
        error = await fails(Relay(HOST, port, Security.TLS, "ann", PASSWORD), certificate.client)
    assert what(error) == ("AUTH", None, False)


# ------------------------------------------------------------------------------------------------ errors of aiosmtplib

ERRORS: dict[str, Exception] = {
    "SMTPAuthenticationError": aiosmtplib.SMTPAuthenticationError(535, "5.7.8 no"),
    "SMTPConnectError": aiosmtplib.SMTPConnectError("no"),
    "SMTPConnectResponseError": aiosmtplib.SMTPConnectResponseError(421, "no"),
    "SMTPConnectTimeoutError": aiosmtplib.SMTPConnectTimeoutError("no"),
    "SMTPDataError": aiosmtplib.SMTPDataError(554, "5.7.1 no"),
    "SMTPException": aiosmtplib.SMTPException("no"),
    "SMTPHeloError": aiosmtplib.SMTPHeloError(550, "no"),
    "SMTPNotSupported": aiosmtplib.SMTPNotSupported("no"),
    "SMTPReadTimeoutError": aiosmtplib.SMTPReadTimeoutError("no"),
    "SMTPRecipientRefused": aiosmtplib.SMTPRecipientRefused(550, "5.1.1 no", "ann@example.org"),
    "SMTPRecipientsRefused": aiosmtplib.SMTPRecipientsRefused(
        [aiosmtplib.SMTPRecipientRefused(450, "no", "ann@example.org")]
    ),
    "SMTPResponseException": aiosmtplib.SMTPResponseException(-1, "no"),
    "SMTPSenderRefused": aiosmtplib.SMTPSenderRefused(553, "5.7.1 no", "news@papers.example.org"),
    "SMTPServerDisconnected": aiosmtplib.SMTPServerDisconnected("no"),
    "SMTPTimeoutError": aiosmtplib.SMTPTimeoutError("no"),
}
EXCHANGES = {
    "connect": "connect",
    "EHLO": "ehlo",
    "STARTTLS": "starttls",
    "AUTH": "login",
}
"""What aiosmtplib does for us, step by step; from MAIL on the conversation is our own."""


def test_every_error_of_aiosmtplib_is_among_them() -> None:
    assert set(ERRORS) == set(aiosmtplib.errors.__all__)


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("step", EXCHANGES)
async def test_every_error_of_aiosmtplib_becomes_a_relay_error(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, step: str, name: str
) -> None:
    """Wherever the library raises which of its errors, now or in another version, we have an answer."""

    async def instead(*_: object, **__: object) -> None:
        raise ERRORS[name]

    script = Script()
    async with (
        secured(script, certificate, Security.STARTTLS) as port,
        SmtpMailer(Relay(HOST, port, Security.STARTTLS, "ann", PASSWORD), tls=certificate.client) as mailer,
    ):
        with monkeypatch.context() as patch:
            patch.setattr(aiosmtplib.SMTP, EXCHANGES[step], instead)
            with pytest.raises(RelayError) as caught:
                await mailer.send(MESSAGE, nothing)
        assert script.contents == []
        assert (await mailer.send(MESSAGE, nothing)).state is State.ACCEPTED
    assert caught.value.step == step
    assert "\n" not in str(caught.value)
