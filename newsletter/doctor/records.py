"""What the DNS says about the sender: the domain, SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489).

Asked only for names of the sender's own; every question has three seconds. Where nothing answers, a finding says so
and nothing fails.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.resolver

from newsletter.doctor.findings import Finding, fail, ok, unchecked, warn
from newsletter.doctor.relaying import sample
from newsletter.errors import ConfigurationError
from newsletter.mail.dkim import dns_record, load_signer
from newsletter.mail.headers import clean, wire_address
from newsletter.settings import Settings

PATIENCE = 3.0
NO_ANSWER = "DNS did not answer."
NAMES = ("domain", "SPF", "DKIM", "DMARC")


def system_resolver() -> dns.asyncresolver.Resolver:
    """The resolver of this machine; one that nobody answers where it has none."""
    try:
        return dns.asyncresolver.Resolver()
    except dns.exception.DNSException:
        return dns.asyncresolver.Resolver(configure=False)


async def records(
    settings: Settings, resolver: Callable[[], dns.asyncresolver.Resolver] = system_resolver
) -> list[Finding]:
    """The sender's domain, SPF, DKIM and DMARC."""
    address = settings.sender.address
    domain, envelope = _domain(address), _domain(settings.bounces.address or address)
    if sample(domain):
        sentence = f"{address} is a sample, which no DNS knows: set sender.address."
        return [unchecked(name, sentence) for name in NAMES]
    ask = _Questions(resolver())
    if silence := await _silence(ask, domain):
        return [unchecked(name, silence) for name in NAMES]
    checks = {
        "domain": _mail_domain(ask, envelope),
        "SPF": _spf(ask, envelope),
        "DKIM": _dkim(ask, settings, domain),
        "DMARC": _dmarc(ask, domain),
    }
    return list(await asyncio.gather(*(_answered(name, check) for name, check in checks.items())))


