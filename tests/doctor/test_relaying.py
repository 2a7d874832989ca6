"""What the doctor hears from relays of every kind; none of them is ever sent a message."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from certificates import certificate

from newsletter.doctor.fault_server import Fault, FaultServer
from newsletter.doctor.findings import Finding, Health
from newsletter.doctor.relaying import relay, sample
from newsletter.model import Step
from newsletter.settings import Settings

BOX = Path("outbox")
LOGIN = ("daily@papers.net", "open sesame")


async def heard(
    server: FaultServer | None, tls: ssl.SSLContext | None = None, sender: str = "daily@papers.net", **smtp: Any
) -> dict[str, Finding]:
    """The findings on `server`, spoken to as `smtp` says."""
    if server:
        security = "none" if server.tls is None else "tls" if server.implicit else "starttls"
        smtp = {"host": "localhost", "port": server.port, "security": security} | smtp
        if server.login:
            smtp = {"username": server.login[0], "password": server.login[1]} | smtp
    settings = Settings.model_validate({"smtp": smtp, "sender": {"address": sender}})
    found = await relay(settings, BOX, tls)
    assert server is None or server.taken == []
    return {one.name: one for one in found}


def health(found: dict[str, Finding]) -> dict[str, str]:
    return {name: str(one.health) for name, one in found.items()}


async def test_the_local_mailbox_is_named() -> None:
    found = await heard(None)
    assert health(found) == {"SMTP": "warn"}
    assert "outbox" in found["SMTP"].sentence
    assert "smtp.host" in found["SMTP"].sentence


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_relay_in_order(implicit: bool, tmp_path: Path) -> None:
    tls, trusting = certificate(tmp_path)
    async with FaultServer(tls=tls, implicit=implicit, login=LOGIN) as server:
        found = await heard(server, trusting)
    assert health(found) == dict.fromkeys(("SMTP", "TLS", "AUTH", "sender domain", "sender"), "ok"), found
    assert "TLSv1.3" in found["TLS"].sentence
    assert "89 more days" in found["TLS"].sentence or "90 more days" in found["TLS"].sentence
    assert LOGIN[1] not in str(found)


async def test_a_relay_on_this_machine_needs_no_tls() -> None:
    async with FaultServer() as server:
        found = await heard(server)
    assert health(found) == dict.fromkeys(("SMTP", "TLS", "AUTH", "sender domain", "sender"), "ok")


async def test_a_certificate_that_ends_soon(tmp_path: Path) -> None:
    tls, trusting = certificate(tmp_path, days=6.5)
    async with FaultServer(tls=tls) as server:
        found = await heard(server, trusting)
    assert found["TLS"].health is Health.WARN
    assert "6 more days" in found["TLS"].sentence


@pytest.mark.parametrize("implicit", [False, True])
async def test_certificates_that_are_not_accepted(implicit: bool, tmp_path: Path) -> None:
    step = "SMTP" if implicit else "TLS"
    tls, trusting = certificate(tmp_path, days=-1)
    async with FaultServer(tls=tls, implicit=implicit) as server:
        found = await heard(server, trusting)
        assert found[step].health is Health.FAIL
        assert "expired" in found[step].sentence
    tls, _ = certificate(tmp_path)
    async with FaultServer(tls=tls, implicit=implicit) as server:
        found = await heard(server)
        assert found[step].health is Health.FAIL
        assert "certificate" in found[step].sentence
        assert "smtp.host" in found[step].sentence
    tls, trusting = certificate(tmp_path, name="elsewhere.net")
    async with FaultServer(tls=tls, implicit=implicit) as server:
        assert (await heard(server, trusting))[step].health is Health.FAIL


async def test_no_starttls_where_it_is_asked_for() -> None:
    async with FaultServer() as server:
        found = await heard(server, security="starttls")
    assert health(found) == {"SMTP": "ok", "TLS": "fail"}
    assert "smtp.security" in found["TLS"].sentence


async def test_a_wrong_login(tmp_path: Path) -> None:
    tls, trusting = certificate(tmp_path)
    async with FaultServer(tls=tls, login=LOGIN) as server:
        found = await heard(server, trusting, password="close sesame")
    assert health(found) == {"SMTP": "ok", "AUTH": "fail"}
    assert "smtp.password" in found["AUTH"].sentence
    assert "close sesame" not in str(found)


async def test_nobody_there() -> None:
    async with FaultServer() as server:
        port = server.port
    found = await heard(None, host="localhost", port=port, security="none")
    assert health(found) == {"SMTP": "fail"}
    assert "smtp.port" in found["SMTP"].sentence


async def test_of_several_the_table_of_each_is_named() -> None:
    async with FaultServer() as server:
        port = server.port
    one = {"host": "localhost", "port": port, "security": "none"}
    for names in (["gone"], ["gone", "away"]):
        found = await heard(None, relays=[{**one, "name": name} for name in names])
        told = [finding.sentence for finding in found.values()]
        assert len(told) == len(names)
        for name, sentence in zip(names, told, strict=True):
            assert f"host of smtp.relays “{name}”" in sentence
            assert "smtp.host" not in sentence


@pytest.mark.parametrize(
    ("fault", "name", "verdict"),
    [
        (Fault(Step.CONNECT), "SMTP", "fail"),
        (Fault(Step.CONNECT, "554 5.7.1 Not you"), "SMTP", "fail"),
        (Fault(Step.EHLO, "550 5.7.1 Not you"), "SMTP", "fail"),
        (Fault(Step.MAIL, "550 5.7.1 Not as daily"), "sender", "fail"),
        (Fault(Step.MAIL, "452 4.3.1 Later"), "sender", "warn"),
        (Fault(Step.MAIL), "sender", "not checked"),
    ],
)
async def test_where_a_relay_objects(fault: Fault, name: str, verdict: str) -> None:
    async with FaultServer(always=[fault]) as server:
        found = await heard(server)
    assert found[name].health == verdict, found


async def test_a_refused_sender_names_the_settings() -> None:
    async with FaultServer(always=[Fault(Step.MAIL, "550 5.7.1 Not as daily")]) as server:
        sentence = (await heard(server))["sender"].sentence
    assert "sender.address" in sentence
    assert "smtp.username" in sentence
    assert "Not as daily" in sentence


async def test_the_sample_address_and_a_foreign_login(tmp_path: Path) -> None:
    tls, trusting = certificate(tmp_path)
    async with FaultServer(tls=tls, login=LOGIN) as server:
        found = (await heard(server, trusting, sender="papers@example.org"))["sender domain"]
        assert found.health is Health.FAIL
        assert "sender.address" in found.sentence
        found = (await heard(server, trusting, sender="daily@elsewhere.net"))["sender domain"]
        assert found.health is Health.WARN
        assert "papers.net" in found.sentence
        assert (await heard(server, trusting, sender="daily@news.papers.net"))["sender domain"].health is Health.OK


async def test_each_of_several_relays_is_looked_at() -> None:
    bad = FaultServer(always=[Fault(Step.MAIL, "550 5.7.1 Not as daily")])
    async with FaultServer() as good, bad:
        tables = [
            {"name": name, "host": server.host, "port": server.port}
            for name, server in {"own": good, "hired": bad}.items()
        ]
        found = await heard(None, security="none", relays=[*tables, {"name": "gone", "host": good.host, "port": 1}])
    names = ("SMTP", "TLS", "AUTH", "sender domain", "sender")
    assert health(found) == {
        **{f"{name} (own)": "ok" for name in names},
        **{f"{name} (hired)": "fail" if name == "sender" else "ok" for name in names},
        "SMTP (gone)": "fail",
    }


@pytest.mark.parametrize("domain", ["example.org", "mail.example.com", "localhost", "papers.test", "x.invalid"])
def test_domains_of_nobody(domain: str) -> None:
    assert sample(domain)


@pytest.mark.parametrize("domain", ["examples.org", "example.org.net", "papers.net", "test.net"])
def test_domains_of_somebody(domain: str) -> None:
    assert not sample(domain)
