"""From a reader and a day to a message, for deliveries and previews alike."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from urllib.parse import quote

from newsletter import languages
from newsletter.daily import gate
from newsletter.daily.publishing import Publishing, Rules
from newsletter.errors import CompositionError
from newsletter.mail.dkim import Signer
from newsletter.mail.headers import wire_address
from newsletter.mail.mime import Letterhead, build, message_id
from newsletter.mail.tokens import Tokens
from newsletter.model import Digest, Edition, Message, Paper, Parts, Pick, Ranking, ReaderLinks, Subscriber
from newsletter.ranking import digest
from newsletter.rendering import Compiled, Renderer
from newsletter.rendering.compiled import Key, key
from newsletter.rendering.lint import Severity, lint

NOBODY = 0
"""The id of a reader who is none: no link made for it fits anybody."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What `subscriber` gets: the digest, its readable parts and the message."""

    subscriber: Subscriber
    digest: Digest
    parts: Parts
    message: Message


@dataclass(frozen=True, slots=True)
class Prepared:
    """The digests of many readers by subscriber id, and the cards for all of them, rendered and inlined once for each
    language they read, by its code."""

    digests: dict[int, Digest]
    compiled: Mapping[str, Compiled]


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
        known = [reader for reader in readers if spans[reader.id]]
        personal = (
            await self._publishing.current_personal(editions, rankings, known)
            if draft
            else await self._publishing.personal(editions, rankings, known, day)
        )

        def theirs(reader: Subscriber) -> dict[int, Mapping[str, Ranking]]:
            return {number: {**common, **personal.get((reader.id, number), {})} for number, common in rankings.items()}

        digests = {
            reader.id: digest(day, reader.topics, spans[reader.id], theirs(reader), self._rules.limits)
            for reader in known
        }
        papers = await self._publishing.papers({pick.paper for one in digests.values() for pick in one.picks}, day)
        names = {
            slug: ranking.topic.name if ranking.topic else "Trending"
            for by_slug in rankings.values()
            for slug, ranking in by_slug.items()
        }
        names |= {section.slug: section.name for one in digests.values() for section in one.sections}
        compiled = await asyncio.to_thread(self._compiled, known, digests, papers, names)
        return Prepared(digests, compiled)

    def _compiled(
        self,
        readers: Sequence[Subscriber],
        digests: Mapping[int, Digest],
        papers: Mapping[str, Paper],
        names: Mapping[str, str],
    ) -> dict[str, Compiled]:
        picks: dict[str, dict[Key, Pick]] = defaultdict(dict)
        for reader in readers:
            chosen = {key(pick): pick for pick in digests[reader.id].picks}
            picks[self.language(reader).code].update(chosen)
        return {
            code: self._renderer.compile(list(theirs.values()), papers, names, languages.language(code))
            for code, theirs in picks.items()
        }

    def language(self, reader: Subscriber) -> languages.Language:
        """The reader's language: the newsletter's own where none is named, or one that is there no more."""
        try:
            return languages.language(reader.locale or self._rules.locale)
        except ValueError:
            return languages.language(self._rules.locale)

    def compose(self, reader: Subscriber, prepared: Prepared, trial: datetime | None = None) -> Preview:
        """The message for `reader`, one of those that were prepared for.

        With `trial`, the moment it is made, it is a message to try things out with: dated then, its subject says what
        it is, its links belong to nobody and nothing connects it with the ledger. Raises CompositionError when it would
        not be whole.
        """
        chosen, compiled = prepared.digests[reader.id], prepared.compiled[self.language(reader).code]
        if trial is not None:
            reader = replace(reader, id=NOBODY)
        links = self._links(reader, chosen.day)
        mark = "" if trial is None else "[Test] "
        parts = compiled.compose(chosen, name=reader.name, links=links, mark=mark)
        whose = reader.address if trial is None else f"{reader.address}\n{trial.isoformat()}"
        domain = wire_address(self._letterhead.address).rpartition("@")[2]
        message = build(
            parts,
            self._letterhead,
            recipient=reader.address,
            recipient_name=reader.name,
            links=links,
            message_id=message_id(self._secret, chosen.day, whose, domain),
            # From the day, not from the clock: a message rebuilt later is the same message, byte for byte.
            date=trial or datetime.combine(chosen.day, self._rules.at, self._rules.timezone),
            signers=self._signers,
            one_click=self._one_click,
            envelope_sender=None if trial is not None else self._envelope_sender(reader, chosen.day),
        )
        return Preview(reader, chosen, parts, message)

    def pass_gate(self, made: Preview) -> None:
        """Raises CompositionError with everything that is wrong with a message."""
        if faults := self.faults(made):
            listed = "; ".join(faults)
            raise CompositionError(f"nothing was sent: the first message does not pass the wire gate: {listed}")

    def faults(self, made: Preview) -> list[str]:
        """What is wrong with a message, judged from its bytes as a receiver would; nothing, mostly.

        By `gate` and the lint's errors, none of which a paper's words can cause.
        """
        links = self._links(made.subscriber, made.digest.day)
        keys = {(one.selector, one.domain): one.public_key for one in self._signers}
        found = gate.faults(made.message, made.parts, links, public_keys=keys, one_click=self._one_click)
        linted = (one for one in lint(made.message.content) if one.severity is Severity.ERROR)
        return found + [f"{one.message} (lint {one.check}, {one.where})" for one in linted]

    def _envelope_sender(self, reader: Subscriber, day: date) -> str | None:
        """An address of the reader's own for this message, so that a bounce says whose it is (VERP)."""
        if self._rules.bounce_address is None:
            return None
        mailbox, _, domain = self._rules.bounce_address.partition("@")
        return f"{mailbox}+{self._tokens.bounce(reader.id, day)}@{domain}"

    async def previews(
        self, readers: Sequence[Subscriber], day: date, draft: Edition, trial: datetime | None = None
    ) -> list[Preview]:
        """What each of `readers` would get on `day`; readers without an edition to read are left out."""
        prepared = await self.prepare(readers, day, draft)
        return [self.compose(reader, prepared, trial) for reader in readers if reader.id in prepared.digests]

    def specimen(
        self, reader: Subscriber, chosen: Digest, papers: Mapping[str, Paper], trial: datetime | None = None
    ) -> Preview:
        """The message that a digest of made-up `papers`, by id, would be. Nothing of the store is asked for."""
        digests = {reader.id: chosen}
        names = {pick.topic: pick.topic for pick in chosen.picks}
        names |= {section.slug: section.name for section in chosen.sections}
        return self.compose(reader, Prepared(digests, self._compiled([reader], digests, papers, names)), trial)

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
