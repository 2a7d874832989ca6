"""What a message of this installation is written on: letterhead, links, dates, names and signatures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from urllib.parse import quote

from newsletter.daily.publishing import Rules
from newsletter.mail import mime
from newsletter.mail.dkim import Signer
from newsletter.mail.headers import wire_address
from newsletter.mail.mime import Letterhead
from newsletter.mail.tokens import Tokens
from newsletter.model import Occasion, ReaderLinks, Subscriber


class Stationery:
    """`secret` is what Message-IDs are made from; `signed_by_relay` tells that the relay signs every message."""

    def __init__(
        self,
        letterhead: Letterhead,
        tokens: Tokens,
        secret: bytes,
        signers: Sequence[Signer],
        signed_by_relay: bool,
        rules: Rules,
    ) -> None:
        self.letterhead = letterhead
        self.tokens = tokens
        self.signers = tuple(signers)
        self.one_click = bool(signers) or signed_by_relay
        self._secret = secret
        self._rules = rules
        self._domain = wire_address(letterhead.address).rpartition("@")[2]
        self._leave = quote(wire_address(rules.unsubscribe_address), safe="@")

    def dated(self, occasion: Occasion) -> datetime:
        """When the messages of an occasion are dated: when they were planned; where a run planned for a day, at the
        time of day at which it is to. Never now: a message rebuilt later is the same message, byte for byte."""
        if occasion.at:
            return occasion.at.astimezone(self._rules.timezone).replace(microsecond=0)
        return datetime.combine(occasion.day, self._rules.at, self._rules.timezone)

    def message_ids(self, day: date) -> mime.MessageIds:
        """What names the messages of `day`."""
        return mime.MessageIds(self._secret, day, self._domain)

    def links(self, reader: Subscriber, day: date, span: Sequence[date] = ()) -> ReaderLinks:
        """The links of `reader` in the message of `day`."""
        return self.linked(self.tokens_of(reader), day, span)

    def tokens_of(self, reader: Subscriber) -> tuple[str, ...]:
        """The tokens that stand in the reader's links: to leave, and where there is a page, of the preferences and, for
        who follows a topic that could learn, of opinions."""
        leave = self.tokens.leave(reader.id, reader.address)
        if self._rules.site is None:
            return (leave,)
        preferences = self.tokens.preferences(reader.id, reader.address)
        if not reader.follows:
            return leave, preferences
        return leave, preferences, self.tokens.opinions(reader.id, reader.address)

    def linked(self, tokens: Sequence[str], day: date, span: Sequence[date] = ()) -> ReaderLinks:
        """The links of whoever has these tokens, which are those of `tokens_of`. A digest of several days, `span`, is
        seen on the page of all of them."""
        leave, *others = tokens
        leave_by_mail = f"mailto:{self._leave}?subject={quote(f'unsubscribe {leave}')}"
        site = self._rules.site
        if site is None:
            topics_by_mail = f"mailto:{self._leave}?subject={quote('change my topics')}"
            return ReaderLinks(leave_by_mail, topics_by_mail, None, (leave_by_mail,))
        leave_on_page = f"{site}/unsubscribe/{leave}"
        page = f"{span[-1]}?since={span[0]}" if len(span) > 1 else f"{day}"
        return ReaderLinks(
            leave_on_page,
            f"{site}/preferences/{others[0]}",
            f"{site}/editions/{page}",
            (leave_on_page, leave_by_mail),
            f"{site}/opinions/{others[1]}" if len(others) > 1 else None,
        )

    def envelope_sender(self, reader: Subscriber, day: date) -> str | None:
        """An address of the reader's own for the message of `day`, so that a bounce says whose it is (VERP); None where
        bounces go to the sender."""
        if self._rules.bounce_address is None:
            return None
        mailbox, _, domain = self._rules.bounce_address.partition("@")
        return f"{mailbox}+{self.tokens.bounce(reader.id, day)}@{domain}"
