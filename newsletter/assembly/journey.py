"""The journey, ready to go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from newsletter.assembly.channels import channel_posting
from newsletter.assembly.keeping import keep
from newsletter.assembly.mailing import letterhead, opened_mailer, sending_processes, signers
from newsletter.assembly.places import ARCHIVES, RUNNING, database_url, site, template_folders, utc_now
from newsletter.assembly.sources import brings_papers, configured_sources
from newsletter.assembly.summaries import summarising
from newsletter.daily import Appraising, Collecting, Composing, Daily, Delivering, Mailer, Publishing, Rules
from newsletter.daily.collecting import Progress
from newsletter.daily.dispatching import Dispatch, Here, Timed
from newsletter.daily.keeping import Kept
from newsletter.daily.processes import Processes
from newsletter.daily.pruning import Pruning
from newsletter.daily.stationery import Stationery
from newsletter.daily.working import Workplace
from newsletter.logs import Chosen, chosen, speak
from newsletter.mail.tokens import Tokens
from newsletter.model import Topic
from newsletter.policy.hours import Calendar
from newsletter.ranking import Limits
from newsletter.rendering import Renderer
from newsletter.settings import Configuration, Settings
from newsletter.settings.keys import private_folder, secret_keys
from newsletter.settings.times import WEEKDAYS
from newsletter.sources.base import Source
from newsletter.store import Store
from newsletter.store.backgrounds import Backgrounds
from newsletter.store.owners import Owner
from newsletter.vectors import available, encoders

if TYPE_CHECKING:
    from newsletter.ranking import Encoder

OpenedDispatch = Callable[[Store, Rules, Callable[[str], bool | None]], AbstractAsyncContextManager[Dispatch]]

"""What opens a dispatch other than this process: of a store, the rules, and what tells of an owner of leases that is on
this machine whether it is at work."""


@asynccontextmanager
async def opened_store(configuration: Configuration, now: Callable[[], datetime] = utc_now) -> AsyncIterator[Store]:
    """The store, with the topics and readers of the configuration files in it."""
    settings = configuration.settings
    private_folder(settings.state_dir)
    async with await Store.open(database_url(settings)) as store:
        await store.topics.sync(configuration.topics)
        await store.subscribers.sync_file(configuration.subscribers, now())
        yield store


@asynccontextmanager
async def opened_pruning(configuration: Configuration) -> AsyncIterator[Pruning]:
    """What lets go of what is old, on the store as it is."""
    settings = configuration.settings
    async with opened_store(configuration) as store:
        zone = ZoneInfo(settings.schedule.timezone)
        yield Pruning(store, keep(settings), lambda: utc_now().astimezone(zone).date())


@asynccontextmanager
async def opened_daily(
    configuration: Configuration,
    progress: Progress = lambda step, done, total: None,
    now: Callable[[], datetime] = utc_now,
    dispatch: OpenedDispatch | None = None,
) -> AsyncIterator[Daily]:
    """The journey, ready to go. `dispatch` opens what carries out the steps of a run, without it this process does."""
    async with opened_store(configuration, now) as store, AsyncExitStack() as stack:
        settings = configuration.settings
        mailer = partial(opened_mailer, settings, store, sending_processes(settings))
        parts = stack.enter_context(_journey(settings, configuration.topics, store, mailer, now, progress))
        if dispatch is None:
            carrying: Dispatch = parts.here
        else:
            carrying = await stack.enter_async_context(dispatch(store, parts.rules, parts.is_alive))
        yield parts.daily(Timed(carrying, store.steps, now))


@asynccontextmanager
async def opened_workplace(settings: Settings) -> AsyncIterator[Workplace]:
    """What a worker works with: the store as it is, with the topics that runs put there (`Workplace.look`). What this
    machine's files of topics and readers say changes nothing for the others."""
    async with (
        await Store.open(database_url(settings)) as store,
        Kept(partial(opened_mailer, settings, store, 1)) as mailers,  # it starts no other processes
    ):
        with _journey(settings, (), store, mailers.use, utc_now, _silent) as parts:
            yield Workplace(store, parts.daily(parts.here), parts.rules, parts.delivering_as, parts.is_alive)