class _Questions:
    """What is asked of `resolver`. A record that is not there is an empty answer."""

    def __init__(self, resolver: dns.asyncresolver.Resolver) -> None:
        resolver.timeout = resolver.lifetime = PATIENCE
        self._resolver = resolver

    async def texts(self, name: str) -> list[str]:
        """The TXT records of `name`, the strings of each joined (RFC 7208 section 3.3)."""
        return [b"".join(one.strings).decode(errors="replace") for one in await self.answers(name, "TXT")]

    async def answers(self, name: str, kind: str) -> list[Any]:
        """The records of one kind. Raises dns.exception.DNSException when nobody answers."""
        try:
            return list(await self._resolver.resolve(name, kind, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []


async def _silence(ask: _Questions, domain: str) -> str:
    """Why the DNS here is not to be believed about `domain`; empty when it is. A network without a way out often has
    a server that denies every name."""
    top = domain.rpartition(".")[2]
    try:
        known = await ask.answers(f"{top}.", "NS")
    except (dns.exception.DNSException, OSError):
        return NO_ANSWER
    return "" if known else f"The DNS of this machine knows no names in .{top}: ask it from where there is a network."


async def _answered(name: str, check: Awaitable[Finding]) -> Finding:
    try:
        return await check
    except (dns.exception.DNSException, OSError):
        return unchecked(name, NO_ANSWER)


async def _mail_domain(ask: _Questions, domain: str) -> Finding:
    """Whether bounces and unsubscribe mails can come back (RFC 5321 section 5.1, RFC 7505)."""
    exchanges = await ask.answers(domain, "MX")
    takes_none = [str(one.exchange) for one in exchanges] == ["."]
    if not exchanges:
        exchanges = await ask.answers(domain, "A") or await ask.answers(domain, "AAAA")
    if not exchanges or takes_none:
        lost = "bounces, complaints and unsubscribe mails get lost"
        return fail("domain", f"{domain} takes no mail, so {lost}: give it an MX record, or change sender.address.")
    return ok("domain", f"{domain} takes mail.")


async def _spf(ask: _Questions, domain: str) -> Finding:
    found = [text for text in await ask.texts(domain) if re.match(r"v=spf1(?: |$)", text, re.I)]
    if not found:
        remedy = f"publish the TXT record that your relay's operator names (mostly “v=spf1 include:… -all”) at {domain}"
        return warn("SPF", f"{domain} does not say who may send for it: {remedy}.")
    if len(found) > 1:
        return fail("SPF", f"{domain} has {len(found)} SPF records, and with more than one none counts: join them.")
    if re.search(r" \+?all\b", found[0], re.I):
        return warn("SPF", f"{domain} lets everybody send for it (“{_short(found[0])}”): end the record with -all.")
    return ok("SPF", f"{domain}: {_short(found[0])}")


async def _dkim(ask: _Questions, settings: Settings, sender: str) -> Finding:
    """Whether the keys that sign are those in the DNS."""
    dkim = settings.dkim
    domain = dkim.domain or sender
    keys = [
        (setting, path, selector)
        for setting, path, selector in (
            ("dkim.rsa_key", dkim.rsa_key, dkim.rsa_selector),
            ("dkim.ed25519_key", dkim.ed25519_key, dkim.ed25519_selector),
        )
        if path
    ]
    if not keys:
        if dkim.by_relay:
            return unchecked("DKIM", "The relay signs (dkim.by_relay); look at a message that arrived.")
        remedy = "`newsletter dkim new` makes keys for dkim.rsa_key and dkim.ed25519_key; or set dkim.by_relay"
        return warn("DKIM", f"Nothing is signed, which large receivers ask for: {remedy}.")
    for setting, path, selector in keys:
        try:
            signer = load_signer(path, domain, selector, dkim.canonicalization)
        except ConfigurationError as error:
            return fail("DKIM", f"{setting}: {error}")
        name = f"{signer.selector}._domainkey.{signer.domain}"
        ours = _tags("".join(re.findall(r'"([^"]*)"', dns_record(signer.public_key))))
        published = [_tags(text).get("p", "") for text in await ask.texts(name)]
        if not published:
            return fail("DKIM", f"{name} has no key, so no signature verifies: publish the one of {setting} there.")
        if ours["p"] not in published:
            return fail("DKIM", f"{name} has another key than {setting}: publish that one, or change the selector.")
    listed = " and ".join(selector for _, _, selector in keys)
    return ok("DKIM", f"The keys of {listed} are published for {domain}.")


async def _dmarc(ask: _Questions, domain: str) -> Finding:
    """The record of the domain or of the nearest one above it (RFC 7489 section 6.6.3)."""
    labels = domain.split(".")
    for above in (".".join(labels[start:]) for start in range(max(1, len(labels) - 1))):
        found = [text for text in await ask.texts(f"_dmarc.{above}") if re.match(r"v=DMARC1\s*(?:;|$)", text)]
        if len(found) > 1:
            return fail("DMARC", f"_dmarc.{above} has {len(found)} records, and with more than one none counts.")
        if found:
            if _tags(found[0]).get("p", "").lower() not in {"none", "quarantine", "reject"}:
                return warn("DMARC", f"_dmarc.{above} has no policy (“{_short(found[0])}”): add p=none to begin with.")
            return ok("DMARC", f"_dmarc.{above}: {_short(found[0])}")
    remedy = f"publish “v=DMARC1; p=none; rua=mailto:…” as TXT at _dmarc.{domain}"
    return warn("DMARC", f"{domain} has no DMARC record, which large receivers ask for: {remedy}.")


def _domain(address: str) -> str:
    return wire_address(address).rpartition("@")[2].lower()


def _tags(record: str) -> dict[str, str]:
    """The tags of a DKIM or DMARC record, without white space in the values (RFC 6376 section 3.2)."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip(): re.sub(r"\s", "", value) for name, _, value in pairs}


def _short(text: str) -> str:
    return clean(text)[:100]
