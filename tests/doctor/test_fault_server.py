"""The failing server fails as its table says, in the eyes of an SMTP client that is not ours."""

from __future__ import annotations

import asyncio
import hashlib
import re
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from aiosmtplib import SMTP, SMTPException, SMTPResponseException
from certificates import certificate

from newsletter.doctor import fault_server
from newsletter.doctor.fault_server import FAULTS, Fault, FaultServer, read_record
from newsletter.model import Step

CONTENT = b"Message-ID: <1@example.org>\r\nSubject: One\r\n\r\n.hidden dot\r\nWords.\r\n"


async def told(server: FaultServer, recipient: str, tls: ssl.SSLContext | None = None, *login: str) -> str:
    """Where one transaction ended and with which code: `RCPT 451`, `DATA lost`, `final dot 250`."""
    starts_tls = server.tls is not None and not server.implicit
    client = SMTP(
        hostname="localhost",
        local_hostname="localhost",
        port=server.port,
        timeout=5,
        use_tls=server.implicit,
        start_tls=False,
        tls_context=tls,
    )
    step = Step.CONNECT
    try:
        await client.connect()
        step = Step.EHLO
        await client.ehlo()
        if starts_tls:
            step = Step.STARTTLS
            await client.starttls()
        if login:
            step = Step.AUTH
            await client.login(*login)
        step = Step.MAIL
        await client.mail("papers@example.org")
        step = Step.RCPT
        await client.rcpt(recipient)
        step = Step.DATA
        reply = await client.data(CONTENT)
    except SMTPResponseException as error:
        return f"{step} {error.code}"
    except (SMTPException, OSError):
        return f"{step} lost"
    finally:
        client.close()
    return f"{Step.DOT} {reply.code}"