@asynccontextmanager
async def opened_site(
    configuration: Configuration, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[tuple[Daily, Tokens, list[Path]]]:
    """What the web page stands on: the journey, the tokens of links, and the folders of templates."""
    async with opened_daily(configuration, now=now) as daily:
        yield daily, Tokens(secret_keys(configuration.settings)), template_folders(configuration.settings)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The journey but for what carries out its steps; `delivering_as` makes what sends for an owner of leases."""

    here: Here
    rules: Rules
    daily: Callable[[Dispatch], Daily]
    delivering_as: Callable[[str], Delivering]
    is_alive: Callable[[str], bool | None]


@contextmanager
def _journey(
    settings: Settings,
    topics: Sequence[Topic],
    store: Store,
    mailer: Callable[[Callable[[str], None]], AbstractAsyncContextManager[Mailer]],
    now: Callable[[], datetime],
    progress: Progress,
) -> Iterator[_Parts]:
    rules = rules_of(settings)
    publishing, composing = _parts(settings, topics, store, rules, now, progress)
    with Owner(settings.state_dir / RUNNING) as owner:

        def opened_sources(offline: bool, until: datetime | None) -> AbstractAsyncContextManager[Sequence[Source]]:
            return configured_sources(settings, store, owner.name, now, offline=offline, until=until)

        def delivering_as(name: str) -> Delivering:
            return Delivering(store, composing, mailer, rules, now, name, progress)

        async def recovered(at: datetime) -> int:
            return await store.ledger.recover(at, rules.on_unknown, owner.is_alive)

        collecting = Collecting(store, rules.look_back, now, publishing.today, progress)
        pruning = Pruning(store, keep(settings), publishing.today)
        delivering = delivering_as(owner.name)
        elsewhere = partial(_opened_delivering, settings, topics, chosen())
        several = sending_processes(settings)
        processes = Processes(several, elsewhere, store.ledger, lambda: recovered(now()), rules.grace)
        here = Here(opened_sources, collecting, publishing, delivering, processes, recovered)
        posting = channel_posting(settings, store, publishing, rules, now, owner)
        parts = (store, opened_sources, collecting, publishing, composing, delivering, posting, pruning, rules, now)
        daily = partial(Daily, *parts)
        yield _Parts(here, rules, daily, delivering_as, owner.is_alive)


@asynccontextmanager
async def _opened_delivering(
    settings: Settings, topics: Sequence[Topic], logging: Chosen | None
) -> AsyncIterator[Delivering]:
    """What sends in another process: on the store as it is, which the first process has filled. It logs as that one."""
    if logging:
        speak(logging)
    async with await Store.open(database_url(settings)) as store:
        rules = rules_of(settings)
        _, composing = _parts(settings, topics, store, rules, utc_now, _silent)
        with Owner(settings.state_dir / RUNNING) as owner:
            mailer = partial(opened_mailer, settings, store, sending_processes(settings))
            yield Delivering(store, composing, mailer, rules, utc_now, owner.name, _silent)


def _parts(
    settings: Settings,
    topics: Sequence[Topic],
    store: Store,
    rules: Rules,
    now: Callable[[], datetime],
    progress: Progress,
) -> tuple[Publishing, Composing]:
    keys = secret_keys(settings)
    appraising = Appraising(
        store, Backgrounds(settings.state_dir / ARCHIVES), settings.ranking.archive_days, _encoders(settings)
    )
    writing = summarising(settings, store, now, progress)
    publishing = Publishing(store, topics, appraising, rules, now, progress, writing)
    stationery = Stationery(
        letterhead(settings),
        Tokens(keys),
        # The oldest key: Message-IDs stay what they are when a newer key is put in front.
        keys[-1].encode(),
        signers(settings),
        settings.dkim.by_relay,
        rules,
    )
    renderer = Renderer(template_folders(settings), settings.email.look())
    return publishing, Composing(publishing, renderer, stationery, rules)


def _silent(step: str, done: int, total: int) -> None:
    """Shows no progress."""


def rules_of(settings: Settings) -> Rules:
    """What of the settings the journey obeys."""
    return Rules(
        look_back=settings.edition.look_back,
        limits=limits(settings),
        timezone=ZoneInfo(settings.schedule.timezone),
        at=time.fromisoformat(settings.schedule.at),
        weekly_on=WEEKDAYS.index(settings.schedule.weekly_on),
        on_unknown=settings.delivery.on_unknown,
        site=site(settings),
        unsubscribe_address=settings.sender.unsubscribe or settings.sender.address,
        bounce_address=settings.bounces.address,
        lease=timedelta(seconds=settings.delivery.lease),
        grace=settings.delivery.grace,
        error_share=settings.delivery.error_share,
        locale=settings.email.locale,
        sources=tuple(options.name for options in settings.sources if brings_papers(options)),
        calendar=calendar(settings),
        empty=settings.digest.empty,
    )


def calendar(settings: Settings) -> Calendar:
    """When editions are made, and until when they are waited for."""
    schedule = settings.schedule
    return Calendar(
        time.fromisoformat(schedule.at),
        ZoneInfo(schedule.timezone),
        frozenset(WEEKDAYS.index(day) for day in schedule.days),
        timedelta(hours=settings.collecting.wait),
        timedelta(hours=schedule.grace),
        WEEKDAYS.index(schedule.weekly_on),
    )


def limits(settings: Settings) -> Limits:
    """How much one digest shows."""
    digest = settings.digest
    return Limits(digest.max_papers, digest.trending_papers, digest.also_new, digest.outside, digest.rising)


def _encoders(settings: Settings) -> Sequence[Encoder]:
    named = {"installed": available(), "none": (), "both": ("static", "neural")}
    return encoders(named.get(settings.ranking.models, (settings.ranking.models,)), settings.state_dir)
