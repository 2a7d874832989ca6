"""From a reader and a day to a message, for deliveries and previews alike."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from newsletter import languages
from newsletter.daily import gate
from newsletter.daily.publishing import Publishing, Rules
from newsletter.daily.spanning import Common
from newsletter.daily.stationery import Stationery
from newsletter.errors import CompositionError
from newsletter.mail.mime import build
from newsletter.mail.tokens import CONFIRM_WITHIN
from newsletter.model import Digest, Edition, Message, Occasion, Paper, Parts, Pick, Ranking, Status, Subscriber
from newsletter.ranking import digest
from newsletter.rendering import Compiled, Renderer
from newsletter.rendering.compiled import Key, key
from newsletter.rendering.lint import Severity, lint

LINE = "line"
"""The setting by which a digest without papers is sent, and says so."""

NOBODY = 0
"""The id of a reader who is none: no link made for it fits anybody."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What `subscriber` gets on an occasion: the digest, its readable parts and the message."""

    subscriber: Subscriber
    digest: Digest
    parts: Parts
    message: Message
    occasion: Occasion


@dataclass(frozen=True, slots=True)
class Prepared:
    """The digests of many readers for an `occasion` by subscriber id, and the cards for all of them, rendered and
    inlined once for each language they read, by its code. `alone` are readers with a digest that nobody else has."""

    digests: dict[int, Digest]
    compiled: Mapping[str, Compiled]
    occasion: Occasion
    alone: AbstractSet[int] = frozenset()


MOST_CARDS, MOST_DIGESTS = 5_000, 5_000
"""Cards and digests that are kept for the readers to come: those of a reader's own wear off."""


Alike = tuple[tuple[str, ...], tuple[int, ...], tuple[Pick, ...]]
"""What readers have in common whose digests are the same: topics, the editions, and what rose."""


@dataclass(slots=True)
class Shared:
    """What readers of the same day have in common: the digests of those who follow the same, by their topics and the
    editions, the cards, by language, and what digests of several editions are made of."""

    digests: dict[Alike, Digest] = field(default_factory=dict)
    compiled: dict[str, Compiled] = field(default_factory=dict)
    common: Common = field(default_factory=Common)

    def keep(self, key: Alike, made: Digest) -> None:
        while len(self.digests) >= MOST_DIGESTS:
            del self.digests[next(iter(self.digests))]
        self.digests[key] = made


