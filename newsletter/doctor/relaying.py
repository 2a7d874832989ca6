"""What the relay says, up to the point where a message would begin. None is sent."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

from aiosmtplib import SMTP, SMTPResponseException

from newsletter.doctor.findings import Finding, fail, ok, unchecked, warn
from newsletter.errors import RelayError
from newsletter.mail.headers import wire_address
from newsletter.mail.relay import LOSSES, Relay, Security, Timeouts, connect, why
from newsletter.model import Step
from newsletter.settings import Settings

PATIENCE = Timeouts(connect=10, greeting=15, command=15)
SOON_DAYS = 14
_DAY = 24 * 60 * 60
_SAMPLES = ("example", "example.com", "example.net", "example.org", "test", "invalid", "localhost")
"""Domains that belong to nobody (RFC 2606, RFC 6761)."""

_THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}
_NAMES = {Step.STARTTLS: "TLS", Step.AUTH: "AUTH"}


async def relay(settings: Settings, outbox: Path, tls: ssl.SSLContext | None = None) -> list[Finding]:
    """SMTP, TLS, AUTH and sender, as far as it goes. `outbox` is where mail goes without a relay; `tls` replaces the
    system's certificate authorities."""
    smtp = settings.smtp
    if smtp.host is None:
        return [warn("SMTP", f"Mail goes to the local mailbox {outbox} and to nobody else: set smtp.host to send it.")]
    password = smtp.password.get_secret_value() if smtp.password else None
    there = Relay(smtp.host, smtp.port, Security(smtp.security), smtp.username, password)
    try:
        client = await connect(there, None, tls, PATIENCE)
    except RelayError as error:
        before = [ok("SMTP", f"{there} answers.")] if error.step in _NAMES else []
        return [*before, fail(_NAMES.get(Step(error.step), "SMTP"), str(error))]
    try:
        return [
            ok("SMTP", f"{there} answers and lets us in."),
            _tls(client, there),
            _auth(there),
            *await _sender(client, settings),
        ]
    finally:
        try:
            await client.quit(timeout=PATIENCE.goodbye)
        except LOSSES:
            pass  # we have our answers
        finally:
            client.close()


def sample(domain: str) -> bool:
    """Whether `domain` is one that belongs to nobody."""
    return any(domain == one or domain.endswith(f".{one}") for one in _SAMPLES)


def _tls(client: SMTP, there: Relay) -> Finding:
    if there.security is Security.NONE:
        if there.host in _THIS_MACHINE:
            return ok("TLS", "Not needed: the relay is on this machine.")
        words = 'everybody on the way can read the mail: set smtp.security to "starttls" or "tls"'
        return warn("TLS", f'smtp.security is "none", so {words}.')
    certificate = client.get_transport_info("peercert") or {}
    version = client.get_transport_info("cipher")[1]
    days = (ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) / _DAY
    words = f"The certificate of {there.host} is good for {days:.0f} more days"
    if days < SOON_DAYS:
        return warn("TLS", f"{words}: have it renewed before mail stops (smtp.host).")
    return ok("TLS", f"{words} ({version}).")


def _auth(there: Relay) -> Finding:
    if there.username is None:
        return ok("AUTH", "No login is set (smtp.username), and the relay let us in without.")
    return ok("AUTH", f"The login {there.username} works.")


async def _sender(client: SMTP, settings: Settings) -> list[Finding]:
    """Whether the relay takes mail from us, and whether the domains belong together."""
    address = settings.bounces.address or settings.sender.address
    setting = "bounces.address" if settings.bounces.address else "sender.address"
    findings = [_domains(settings)]
    try:
        await client.mail(wire_address(address))
        await client.rset()
    except SMTPResponseException as error:
        said = f"The relay refuses mail from {address} ({why(error)})"
        if error.code < 500:
            findings.append(warn("sender", f"{said} for now: try again later."))
        else:
            findings.append(fail("sender", f"{said}: set {setting} to one it may send for, or smtp.username."))
    except LOSSES as error:
        findings.append(
            unchecked("sender", f"The relay did not say whether it takes mail from {address}: {why(error)}.")
        )
    else:
        findings.append(ok("sender", f"The relay takes mail from {address}."))
    return findings


def _domains(settings: Settings) -> Finding:
    address, login = settings.sender.address, settings.smtp.username or ""
    domain, other = (one.rpartition("@")[2].lower() for one in (address, login))
    if sample(domain):
        return fail("sender domain", f"{address} is a sample: set sender.address to an address of your own domain.")
    if "@" in login and not (_below(domain, other) or _below(other, domain)):
        words = f"{address} is not at {other}, where smtp.username logs in"
        return warn("sender domain", f"{words}: SPF and DKIM of {other} say nothing for it; check sender.address.")
    return ok("sender domain", f"{domain} is what readers see.")


def _below(domain: str, other: str) -> bool:
    return domain == other or domain.endswith(f".{other}")
