"""Laid out once and filled for each reader, or made one by one: the same bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from functools import cache
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from mail_builders import DAY, TEMPLATES, Edition, edition
from one_by_one import Whole, serialised

from newsletter import languages
from newsletter.daily.addressing import Addressing, same
from newsletter.daily.composing import Composing, Prepared
from newsletter.daily.publishing import Rules
from newsletter.daily.stationery import Stationery
from newsletter.mail.dkim import Signer
from newsletter.mail.mime import Letterhead, MessageIds, boundary, build
from newsletter.mail.stencil import Own, Stencils, unstuffed
from newsletter.mail.tokens import Tokens
from newsletter.model import Digest, Occasion, Parts, ReaderLinks, Subscriber
from newsletter.rendering import Compiled, Look, Renderer
from newsletter.rendering.compiled import GREETING

LETTERHEAD = Letterhead("Trending Papers", "papers@example.org", "Trending Papers", "papers.example.org")
SIGNER = Signer("example.org", "news", Ed25519PrivateKey.from_private_bytes(bytes(32)))
EDITIONS = ("many", "hostile", "one", "none")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


def composing(
    site: str | None = "https://papers.example.org",
    bounces: str | None = "bounces@example.org",
    signers: Sequence[Signer] = (),
) -> Composing:
    rules = SimpleNamespace(
        site=site,
        at=time(7),
        timezone=ZoneInfo("Europe/Berlin"),
        unsubscribe_address="leave@example.org",
        bounce_address=bounces,
        locale="en",
    )
    renderer = Renderer([TEMPLATES], Look())
    tokens = Tokens(["a-key-for-the-tests"])
    # Digests are given here, so nobody is asked for rankings.
    stationery = Stationery(LETTERHEAD, tokens, b"secret", signers, True, cast(Rules, rules))
    return Composing(cast(Any, None), renderer, stationery, cast(Rules, rules))


@cache
def compiled(name: str, code: str, width: int = 0) -> Compiled:
    one = edition(name)
    look = replace(one.look, text_width=width)
    language = languages.language(code)
    return Renderer([TEMPLATES], look).compile(one.digest.picks, one.papers, one.names, language)


@st.composite
def digests(draw: st.DrawFn, one: Edition) -> Digest:
    """Some of the sections, rows and others of an edition, in some order."""
    whole = one.digest
    sections = draw(st.lists(st.sampled_from(whole.sections), unique=True)) if whole.sections else []
    kept = [replace(part, picks=part.picks[: draw(st.integers(1, 5))]) for part in sections]
    return replace(
        whole,
        sections=tuple(kept),
        also=whole.also[: draw(st.integers(0, len(whole.also)))],
        top=draw(st.sampled_from([None, whole.top])),
        outside=draw(st.sampled_from([None, whole.outside])),
        left_out=draw(st.sampled_from([0, 3])),
        considered=draw(st.sampled_from([1, 107, 20_000])),
    )


NAMES = st.one_of(
    st.sampled_from(["", "Ada", "Grace Hopper", "José Ñandú", "王小明", "שרה", "O'Brien", "x" * 41, ".", "http://x.y"]),
    st.text(max_size=45),
)
ADDRESSES = st.sampled_from(
    ["ada@example.org", "grace.hopper+papers@sub.example.org", "jörg@bücher.example", "a@b.example"]
)


@st.composite
def readers(draw: st.DrawFn) -> Subscriber:
    return Subscriber(
        draw(ADDRESSES),
        draw(NAMES),
        draw(st.sampled_from([(), ("fields",)])),
        locale=draw(st.sampled_from(["", "en", "de"])),
        id=draw(st.integers(1, 10**12)),
    )


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_filled_equals_made_one_by_one(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(EDITIONS))
    site = data.draw(st.sampled_from([None, "https://papers.example.org", "https://x.example/a/very/" + "long/" * 9]))
    width = data.draw(st.sampled_from([0, 0, 60]))
    bounces = data.draw(st.sampled_from([None, "bounces@example.org"]))
    maker = composing(site, bounces, data.draw(st.sampled_from([(), (SIGNER,)])))
    digest = data.draw(digests(edition(name)))
    several = data.draw(st.lists(readers(), min_size=1, max_size=6))
    prepared = Prepared(
        {one.id: digest for one in several}, {code: compiled(name, code, width) for code in ("en", "de")}, Occasion(DAY)
    )
    addressing = Addressing(maker, Occasion(DAY))
    for reader in several:
        alone = maker.compose(reader, prepared)
        made = addressing.address(reader, prepared)
        assert same(made.message, alone.message)
        assert (made.sections, made.papers) == (len(digest.topics), len(alone.parts.papers))
        if made.message.wire:
            assert (made.message.content, made.message.size) == (b"", len(alone.message.content))
            assert made.message.wire == _LEADING_DOT.sub(b"..", alone.message.content) + b".\r\n"


@pytest.mark.parametrize("papers", [1, 3, 8, 12])
@pytest.mark.parametrize("code", ["en", "de"])
def test_a_latin_digest_of_any_length_is_filled(papers: int, code: str) -> None:
    one = edition("many")
    picks = [pick for part in one.digest.sections for pick in part.picks][:papers]
    section = replace(one.digest.sections[0], picks=tuple(picks))
    digest = replace(one.digest, sections=(section,), also=(), top=None, outside=None)
    reader = Subscriber("ada@example.org", "Ada Lovelace", ("fields",), locale=code, id=7)
    prepared = Prepared({7: digest}, {code: compiled("many", code)}, Occasion(DAY))
    assert Addressing(composing(), Occasion(DAY)).address(reader, prepared).message.wire


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 900), st.sampled_from(["", "王小明", "Ada", "ж" * 40]))
def test_the_smaller_encoding_is_chosen_for_each_reader(foreign: int, name: str) -> None:
    text = Parts(
        "Subject", "", "<!DOCTYPE html>\n" + "<p>x</p>\n" * 50, f"{GREETING} {'王' * foreign}\n{'a' * 70}\n" * 1, ()
    )
    links = ReaderLinks("https://x.example/u", "https://x.example/t", None, ("https://x.example/u",))
    ids, date = MessageIds(b"secret", DAY, "example.org"), datetime(2025, 3, 12, 7, tzinfo=UTC)
    filler = Own(b"", b"0" * 20, boundary(ids.of("0" * 20)).removeprefix("=_").encode(), ())
    laid = Stencils(LETTERHEAD, date, False, GREETING).lay(text, links, filler, ids.of("0" * 20), lambda line: line)
    assert laid is not None
    own = ids.own("ada@example.org")
    between = boundary(ids.of(own)).removeprefix("=_").encode()
    filled = laid.fill(Own(b"To: <ada@example.org>", own.encode(), between, ()), name, whole=True)
    made = build(
        replace(text, text=text.text.replace(GREETING, name)),
        LETTERHEAD,
        recipient="ada@example.org",
        recipient_name="",
        links=links,
        message_id=ids.of(own),
        date=date,
    )
    if b"base64" in made.content:
        assert filled is None
    else:
        assert filled is not None
        assert (filled.content, filled.size, filled.html_size) == (made.content, made.size, made.html_size)


@settings(deadline=None, max_examples=12)
@given(st.data())
def test_filled_equals_rendered_whole_inlined_whole_and_serialised_by_the_email_package(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(("many", "hostile", "one")))
    maker = composing(data.draw(st.sampled_from([None, "https://papers.example.org"])))
    # An address outside ASCII stands in the header as it is (RFC 6532), which this policy of the email package encodes.
    digest, reader = data.draw(digests(edition(name))), data.draw(readers().filter(lambda one: one.address.isascii()))
    code = maker.language(reader).code
    prepared = Prepared({reader.id: digest}, {code: compiled(name, code)}, Occasion(DAY))
    made = Addressing(maker, Occasion(DAY)).address(reader, prepared)
    links = maker.stationery.links(reader, DAY)
    whole = Whole(prepared.compiled[code], digest, reader.name, links)
    assert (made.message.content or unstuffed(made.message.wire)) == serialised(
        whole.html(),
        whole.text(),
        LETTERHEAD,
        subject=whole.said["subject"],
        to=(reader.name, made.message.recipient),
        links=links,
        message_id=made.message.message_id,
        date=maker.stationery.dated(Occasion(DAY)),
        one_click=True,
    )