class Composing:
    """Make digests and messages."""

    def __init__(self, publishing: Publishing, renderer: Renderer, stationery: Stationery, rules: Rules) -> None:
        self._publishing = publishing
        self._renderer = renderer
        self._rules = rules
        self.stationery = stationery

    async def prepare(
        self,
        readers: Sequence[Subscriber],
        occasion: Occasion,
        draft: Edition | None = None,
        shared: Shared | None = None,
    ) -> Prepared:
        """Digests of `readers` for an occasion (of those whose span holds an edition) and everything to compose them.

        With a `draft` edition it is a preview: rankings follow today's wording of the topics and nothing is saved.
        What was made for other readers of the same day is taken from `shared`, and what is new put there.
        """
        kept = shared is not None
        shared = shared or Shared()
        day, newest = occasion.day, occasion.newest
        spans = await self._publishing.spans(readers, day, draft, newest, once=draft is None)
        editions = {edition.id: edition for span in spans.values() for edition in span}
        rank = self._publishing.current_rankings if draft else self._publishing.rankings
        known = [reader for reader in readers if spans[reader.id]]
        rankings = {
            number: await rank(edition, [reader for reader in known if edition in spans[reader.id]])
            for number, edition in editions.items()
        }
        personal = (
            await self._publishing.current_personal(editions, rankings, known)
            if draft
            else await self._publishing.personal(editions, rankings, known, day)
        )

        common = shared.common
        several = any(len(spans[reader.id]) > 1 for reader in known)
        if common.standings is None and (several or (known and self._rules.limits.rising)):
            drafted = draft if draft and not draft.id else None
            common.standings = await self._publishing.spanning.standings(newest, draft=drafted, freeze=kept)
        risen = await self._publishing.rising.of(known, spans, day, common, kept=kept)
        digests, alone = {}, set()
        for reader in known:
            span, rose = spans[reader.id], risen.get(reader.id, ())
            own = {one.id: theirs for one in span if (theirs := personal.get((reader.id, one.id)))}
            alike = not own and not reader.own and not reader.muted_words and not reader.muted_authors
            key = (reader.follows, tuple(edition.id for edition in span), rose)
            if alike and key in shared.digests:
                digests[reader.id] = shared.digests[key]
                continue
            merged = await self._publishing.spanning.of_reader(reader, span, rankings, own, common, kept=kept)
            unmuted = await self._publishing.unmuted(reader, merged, newest, kept=kept)
            digests[reader.id] = digest(day, reader.follows, span, unmuted, self._rules.limits, rose)
            if alike:
                shared.keep(key, digests[reader.id])
            else:
                alone.add(reader.id)
        if kept:
            await self._publishing.rising.note(day, digests, spans, common)
        if kept and self._rules.empty == LINE:
            names = self._publishing.names()
            for reader in (one for one in readers if not spans[one.id]):
                nothing = digest(day, reader.follows, (), {}, self._rules.limits)
                follows = tuple(names.get(slug, slug) for slug in reader.follows)
                digests[reader.id] = replace(nothing, follows=follows)
                alone.add(reader.id)
            known = list(readers)
        compiled = await self._compiled(known, digests, rankings, newest, shared, kept=kept)
        return Prepared(digests, compiled, occasion, alone)

    async def _compiled(
        self,
        readers: Sequence[Subscriber],
        digests: Mapping[int, Digest],
        rankings: Mapping[int, Mapping[str, Ranking]],
        day: date,
        shared: Shared,
        *,
        kept: bool,
    ) -> dict[str, Compiled]:
        """What the digests are put together from, by language. What is new is rendered and inlined: cards, and the
        heads of sections that no reader had before. A topic that has another name by now is begun anew."""
        sections = {section.slug: section.name for one in digests.values() for section in one.sections}
        compiled = {}
        for code, picks in self._by_language(readers, digests).items():
            old = shared.compiled.get(code)
            names = _names({pick.topic for pick in picks.values()}, rankings) | sections
            if old and not old.fits(names):
                old = None
            new = [pick for one, pick in picks.items() if old is None or one not in old.entries]
            if old and len(old.entries) + len(new) > MOST_CARDS:
                old, new = None, list(picks.values())
            if old is None or new or sections.keys() - old.frames.keys():
                papers = await self._publishing.papers({pick.paper for pick in new}, day, kept=kept)
                language = languages.language(code)
                made = await asyncio.to_thread(self._renderer.compile, new, papers, names, language)
                shared.compiled[code] = old.joined(made) if old else made
            compiled[code] = shared.compiled[code]
        return compiled

    def _by_language(self, readers: Sequence[Subscriber], digests: Mapping[int, Digest]) -> dict[str, dict[Key, Pick]]:
        picks: dict[str, dict[Key, Pick]] = defaultdict(dict)
        seen = set()
        for reader in readers:
            theirs, code = digests[reader.id], self.language(reader).code
            if (code, id(theirs)) not in seen:
                seen.add((code, id(theirs)))
                picks[code].update({key(pick): pick for pick in theirs.picks})
        return picks

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
        links = self.stationery.links(reader, prepared.occasion.newest, chosen.days)
        mark = "" if trial is None else "[Test] "
        parts = compiled.compose(chosen, name=reader.name, links=links, mark=mark)
        whose = reader.address if trial is None else f"{reader.address}\n{trial.isoformat()}"
        names = self.stationery.message_ids(chosen.day)
        message = build(
            parts,
            self.stationery.letterhead,
            recipient=reader.address,
            recipient_name=reader.name,
            links=links,
            message_id=names.of(names.own(whose)),
            date=trial or self.stationery.dated(prepared.occasion),
            signers=self.stationery.signers,
            one_click=self.stationery.one_click,
            envelope_sender=None if trial is not None else self.stationery.envelope_sender(reader, chosen.day),
        )
        return Preview(reader, chosen, parts, message, prepared.occasion)

    def confirmation(self, reader: Subscriber, site: str, at: datetime) -> Message:
        """The answer to a sign-up, made `at`, with links that begin with `site`, without a slash at its end.

        To a reader who waits it brings the link to confirm, to one who gets mail already the link to change it. It
        holds nothing that a visitor typed, no name and no topic: who types a stranger's address writes no message of
        their own. Leaving by it is offered, one click is not: it is no mail of the list.
        """
        already, language = reader.status is not Status.PENDING, self.language(reader)
        name, tokens = self.stationery.letterhead.list_name, self.stationery.tokens
        if already:
            subject = language.say("You already read %(name)s", name=name)
            link = f"{site}/preferences/{tokens.preferences(reader.id, reader.address)}"
        else:
            subject = language.say("Please confirm: %(name)s", name=name)
            link = f"{site}/confirm/{tokens.confirm(reader.id, reader.address, at)}"
        links = replace(self.stationery.links(reader, at.date()), web=None)
        shown = {"subject": subject, "link": link, "already": already, "unsubscribe": links.unsubscribe}
        html, text = self._renderer.letter("confirm", language, days=CONFIRM_WITHIN.days, **shown)
        ids = self.stationery.message_ids(at.date())
        return build(
            Parts(subject, "", html, text, ()),
            self.stationery.letterhead,
            recipient=reader.address,
            recipient_name="",
            links=links,
            message_id=ids.of(ids.own(f"{reader.address}\nsign-up\n{at.isoformat()}")),
            date=at,
            signers=self.stationery.signers,
        )

    def pass_gate(self, made: Preview) -> None:
        """Raises CompositionError with everything that is wrong with a message."""
        if faults := self.faults(made):
            listed = "; ".join(faults)
            raise CompositionError(f"nothing was sent: the first message does not pass the wire gate: {listed}")

    def faults(self, made: Preview) -> list[str]:
        """What is wrong with a message, judged from its bytes as a receiver would; nothing, mostly.

        By `gate` and the lint's errors, none of which a paper's words can cause.
        """
        links = self.stationery.links(made.subscriber, made.occasion.newest, made.digest.days)
        keys = {(one.selector, one.domain): one.public_key for one in self.stationery.signers}
        found = gate.faults(made.message, made.parts, links, public_keys=keys, one_click=self.stationery.one_click)
        linted = (one for one in lint(made.message.content) if one.severity is Severity.ERROR)
        return found + [f"{one.message} (lint {one.check}, {one.where})" for one in linted]

    async def previews(
        self, readers: Sequence[Subscriber], day: date, draft: Edition, trial: datetime | None = None
    ) -> list[Preview]:
        """What each of `readers` would get on `day`; readers without an edition to read are left out."""
        prepared = await self.prepare(readers, Occasion(day), draft)
        return [self.compose(reader, prepared, trial) for reader in readers if reader.id in prepared.digests]

    def specimen(
        self, reader: Subscriber, chosen: Digest, papers: Mapping[str, Paper], trial: datetime | None = None
    ) -> Preview:
        """The message that a digest of made-up `papers`, by id, would be. Nothing of the store is asked for."""
        digests = {reader.id: chosen}
        names = {pick.topic: pick.topic for pick in chosen.picks}
        names |= {section.slug: section.name for section in chosen.sections}
        language = self.language(reader)
        compiled = self._renderer.compile(dict.fromkeys(chosen.picks), papers, names, language)
        return self.compose(reader, Prepared(digests, {language.code: compiled}, Occasion(chosen.day)), trial)


def _names(slugs: Iterable[str], rankings: Mapping[int, Mapping[str, Ranking]]) -> dict[str, str]:
    """What the topics are called, by slug."""
    found = [(slug, by_slug[slug]) for by_slug in rankings.values() for slug in slugs if slug in by_slug]
    return {slug: ranking.topic.name if ranking.topic else "Trending" for slug, ranking in found}