# aiosmtplib's `data` is DATA, the body and the final dot in one.
EXPECTED = {
    "ok": "final dot 250",
    "ada": "final dot 250",
    "defer-rcpt": "RCPT 451",
    "refuse-rcpt": "RCPT 550",
    "policy": "RCPT 550",
    "full": "RCPT 552",
    "busy": "RCPT 421",
    "drop-rcpt": "RCPT lost",
    "garbage-rcpt": "RCPT -1",
    "slow-rcpt": "final dot 250",
    "greylist": "RCPT 451",
    "defer-data": "DATA 451",
    "refuse-data": "DATA 554",
    "busy-data": "DATA 421",
    "drop-data": "DATA lost",
    "garbage-data": "DATA -1",
    "drop-body": "DATA lost",
    "defer-dot": "DATA 451",
    "refuse-dot": "DATA 554",
    "busy-dot": "DATA 421",
    "slow": "final dot 250",
    "drop-dot": "DATA lost",
    "lost-dot": "DATA lost",
    "garbage-dot": "DATA -1",
}
TAKES = {"ok", "ada", "slow-rcpt", "slow", "drop-dot", "garbage-dot"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, fault in FAULTS.items():
        monkeypatch.setitem(FAULTS, name, Fault(fault.step, fault.reply, fault.wait / 10, fault.takes, fault.in_body))


@pytest.mark.parametrize("name", EXPECTED, ids="{}@".format)
async def test_each_name_fails_in_its_own_way(name: str) -> None:
    async with FaultServer() as server:
        assert await told(server, f"{name}+17@example.org") == EXPECTED[name]
        assert [one.recipient for one in server.taken] == ([f"{name}+17@example.org"] if name in TAKES else [])


def test_the_table_is_complete() -> None:
    documented = set(re.findall(r"[a-z]+(?:-[a-z]+)*", fault_server.__doc__ or ""))
    names = {name.removesuffix("-once") for name in FAULTS}
    assert names <= documented
    assert names <= set(EXPECTED)


async def test_once_means_the_first_try_of_each_recipient() -> None:
    async with FaultServer() as server:
        for name, first in (("drop-rcpt-once", "RCPT lost"), ("greylist", "RCPT 451"), ("drop-dot-once", "DATA lost")):
            for number in (1, 2):
                assert await told(server, f"{name}+{number}@example.org") == first
            assert await told(server, f"{name}+1@example.org") == "final dot 250"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(Step.CONNECT), "connect lost"),
        (Fault(Step.CONNECT, "421 4.3.2 Not now"), "connect 421"),
        (Fault(Step.CONNECT, "554 5.7.1 Not you"), "connect 554"),
        (Fault(Step.EHLO), "EHLO lost"),
        (Fault(Step.EHLO, "550 5.7.1 Not you"), "EHLO 550"),
        (Fault(Step.STARTTLS), "STARTTLS lost"),
        (Fault(Step.STARTTLS, "454 4.7.0 Not now"), "STARTTLS 454"),
        (Fault(Step.AUTH), "AUTH lost"),
        (Fault(Step.AUTH, "454 4.7.0 Not now"), "AUTH 454"),
        (Fault(Step.MAIL), "MAIL lost"),
        (Fault(Step.MAIL, "452 4.3.1 Not now"), "MAIL 452"),
        (Fault(Step.RCPT, "450 4.2.0 Not now"), "RCPT 450"),
        (Fault(Step.DATA, "451 4.3.0 Not now"), "DATA 451"),
        (Fault(Step.DOT), "DATA lost"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_fault_for_everybody(fault: Fault, expected: str, tmp_path: Path) -> None:
    tls, trusting = certificate(tmp_path)
    async with FaultServer(always=[fault], tls=tls, login=("ada", "secret")) as server:
        assert await told(server, "ok@example.org", trusting, "ada", "secret") == expected
        assert server.taken == []


@pytest.mark.parametrize("implicit", [False, True])
async def test_tls_and_login(implicit: bool, tmp_path: Path) -> None:
    tls, trusting = certificate(tmp_path)
    async with FaultServer(tls=tls, implicit=implicit, login=("ada", "secret")) as server:
        assert await told(server, "ok@example.org", trusting, "ada", "secret") == "final dot 250"
        assert await told(server, "ok@example.org", trusting, "ada", "wrong") == "AUTH 535"
        assert await told(server, "ok@example.org", trusting) == "MAIL 530"
        assert server.connections == 3
        assert server.relay.username == "ada"


async def test_the_record_holds_what_was_taken(tmp_path: Path) -> None:
    record = tmp_path / "record"
    assert read_record(record) == []
    async with FaultServer(record) as server:
        await told(server, "ok+1@example.org")
        await told(server, "drop-dot@example.org")
        await told(server, "lost-dot@example.org")
        assert read_record(record) == server.taken
    first, second = read_record(record)
    assert (first.recipient, second.recipient) == ("ok+1@example.org", "drop-dot@example.org")
    assert first.message_id == "<1@example.org>"
    assert (first.sha256, first.size) == (hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    record.write_text(record.read_text() + '{"recipient": "half')
    assert len(read_record(record)) == 2


async def test_a_message_cut_off_is_not_taken(tmp_path: Path) -> None:
    async with FaultServer(tmp_path / "record") as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        for line in (b"EHLO x", b"MAIL FROM:<a@example.org>", b"RCPT TO:<ok@example.org>", b"DATA", b"Subject: half"):
            writer.write(line + b"\r\n")
        await writer.drain()
        while not (await reader.readline()).startswith(b"354"):
            pass
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.05)
        assert server.taken == []


def test_as_a_process(tmp_path: Path) -> None:
    record = tmp_path / "record"
    command = [sys.executable, "-W", "error", "-m", "newsletter.doctor.fault_server", "--record", str(record)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            server = FaultServer(port=int(process.stdout.readline()))
            told_by_it = [asyncio.run(told(server, f"{name}@example.org")) for name in ("ok", "drop-dot", "policy")]
        finally:
            process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")
    assert told_by_it == ["final dot 250", "DATA lost", "RCPT 550"]
    assert [one.recipient for one in read_record(record)] == ["ok@example.org", "drop-dot@example.org"]
