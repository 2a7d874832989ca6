"""The one place that builds concrete parts from the configuration."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import URL

from newsletter.daily import Appraising, Collecting, Composing, Daily, Delivering, Mailer, Publishing, Rules
from newsletter.daily.collecting import Progress
from newsletter.errors import SourceError, StoreError
from newsletter.mail.dkim import Signer, load_signer
from newsletter.mail.headers import wire_address
from newsletter.mail.local import LocalMailbox
from newsletter.mail.mime import Letterhead
from newsletter.mail.pool import Pool
from newsletter.mail.relay import Relay, Security
from newsletter.mail.tokens import Tokens
from newsletter.model import Batch
from newsletter.policy.pacing import Pace
from newsletter.ranking import Encoder, Limits
from newsletter.rendering import Renderer
from newsletter.settings import Configuration, Settings, shipped
from newsletter.settings.schema import WEEKDAYS
from newsletter.sources import registry
from newsletter.sources.base import Ask, NoWeb, Source, Tools, Web
from newsletter.sources.jsonl.source import JsonlSource, JsonlStream
from newsletter.sources.listing.source import ListingSource
from newsletter.sources.options import NetworkOptions, SourceOptions
from newsletter.store import Store
from newsletter.store.backgrounds import Backgrounds
from newsletter.store.owners import Owner
from newsletter.vectors import available, encoders

OUTBOX = "outbox"
DATABASE = "newsletter.db"
SECRET_KEYS = "secret_keys"
RUNNING = "running"
ARCHIVES = "archives"


def utc_now() -> datetime:
    """The one clock."""
    return datetime.now(UTC)


def outbox(settings: Settings) -> Path:
    """The Maildir of the local mailbox."""
    return settings.state_dir / OUTBOX


@asynccontextmanager
async def opened_store(configuration: Configuration) -> AsyncIterator[Store]:
    """The store, with the topics and readers of the configuration files in it."""
    settings = configuration.settings
    _private_folder(settings.state_dir)
    async with await Store.open(_database_url(settings)) as store:
        await store.topics.sync(configuration.topics)
        await store.subscribers.sync_file(configuration.subscribers)
        yield store


@asynccontextmanager
async def opened_daily(
    configuration: Configuration,
    progress: Progress = lambda step, done, total: None,
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Daily]:
    """The journey, ready to go."""
    settings = configuration.settings
    async with opened_store(configuration) as store:
        keys = secret_keys(settings)
        rules = _rules(settings)
        appraising = Appraising(
            store, Backgrounds(settings.state_dir / ARCHIVES), settings.ranking.archive_days, _encoders(settings)
        )
        publishing = Publishing(store, configuration.topics, appraising, rules, now, progress)
        composing = Composing(
            publishing,
            Renderer(_template_folders(settings), settings.email.look()),
            _letterhead(settings),
            Tokens(keys),
            # The oldest key: Message-IDs stay what they are when a newer key is put in front.
            keys[-1].encode(),
            _signers(settings),
            settings.dkim.by_relay,
            rules,
        )
        with Owner(settings.state_dir / RUNNING) as owner:
            delivering = Delivering(
                store, composing, lambda: _opened_mailer(settings), rules, now, owner.name, progress
            )
            daily = Daily(
                store,
                lambda offline, until: _opened_sources(settings, store, owner.name, now, offline=offline, until=until),
                Collecting(store, rules.look_back, settings.collecting.keep_answers, now, publishing.today, progress),
                publishing,
                composing,
                delivering,
                settings.delivery.on_unknown,
                owner.is_alive,
            )
            yield daily


def _database_url(settings: Settings) -> str:
    path = str(settings.state_dir.resolve() / DATABASE)
    # Through URL, because a folder's name may hold what means something in a URL.
    return settings.database.url or URL.create("sqlite", database=path).render_as_string()


@asynccontextmanager
async def _opened_sources(
    settings: Settings, store: Store, owner: str, now: Callable[[], datetime], *, offline: bool, until: datetime | None
) -> AsyncIterator[list[Source]]:
    """The configured sources."""
    async with _opened_web(settings, store, owner, now, offline=offline, until=until) as web:
        tools = Tools(web, shipped("seeds"))
        yield [_source(options, tools) for options in settings.sources]


@asynccontextmanager
async def _opened_web(
    settings: Settings, store: Store, owner: str, now: Callable[[], datetime], *, offline: bool, until: datetime | None
) -> AsyncIterator[Web]:
    if not any(isinstance(options, NetworkOptions) for options in settings.sources):
        yield NoWeb()
        return
    from newsletter.sources.web.asking import opened_web  # httpx takes a while to load, and most commands ask nobody

    contact = settings.collecting.contact or _site(settings) or f"mailto:{wire_address(settings.sender.address)}"
    async with opened_web(
        store.answers,
        store.paces,
        contact=contact,
        owner=owner,
        allowed=settings.collecting.allow_hosts,
        offline=offline,
        until=until,
        now=now,
    ) as web:
        yield web


def _brings_papers(options: SourceOptions) -> bool:
    """Whether the source is more than an enricher."""
    try:
        return bool(getattr(registry.kind(options.kind), "brings_papers", True))
    except ValueError:
        return True


def _source(options: SourceOptions, tools: Tools) -> Source:
    try:
        return registry.kind(options.kind).build(options, tools)
    except ValueError as error:
        return _Unusable(options.name, str(error))


class _Unusable:
    """A source that could not be built, so that the others are."""

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        self._why = why

    async def collect(self, ask: Ask) -> list[Batch]:
        raise SourceError(f"source {self.name}: {self._why}")


def listing_source(paths: Sequence[Path], year: int | None) -> Source:
    """A source for listing documents named on the command line."""
    return ListingSource("command-line", paths, year)


def records_source(path: Path | None) -> Source:
    """A source for papers as lines of JSON, in a file named on the command line or, without one, on standard input."""
    if path is None:
        return JsonlStream("command-line", sys.stdin.buffer)
    if path.is_file() or path.is_dir():
        return JsonlSource("command-line", path)
    try:
        return JsonlStream("command-line", path.open("rb"), path.name)  # a pipe with a name
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error


def secret_keys(settings: Settings) -> list[str]:
    """The keys of the settings, else those in the state folder, made there on first start with private permissions.

    Raises StoreError when the file can neither be read nor made.
    """
    if settings.secret_keys:
        return [key.get_secret_value() for key in settings.secret_keys]
    path = settings.state_dir / SECRET_KEYS
    try:
        _private_folder(settings.state_dir)
        if not path.exists():
            _write_once(path, secrets.token_urlsafe(32) + "\n")
        keys = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            f"the signing keys in {path} cannot be read or made: {error}; check its permissions"
        ) from error
    if not keys:
        raise StoreError(f"{path} is empty; put the keys back, or remove it to have a new one made")
    return keys


def _write_once(path: Path, text: str) -> None:
    """Make `path` with private permissions, whole or not at all; who comes second keeps the first one's."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _private_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the state folder {folder} cannot be made: {error.strerror}; set state_dir (NEWSLETTER_STATE_DIR)"
        ) from error


