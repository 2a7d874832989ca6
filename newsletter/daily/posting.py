"""Posts in channels: a topic's picks for several people at once, with a ledger like that of the mail.

what is due -> store.posts.plan      UNIQUE(channel, local_date): a second run finds it and goes on
            -> claim                 with a lease; a sender that dies gives it back, or leaves it unknown
            -> digest, compose       of frozen editions: since the channel's last post, bounded by the look-back
            -> begin, send, settle   accepted | refused | deferred | unknown, as policy.retry decides
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from newsletter import languages
from newsletter.daily import posts_due
from newsletter.daily.publishing import Publishing, Rules
from newsletter.errors import ChannelError, CompositionError, NotFoundError
from newsletter.model import Digest, Edition, Outcome, Ranking, State
from newsletter.model.post import Channel, Form, Post
from newsletter.policy import retry
from newsletter.ranking import Limits, digest
from newsletter.rendering.look import Look
from newsletter.rendering.posts import Composed, compose
from newsletter.store import Store, WithdrawnError


class Outlet(Protocol):
    """A service, ready to take posts of `form` and of at most `limit` characters."""

    form: Form
    limit: int

    async def send(self, body: str) -> Outcome:
        """Post `body`; what came of it."""
        ...


@dataclass(frozen=True, slots=True)
class Trouble:
    """A channel that gets no posts, and why. `since` is the newest local date whose post its service took, None where
    it took none: one failure begins there, whoever notices it, and ends with the next post that is taken."""

    channel: str
    since: date | None
    why: str


class Posting:
    """Posts in `channels`. `outlet` makes what sends to one, by its name, and raises ChannelError; `owner` names this
    process in leases, `is_alive` tells of such an owner whether it is at work. `alerts` are sentences for the operator
    about the last posts, `troubles` the channels that got none."""

    def __init__(
        self,
        store: Store,
        publishing: Publishing,
        channels: Sequence[Channel],
        outlet: Callable[[str], Outlet],
        look: Look,
        rules: Rules,
        now: Callable[[], datetime],
        owner: str,
        is_alive: Callable[[str], bool | None],
    ) -> None:
        self._store = store
        self._publishing = publishing
        self._channels = {one.name: one for one in channels}
        self._outlet = outlet
        self._look = look
        self._rules = rules
        self._now = now
        self._owner = owner
        self._is_alive = is_alive
        self.alerts: list[str] = []
        self.troubles: list[Trouble] = []

    async def post_due(self, stopped: Callable[[], bool] = lambda: False) -> list[Post]:
        """Post what is due now by the calendar, and what waits of whatever date; as `post`."""
        day = await posts_due.newest_day(self._store, self._rules, self._now())
        return await self.post(day, stopped, by_calendar=True)

    async def post(
        self, day: date, stopped: Callable[[], bool] = lambda: False, *, by_calendar: bool = False
    ) -> list[Post]:
        """Plan what is due on `day`, and post what waits until then; the posts that were tried, and those of `day`.
        `by_calendar` as for `posts_due.to_plan`; then what was planned for a later day is posted as well.

        A channel that cannot be used as it is configured is passed over, with an alert; its posts wait. Begins nothing
        more once it is `stopped`.
        """
        self.alerts, self.troubles = [], []
        if not self._channels:
            return []
        await self._store.posts.recover(self._now(), self._rules.on_unknown, self._is_alive)
        channels, now = self._channels.values(), self._now()
        through = await posts_due.to_plan(self._store, self._rules, channels, day, by_calendar=by_calendar)
        await self._store.posts.plan(day, through, now)
        until, tried = date.max if by_calendar else day, set()
        for name, channel in self._channels.items():
            unusable = ""
            try:
                outlet = self._outlet(name)
                while not stopped() and (one := await self._claimed(name, until)):
                    tried.add(one.id)
                    await self._deliver(one, channel, outlet)
            except ChannelError as error:
                unusable = str(error)
                self.alerts.append(unusable)
            if trouble := await self._trouble(name, unusable):
                self.troubles.append(trouble)
        found = await self._store.posts.newest(10 * len(self._channels), self._channels)
        return [one for one in reversed(found) if one.id in tried or one.local_date == day]

    async def next_at(self) -> datetime | None:
        """When the first deferred post is tried again; None when there is none."""
        return await self._store.posts.next_at(self._channels)

    async def _trouble(self, name: str, unusable: str) -> Trouble | None:
        """Whether the channel gets no posts: it cannot be used, a post was refused, or two in a row were not taken. One
        that is tried again may be taken yet."""
        since, missed = await self._store.posts.missed(name, 2)
        if unusable:
            return Trouble(name, since, unusable)
        if len(missed) < 2 and not any(one.state is State.REFUSED for one in missed):
            return None
        said = next((one.reason for one in missed if one.state is not State.SUPERSEDED), "its posts were not taken")
        return Trouble(name, since, f"channel {name}: {said}")

    async def _claimed(self, name: str, until: date) -> Post | None:
        return await self._store.posts.claim([name], until, self._owner, self._now(), self._rules.lease)

    async def _deliver(self, one: Post, channel: Channel, outlet: Outlet) -> None:
        try:
            composed = await self._composed(channel, one.local_date, outlet, one.through)
        except CompositionError as error:
            return await self._settle(one, State.REFUSED, str(error))
        if composed is None:
            return await self._settle(one, State.SKIPPED, "nothing new for these topics")
        try:
            await self._store.posts.begin(one, self._owner, self._now(), len(composed.papers))
        except WithdrawnError:
            return None  # another process holds the row: the ledger knows, nothing is to do
        outcome = await outlet.send(composed.body)
        decision = retry.after(outcome, attempt=one.attempt, now=self._now())
        if decision.state is not State.ACCEPTED:
            self.alerts.append(f"channel {channel.name}: {outcome.text}")
        return await self._settle(one, decision.state, decision.reason, decision.next_at)

    async def _settle(self, one: Post, state: State, reason: str, next_at: datetime | None = None) -> None:
        with suppress(WithdrawnError):
            await self._store.posts.settle(one, self._owner, self._now(), state, reason, next_at)

    async def _composed(
        self, channel: Channel, day: date, outlet: Outlet, through: date | None, draft: Edition | None = None
    ) -> Composed | None:
        """The post of `day`, up to the edition of the day `through` (None: of `day`); None when there is nothing to
        say. With a `draft`, a preview: nothing is saved."""
        editions = await posts_due.spanned(self._store, self._rules, channel, day, through or day)
        if draft and draft.papers and not draft.id:
            editions = [*editions, draft]
        rank = self._publishing.current_rankings if draft else self._publishing.rankings
        rankings = {one.id: await rank(one, [channel.reader]) for one in editions}
        if not editions:
            return None
        chosen = await self._chosen(channel, day, editions, rankings)
        if chosen.empty:
            return None
        papers = await self._publishing.papers({pick.paper for pick in chosen.picks}, day)
        web = f"{self._rules.site}/editions/{editions[-1].day}" if self._rules.site else None
        language = languages.language(self._rules.locale)
        known = {one.topic.slug: one.topic.name for by in rankings.values() for one in by.values() if one.topic}
        names = known | {section.slug: section.name for section in chosen.sections}
        return await asyncio.to_thread(
            compose, chosen, papers, names, self._look, language, outlet.form, outlet.limit, web
        )

    async def _chosen(
        self, channel: Channel, day: date, editions: Sequence[Edition], rankings: Mapping[int, Mapping[str, Ranking]]
    ) -> Digest:
        span = await self._publishing.spanning.span(editions, day)
        ranked = await self._publishing.spanning.rankings(span, rankings, channel.topics)
        return digest(day, channel.topics, editions, ranked, Limits(channel.papers, channel.papers, 0, False))

    async def preview(self, name: str, day: date, draft: Edition) -> Composed:
        """What the channel `name` would get on `day`, by today's wording of the topics.

        Raises NotFoundError for a channel, or papers, that are not there, and ChannelError for one that cannot be used.
        """
        if name not in self._channels:
            known = ", ".join(self._channels) or "none"
            raise NotFoundError(f"there is no channel “{name}”; newsletter.toml has {known}")
        composed = await self._composed(self._channels[name], day, self._outlet(name), None, draft)
        if composed is None:
            raise NotFoundError(f"there is nothing new for the channel “{name}” on {day}: nothing would be posted")
        return composed
