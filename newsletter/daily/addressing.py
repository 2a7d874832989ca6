"""The messages of a day for readers without number: what they share is made once, and they go by in slices.

What readers of the same topics get differs in a name and in what is a reader's own: a few tokens, the address, the
Message-ID. So each such digest is laid out once (`mail.stencil`), and a reader's message is that, filled. It is byte
for byte what `Composing.compose` makes, which previews show and which stays the specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from newsletter.daily.composing import Composing, Prepared, Shared
from newsletter.mail import headers
from newsletter.mail.dkim import signatures
from newsletter.mail.headers import wire_address
from newsletter.mail.mime import boundary, signed_at
from newsletter.mail.stencil import Own, Stencil, Stencils, unstuffed
from newsletter.model import Digest, Message, Occasion, Subscriber
from newsletter.rendering import Compiled
from newsletter.rendering.compiled import GREETING, Greetings

MOST_LAYOUTS = 2_000
"""Layouts that are kept: some 20 kB each, for most lines are those of others too."""

_NOBODY = "\n"
"""An address that nobody has: what is signed for it is nobody's guess, and as long as a reader's own."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """A message, and what the ledger notes of it: how many `sections` with a card and how many `papers` it shows."""

    message: Message
    sections: int
    papers: int


@dataclass(frozen=True, slots=True)
class _Laid:
    """A digest laid out. It is held because it is known by its identity, which is free when it is gone."""

    digest: Digest
    greetings: Greetings
    stencil: Stencil
    sections: int
    papers: int


class Addressing:
    """Messages of one `occasion`."""

    def __init__(self, composing: Composing, occasion: Occasion) -> None:
        self._composing = composing
        self._stationery = composing.stationery
        self._occasion = occasion
        self._date = self._stationery.dated(occasion)
        self._ids = self._stationery.message_ids(occasion.day)
        self._sender = wire_address(self._stationery.letterhead.address)
        self._shared = Shared()
        self._stencils = Stencils(self._stationery.letterhead, self._date, self._stationery.one_click, GREETING)
        self._laid: dict[tuple[int, str, int, int], _Laid | None] = {}
        self._one_by_one = False

    async def prepare(self, readers: Sequence[Subscriber]) -> Prepared:
        """The digests of a slice of readers, and what their messages are put together from."""
        return await self._composing.prepare(readers, self._occasion, shared=self._shared)

    def make_one_by_one(self) -> None:
        """Lay nothing out from now on: for who has seen that a layout is not what it has to be."""
        self._one_by_one = True

    def address(self, reader: Subscriber, prepared: Prepared) -> Addressed:
        """The message for `reader`, one of those that were prepared for. Raises CompositionError when it would not be
        whole."""
        digest, tokens = prepared.digests[reader.id], self._stationery.tokens_of(reader)
        laid = None if self._one_by_one else self._laid_out(reader, digest, tokens, prepared)
        if laid and (message := self._filled(laid, reader, tokens)):
            return Addressed(message, laid.sections, laid.papers)
        made = self._composing.compose(reader, prepared)
        return Addressed(made.message, len(digest.topics), len(made.parts.papers))

    def _laid_out(self, reader: Subscriber, digest: Digest, tokens: Sequence[str], prepared: Prepared) -> _Laid | None:
        code = self._composing.language(reader).code
        if reader.id in prepared.alone:
            return self._lay(reader, digest, prepared.compiled[code])
        key = (id(digest), code, len(tokens[0]), len(tokens))
        if key not in self._laid:
            while len(self._laid) >= MOST_LAYOUTS:
                del self._laid[next(iter(self._laid))]
            self._laid[key] = self._lay(reader, digest, prepared.compiled[code])
        return self._laid[key]

    def _lay(self, reader: Subscriber, digest: Digest, compiled: Compiled) -> _Laid | None:
        """Lay `digest` out for everybody whose number has as many digits as the reader's."""
        nobody = Subscriber(_NOBODY, id=10 ** (len(str(reader.id)) - 1), topics=reader.topics, own=reader.own)
        tokens = self._stationery.tokens_of(nobody)
        links = self._stationery.linked(tokens, self._occasion.newest, digest.days)
        layout = compiled.lay_out(digest, links)
        if layout is None:
            return None
        name = self._ids.own(_NOBODY)
        filler = self._own(b"", name, tokens)
        stencil = self._stencils.lay(layout.parts, links, filler, self._ids.of(name), layout.greetings.wrapped)
        if stencil is None:
            return None
        return _Laid(digest, layout.greetings, stencil, len(digest.topics), len(layout.parts.papers))

    def _own(self, to: bytes, name: str, tokens: Sequence[str]) -> Own:
        between = boundary(self._ids.of(name)).removeprefix("=_")
        return Own(to, name.encode(), between.encode(), tuple(token.encode() for token in tokens))

    def _filled(self, laid: _Laid, reader: Subscriber, tokens: Sequence[str]) -> Message | None:
        name = self._ids.own(reader.address)
        try:
            recipient = wire_address(reader.address)
            to = headers.phrase("To", reader.name, recipient)
            sender = self._stationery.envelope_sender(reader, self._occasion.day)
            envelope = wire_address(sender) if sender else self._sender
        except ValueError:
            return None  # `compose` says what is wrong
        filled = laid.stencil.fill(
            self._own(to.encode(), name, tokens),
            laid.greetings.of(reader.name),
            whole=bool(self._stationery.signers),
        )
        if filled is None:
            return None
        wire, size = filled.wire, filled.size
        if self._stationery.signers:
            signed = signatures(filled.content, self._stationery.signers, signed_at(self._date))
            wire, size = signed + wire, len(signed) + size
        return Message(self._ids.of(name), envelope, recipient, b"", filled.html_size, wire, size)


def same(sent: Message, made: Message) -> bool:
    """Whether `sent`, which may have its form on the wire only, is the message `made`."""
    if sent.content:
        return sent == made
    return replace(sent, content=unstuffed(sent.wire), wire=b"") == made and sent.size == made.size
