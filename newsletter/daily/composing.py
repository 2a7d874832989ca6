"""From a reader and a day to a message, for deliveries and previews alike."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

from newsletter.daily import gate
from newsletter.daily.publishing import Publishing, Rules
from newsletter.mail.dkim import Signer
from newsletter.mail.headers import wire_address
from newsletter.mail.mime import Letterhead, build, message_id
from newsletter.mail.tokens import Tokens
from newsletter.model import Digest, Edition, Message, Parts, Pick, ReaderLinks, Subscriber
from newsletter.ranking import digest
from newsletter.rendering import Compiled, Renderer


@dataclass(frozen=True, slots=True)
class Preview:
    """What `subscriber` gets: the digest, its readable parts and the message."""

    subscriber: Subscriber
    digest: Digest
    parts: Parts
    message: Message


@dataclass(frozen=True, slots=True)
class Prepared:
    """The digests of many readers by subscriber id, and the cards for all of them, rendered and inlined once."""

    digests: dict[int, Digest]
    compiled: Compiled


class Composing:
    """Make digests and messages."""

    def __init__(
        self,
        publishing: Publishing,
        renderer: Renderer,
        letterhead: Letterhead,
        tokens: Tokens,
        secret: bytes,
        signers: Sequence[Signer],
        signed_by_relay: bool,
        rules: Rules,
    ) -> None:
        self._publishing = publishing
        self._renderer = renderer
        self._letterhead = letterhead
        self._tokens = tokens
        self._secret = secret
        self._signers = tuple(signers)
        self._one_click = bool(signers) or signed_by_relay
        self._rules = rules

    async def prepare(self, readers: Sequence[Subscriber], day: date, draft: Edition | None = None) -> Prepared:
        """Digests of `readers` for `day` (of those whose span holds an edition) and everything to compose them.

        With a `draft` edition it is a preview: rankings follow today's wording of the topics and nothing is saved.
        """
        spans = await self._publishing.spans(readers, day, draft)
        editions = {edition.id: edition for span in spans.values() for edition in span}
        rank = self._publishing.current_rankings if draft else self._publishing.rankings
        rankings = {number: await rank(edition) for number, edition in editions.items()}
        digests = {
            reader.id: digest(day, reader.topics, spans[reader.id], rankings, self._rules.limits)
            for reader in readers
            if spans[reader.id]
        }
        picks: dict[tuple[str, str], Pick] = {}
        for one in digests.values():
            picks.update({(pick.topic, pick.paper): pick for pick in one.picks})
        papers = await self._publishing.papers({pick.paper for pick in picks.values()}, day)
        names = {
            slug: ranking.topic.name if ranking.topic else "Trending"
            for by_slug in rankings.values()
            for slug, ranking in by_slug.items()
        }
        compiled = await asyncio.to_thread(self._renderer.compile, list(picks.values()), papers, names)
        return Prepared(digests, compiled)

    def compose(self, reader: Subscriber, chosen: Digest, compiled: Compiled) -> Preview:
        """The message for `reader`. Raises CompositionError when it would not be whole."""
        links = self._links(reader, chosen.day)
        parts = compiled.compose(chosen, name=reader.name, links=links)
        domain = wire_address(self._letterhead.address).rpartition("@")[2]
        message = build(
            parts,
            self._letterhead,
            recipient=reader.address,
            recipient_name=reader.name,
            links=links,
            message_id=message_id(self._secret, chosen.day, reader.address, domain),
            # From the day, not from the clock: a message rebuilt later is the same message, byte for byte.
            date=datetime.combine(chosen.day, self._rules.at, self._rules.timezone),
            signers=self._signers,
            one_click=self._one_click,
            envelope_sender=self._envelope_sender(reader, chosen.day),
        )
        return Preview(reader, chosen, parts, message)

    def faults(self, made: Preview) -> list[str]:
        """What is wrong with a message, judged from its bytes as a receiver would (see `gate`); nothing, mostly."""
        links = self._links(made.subscriber, made.digest.day)
        keys = {(one.selector, one.domain): one.public_key for one in self._signers}
        return gate.faults(made.message, made.parts, links, public_keys=keys, one_click=self._one_click)

    def _envelope_sender(self, reader: Subscriber, day: date) -> str | None:
        """An address of the reader's own for this message, so that a bounce says whose it is (VERP)."""
        if self._rules.bounce_address is None:
            return None
        mailbox, _, domain = self._rules.bounce_address.partition("@")
        return f"{mailbox}+{self._tokens.bounce(reader.id, day)}@{domain}"

    async def previews(self, readers: Sequence[Subscriber], day: date, draft: Edition) -> list[Preview]:
        """What each of `readers` would get on `day`; readers without an edition to read are left out."""
        prepared = await self.prepare(readers, day, draft)
        known = [reader for reader in readers if reader.id in prepared.digests]
        return [self.compose(reader, prepared.digests[reader.id], prepared.compiled) for reader in known]

    def _links(self, reader: Subscriber, day: date) -> ReaderLinks:
        token = self._tokens.leave(reader.id)
        address = quote(wire_address(self._rules.unsubscribe_address), safe="@")
        leave_by_mail = f"mailto:{address}?subject={quote(f'unsubscribe {token}')}"
        site = self._rules.site
        if site is None:
            topics_by_mail = f"mailto:{address}?subject={quote('change my topics')}"
            return ReaderLinks(leave_by_mail, topics_by_mail, None, (leave_by_mail,))
        leave = f"{site}/unsubscribe/{token}"
        return ReaderLinks(
            leave,
            f"{site}/preferences/{self._tokens.preferences(reader.id)}",
            f"{site}/editions/{day}",
            (leave, leave_by_mail),
        )