def _rules(settings: Settings) -> Rules:
    return Rules(
        look_back=settings.edition.look_back,
        limits=limits(settings),
        timezone=ZoneInfo(settings.schedule.timezone),
        at=time.fromisoformat(settings.schedule.at),
        weekly_on=WEEKDAYS.index(settings.schedule.weekly_on),
        on_unknown=settings.delivery.on_unknown,
        site=_site(settings),
        unsubscribe_address=settings.sender.unsubscribe or settings.sender.address,
        bounce_address=settings.bounces.address,
        lease=timedelta(seconds=settings.delivery.lease),
        grace=settings.delivery.grace,
        error_share=settings.delivery.error_share,
        locale=settings.email.locale,
        sources=tuple(options.name for options in settings.sources if _brings_papers(options)),
    )


def limits(settings: Settings) -> Limits:
    """How much one digest shows."""
    digest = settings.digest
    return Limits(digest.max_papers, digest.trending_papers, digest.also_new, digest.outside)


def _encoders(settings: Settings) -> tuple[Encoder, ...]:
    named = {"installed": available(), "none": (), "both": ("static", "neural")}
    return encoders(named.get(settings.ranking.models, (settings.ranking.models,)), settings.state_dir)


def _site(settings: Settings) -> str | None:
    return str(settings.site.url).rstrip("/") if settings.site.url else None


def _letterhead(settings: Settings) -> Letterhead:
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
        archive=f"{_site(settings)}/editions" if settings.site.url else None,
    )


def _signers(settings: Settings) -> list[Signer]:
    """The keys that sign every message. Raises ConfigurationError for one that cannot be used."""
    dkim = settings.dkim
    domain = dkim.domain or wire_address(settings.sender.address).rpartition("@")[2]
    keys = ((dkim.rsa_key, dkim.rsa_selector), (dkim.ed25519_key, dkim.ed25519_selector))
    return [load_signer(path, domain, selector, dkim.canonicalization) for path, selector in keys if path]


def _template_folders(settings: Settings) -> list[Path]:
    own = settings.email.templates
    return [*([own] if own else []), shipped("templates")]


def _opened_mailer(settings: Settings) -> AbstractAsyncContextManager[Mailer]:
    smtp = settings.smtp
    if smtp.host is None:
        return _local_mailer(outbox(settings))
    password = smtp.password.get_secret_value() if smtp.password else None
    relay = Relay(smtp.host, smtp.port, Security(smtp.security), smtp.username, password)
    return Pool(
        relay,
        connections=smtp.connections,
        messages_per_connection=smtp.messages_per_connection,
        patience=smtp.patience,
        pace=Pace(smtp.per_second, smtp.per_hour, smtp.per_domain),
    )


@asynccontextmanager
async def _local_mailer(folder: Path) -> AsyncIterator[Mailer]:
    async with LocalMailbox(folder) as relay, Pool(relay, connections=2) as mailer:
        yield mailer
