"""What the relay says, up to the point where a message would begin. None is sent."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import replace
from pathlib import Path

from aiosmtplib import SMTP, SMTPResponseException

from newsletter.doctor.findings import Finding, fail, ok, unchecked, warn
from newsletter.errors import RelayError
from newsletter.mail.headers import wire_address
from newsletter.mail.relay import LOSSES, Relay, Security, Timeouts, connect, why
from newsletter.model import Step
from newsletter.settings import Settings
from newsletter.settings.relays import RelayTable

PATIENCE = Timeouts(connect=10, greeting=15, command=15)
SOON_DAYS = 14
_DAY = 24 * 60 * 60
_SAMPLES = ("example", "example.com", "example.net", "example.org", "test", "invalid", "localhost")
"""Domains that belong to nobody (RFC 2606, RFC 6761)."""

_THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}
_NAMES = {Step.STARTTLS: "TLS", Step.AUTH: "AUTH"}


async def relay(settings: Settings, outbox: Path, tls: ssl.SSLContext | None = None) -> list[Finding]:
    """SMTP, TLS, AUTH and sender of each relay, as far as it goes. `outbox` is where mail goes without one; `tls`
    replaces the system's certificate authorities."""
    relays = settings.smtp.each()
    if not relays:
        return [warn("SMTP", f"Mail goes to the local mailbox {outbox} and to nobody else: set smtp.host to send it.")]
    if len(relays) == 1:
        return await _heard(relays[0], settings, tls)
    heard = await asyncio.gather(*(_heard(one, settings, tls) for one in relays))
    return [
        replace(finding, name=f"{finding.name} ({one.name})")
        for one, findings in zip(relays, heard, strict=True)
        for finding in findings
    ]


async def _heard(options: RelayTable, settings: Settings, tls: ssl.SSLContext | None) -> list[Finding]:
    password = options.password.get_secret_value() if options.password else None
    name = options.name if settings.smtp.relays else None
    there = Relay(options.host, options.port, Security(options.security), options.username, password, name)
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
            _domains(settings.sender.address, there),
            await _sender(client, settings, there),
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
        security = there.setting("security")
        words = f'everybody on the way can read the mail: set {security} to "starttls" or "tls"'
        return warn("TLS", f'{security} is "none", so {words}.')
    certificate = client.get_transport_info("peercert") or {}
    version = client.get_transport_info("cipher")[1]
    days = (ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) / _DAY
    words = f"The certificate of {there.host} is good for {days:.0f} more days"
    if days < SOON_DAYS:
        return warn("TLS", f"{words}: have it renewed before mail stops ({there.setting('host')}).")
    return ok("TLS", f"{words} ({version}).")


def _auth(there: Relay) -> Finding:
    if there.username is None:
        return ok("AUTH", f"No login is set ({there.setting('username')}), and the relay let us in without.")
    return ok("AUTH", f"The login {there.username} works.")


async def _sender(client: SMTP, settings: Settings, there: Relay) -> Finding:
    """Whether the relay takes mail from us."""
    address = settings.bounces.address or settings.sender.address
    setting = "bounces.address" if settings.bounces.address else "sender.address"
    try:
        await client.mail(wire_address(address))
        await client.rset()
    except SMTPResponseException as error:
        said = f"The relay refuses mail from {address} ({why(error)})"
        if error.code < 500:
            return warn("sender", f"{said} for now: try again later.")
        return fail("sender", f"{said}: set {setting} to one it may send for, or {there.setting('username')}.")
    except LOSSES as error:
        return unchecked("sender", f"The relay did not say whether it takes mail from {address}: {why(error)}.")
    return ok("sender", f"The relay takes mail from {address}.")


def _domains(address: str, there: Relay) -> Finding:
    """Whether the domains of sender and login belong together."""
    login = there.username or ""
    domain, other = (one.rpartition("@")[2].lower() for one in (address, login))
    if sample(domain):
        return fail("sender domain", f"{address} is a sample: set sender.address to an address of your own domain.")
    if "@" in login and not (_below(domain, other) or _below(other, domain)):
        words = f"{address} is not at {other}, where {there.setting('username')} logs in"
        return warn("sender domain", f"{words}: SPF and DKIM of {other} say nothing for it; check sender.address.")
    return ok("sender domain", f"{domain} is what readers see.")


def _below(domain: str, other: str) -> bool:
    return domain == other or domain.endswith(f".{other}")
