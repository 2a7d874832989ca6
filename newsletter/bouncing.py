"""What comes back: bounce and complaint reports, and what becomes of the reader.

    for each mail, or event that a provider tells by HTTP:
        read it                    what says nothing we understand is kept aside
        whose is it?               token of the envelope sender, else Message-ID, else kept aside
        judge it                   policy.bounces
        record, suppress, settle   in this order: a crash on the way does it again, and counts once

Anybody can write a report. So an address in one proves nothing: only somebody who had our message knows its token or
its Message-ID. A token that is not ours, or not whole, spoils the report, whatever else stands in it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from newsletter.mail.mailboxes import Mail
from newsletter.mail.reports import NotAReport, Recipient, Report, ReportKind, read_report
from newsletter.mail.tokens import Tokens, row_of
from newsletter.model import Subscriber
from newsletter.policy.address import normal_address
from newsletter.policy.bounces import IGNORED, BounceKind, Judgement, judge, judge_complaint, mildest
from newsletter.store import Store
from newsletter.store.forgetting import is_forgotten

ASIDE = "aside"
"""The kind under which a mail that nobody understood is recorded, so that it is told once."""

LEFT_BY_MAIL = Judgement(BounceKind.UNSUBSCRIBE, "left by mail")


@dataclass(frozen=True, slots=True)
class Told:
    """A line about one mail: `address` as far as it is known, and `why` in words."""

    address: str
    why: str


@dataclass(slots=True)
class Taken:
    """What a mailbox held. `counts` are new reports by kind, `known` those counted in an earlier reading.

    `suppressed` are the addresses that are not mailed from now on, `reputation` the refusals that are about us,
    `aside` what was kept for a person.
    """

    counts: Counter[BounceKind] = field(default_factory=Counter)
    known: int = 0
    suppressed: list[Told] = field(default_factory=list)
    reputation: list[Told] = field(default_factory=list)
    aside: list[Told] = field(default_factory=list)


async def take(store: Store, tokens: Tokens, mails: AsyncIterable[Mail], now: datetime, soft_limit: int) -> Taken:
    """Take in every mail of `mails`, received `now`: record, suppress, put away. One failing stops the rest.

    `soft_limit` is how many soft bounces suppress an address (`policy.bounces.judge`). Raises StoreError, or
    NewsletterError when the mailbox fails; what was settled until then stays settled.
    """
    taking = _Taking(store, tokens, now, soft_limit)
    async for mail in mails:
        understood = await taking.take(read_report(mail.content), mail.content, repeats=mail.repeats)
        await mail.settle(understood)
    return taking.taken


async def take_events(
    store: Store, tokens: Tokens, events: Iterable[tuple[str, Report]], now: datetime, soft_limit: int
) -> Taken:
    """The same for reports that are no mails: each with a name, by which it is known when it comes again."""
    taking = _Taking(store, tokens, now, soft_limit)
    for name, report in events:
        await taking.take(report, f"event\n{name}".encode())
    return taking.taken


class _Unclear(Exception):
    """Why nothing is done about a mail."""


class _Taking:
    """One reading of a mailbox, or of what a provider tells."""

    def __init__(self, store: Store, tokens: Tokens, now: datetime, soft_limit: int) -> None:
        self._store = store
        self._tokens = tokens
        self._now = now
        self._soft_limit = soft_limit
        self.taken = Taken()

    async def take(self, report: Report | NotAReport, content: bytes, *, repeats: bool = False) -> bool:
        """Take in one report, known by its `content`; `repeats` is that of a mail. Whether it was understood."""
        try:
            if isinstance(report, NotAReport):
                raise _Unclear(report.why)
            reader = await self._reader(report)
        except _Unclear as unclear:
            await self._set_aside(report, content, str(unclear), repeats=repeats)
            return False
        await self._act(report, content, reader, repeats=repeats)
        return True

    async def _reader(self, report: Report) -> Subscriber | None:
        """Whose mail the report is about; None for an automatic answer, which is about nobody. Raises _Unclear."""
        if report.kind is ReportKind.AUTOREPLY:
            return None
        if report.leave:
            reader = await self._known(row_of(report.leave), "the token to leave is not one of ours")
            if not self._tokens.is_leave(report.leave, reader.id, reader.address):
                raise _Unclear("the token to leave is not one of ours")
            return reader
        if report.tokens:
            found = next(filter(None, map(self._tokens.read_bounce, report.tokens)), None)
            return await self._known(found and found[0], "the token in the envelope address is not one of ours")
        for message_id in report.message_ids:
            if delivery := await self._store.bounces.find_subscriber(message_id):
                return await self._known(delivery.subscriber_id, "")
        raise _Unclear("names no message of ours: neither a token nor a Message-ID that we sent")

    async def _known(self, number: int | None, otherwise: str) -> Subscriber:
        if number is None:
            raise _Unclear(otherwise)
        if (reader := await self._store.subscribers.get(number)) is None:
            raise _Unclear("its token is for a reader who is not in this database")
        return reader

    async def _act(self, report: Report, content: bytes, reader: Subscriber | None, *, repeats: bool) -> None:
        """Record the report and do what it asks for."""
        about = _about(report, reader)
        forgotten = reader is not None and is_forgotten(reader.address)
        judgement = IGNORED if forgotten else await self._judged(report, about, reader)
        address = reader.address if reader and not forgotten else ""
        words = "" if forgotten else _words(report, about)
        new = await self._store.bounces.record(
            _name(content),
            reader.id if reader else None,
            address,
            judgement.kind,
            next(iter(report.message_ids), ""),
            next((one.status for one in about), ""),
            words,
            self._now,
        )
        if new:
            self.taken.counts[judgement.kind] += 1
        else:
            self.taken.known += 1
        if new and judgement.kind is BounceKind.REPUTATION:
            self.taken.reputation.append(Told(address, words))
        # A report that is known but was not settled stopped half way: it may lack its suppression. An mbox hands out
        # everything each time; there, it would undo what an operator has removed since.
        if (
            judgement.suppress
            and (new or not repeats)
            and await self._store.suppressions.add(address, judgement.suppress, self._now)
        ):
            self.taken.suppressed.append(Told(address, judgement.suppress))

    async def _judged(self, report: Report, about: tuple[Recipient, ...], reader: Subscriber | None) -> Judgement:
        if reader is None:
            return IGNORED
        if report.kind is ReportKind.UNSUBSCRIBE:
            return LEFT_BY_MAIL
        if report.kind is ReportKind.COMPLAINT:
            return judge_complaint(report.feedback)
        past = await self._soft_bounces(reader, report)
        limit = self._soft_limit
        return mildest(judge(one.action, one.status, past=past, now=self._now, soft_limit=limit) for one in about)

    async def _soft_bounces(self, reader: Subscriber, report: Report) -> list[datetime]:
        """When the reader's earlier messages bounced softly: once per message, however many reports it caused."""
        times: dict[str, datetime] = {}
        for number, one in enumerate(await self._store.bounces.of_subscriber(reader.id)):
            if one.kind == BounceKind.SOFT and one.message_id not in report.message_ids:
                times.setdefault(one.message_id or str(number), one.received_at)
        return list(times.values())

    async def _set_aside(self, report: Report | NotAReport, content: bytes, why: str, *, repeats: bool) -> None:
        claimed = report.recipients if isinstance(report, Report) else ()
        address = next((one for recipient in claimed for one in recipient.addresses), "")
        # Anybody writes anybody's address into a report; that of a reader who was forgotten is not noted again.
        noted = address if await self._store.subscribers.named([address]) else ""
        # Under a name of its own: once it can be understood (with an old key put back, say) it counts as new.
        name = _name(b"aside\n" + content)
        new = await self._store.bounces.record(name, None, noted, ASIDE, "", "", why, self._now)
        if new or not repeats:
            self.taken.aside.append(Told(address, why))
        else:
            self.taken.known += 1


def _name(content: bytes) -> str:
    """What a report is known by: reading it twice counts nothing twice."""
    return hashlib.sha256(content).hexdigest()


def _about(report: Report, reader: Subscriber | None) -> tuple[Recipient, ...]:
    """The recipients in a report that are the reader, by the address; all of them when it is forwarded elsewhere."""
    named = tuple(one for one in report.recipients if reader and reader.address in _normal(one.addresses))
    return named or report.recipients


def _normal(addresses: Iterable[str]) -> set[str]:
    normal = set()
    for address in addresses:
        try:
            normal.add(normal_address(address))
        except ValueError:
            continue
    return normal


def _words(report: Report, about: tuple[Recipient, ...]) -> str:
    """A report in its own words."""
    return report.feedback or next((one.diagnostic or one.action for one in about), "") or report.kind
