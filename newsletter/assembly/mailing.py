"""What takes messages to the relay, and how they are signed."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from newsletter.assembly.places import outbox, site
from newsletter.daily import Mailer
from newsletter.mail.dkim import Signer, load_signer
from newsletter.mail.headers import wire_address
from newsletter.mail.local import LocalMailbox
from newsletter.mail.mime import Letterhead
from newsletter.mail.pool import Pool
from newsletter.mail.relay import Relay, Security
from newsletter.mail.relays import LONGEST_REST, Relays, Weighted
from newsletter.mail.turns import SharedPace
from newsletter.policy.pacing import Pace
from newsletter.settings import Settings
from newsletter.settings.relays import RelayTable
from newsletter.store import Store


def letterhead(settings: Settings) -> Letterhead:
    sender = settings.sender
    # In header fields and links a domain stands in its ASCII form (RFC 5891).
    domain = wire_address(sender.address).rpartition("@")[2]
    owner = f"mailto:{quote(wire_address(sender.reply_to or sender.address), safe='@')}"
    return Letterhead(
        name=sender.name or settings.email.name,
        address=sender.address,
        list_name=settings.email.name,
        list_id=sender.list_id or f"papers.{domain}",
        reply_to=sender.reply_to,
        owner=owner,
        help=owner,
        archive=f"{site(settings)}/editions" if settings.site.url else None,
    )


def signers(settings: Settings) -> list[Signer]:
    """The keys that sign every message. Raises ConfigurationError for one that cannot be used."""
    dkim = settings.dkim
    domain = dkim.domain or wire_address(settings.sender.address).rpartition("@")[2]
    keys = ((dkim.rsa_key, dkim.rsa_selector), (dkim.ed25519_key, dkim.ed25519_selector))
    return [load_signer(path, domain, selector, dkim.canonicalization) for path, selector in keys if path]


def sending_processes(settings: Settings) -> int:
    """How many processes send, at the most: each needs a connection to each relay."""
    smtp = settings.smtp
    connections = [one.connections for one in smtp.each()] or [smtp.connections]
    return min(settings.delivery.processes, *connections)


def opened_mailer(
    settings: Settings, store: Store, among: int, tell: Callable[[str], None], *, patience: float | None = None
) -> AbstractAsyncContextManager[Mailer]:
    """What takes messages to the relay, or to the relays, in one of `among` processes that have their connections
    together; `tell` takes sentences for the operator. `patience` goes before that of the settings."""
    relays = settings.smtp.each()
    if patience is not None:
        relays = tuple(one.model_copy(update={"patience": patience}) for one in relays)
    if not relays:
        return _local_mailer(outbox(settings))
    listed = bool(settings.smtp.relays)
    if len(relays) == 1:
        return _pool(relays[0], listed, among, store)
    pools = [(one, _pool(one, listed, among, store, LONGEST_REST)) for one in relays]
    return Relays([Weighted(one.name, one.weight, pool) for one, pool in pools], tell)


def _pool(options: RelayTable, listed: bool, among: int, store: Store, longest_rest: float = math.inf) -> Pool:
    """Connections to one relay, for one of `among` processes, by its name when it is `listed` in `smtp.relays`. They
    share its limits with all who share the store."""
    password = options.password.get_secret_value() if options.password else None
    name = options.name if listed else None
    pace = Pace(options.per_second, options.per_hour, options.per_domain)
    return Pool(
        Relay(options.host, options.port, Security(options.security), options.username, password, name),
        connections=options.connections // among,
        messages_per_connection=options.messages_per_connection,
        patience=options.patience,
        longest_rest=longest_rest,
        pace=pace if pace.unlimited else SharedPace(options.name, pace, store.allowances),
    )


@asynccontextmanager
async def _local_mailer(folder: Path) -> AsyncIterator[Mailer]:
    async with LocalMailbox(folder) as relay, Pool(relay, connections=2) as mailer:
        yield mailer
