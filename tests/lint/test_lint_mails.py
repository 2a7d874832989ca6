"""Our own e-mails: no error, no warning without a reason, no reason without its use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rendering.mail_builders import EDITIONS, HOSTILE, Edition, paper

from newsletter.assembly import opened_daily
from newsletter.mail.mime import Letterhead, build
from newsletter.model import Link, LinkKind, Parts
from newsletter.rendering import Look
from newsletter.rendering.lint import Finding, Severity, lint
from newsletter.rendering.lint.allowances import ALLOWED
from newsletter.settings import configuration_folder, load

LETTERHEAD = Letterhead("Trending Papers", "news@papers.example.org", "Trending Papers", "daily.papers.example.org")
SEED_DAYS = (date(2025, 3, 11), date(2025, 3, 12))

ODD: dict[str, Callable[[], Edition]] = {
    # Editions for what papers may say
    "braces": lambda: Edition(
        {
            "Templates": [
                paper(1, "Rendering {{ names }} of {% blocks %} in text templates", "We print {{ names }} often.")
            ]
        }
    ),
    "left-overs": lambda: Edition(
        {"Mark-up": [paper(1, "Parsing <b>bold</b> &amp; **strong** text in ten languages", "It reads <i> tags.")]}
    ),
    "addresses": lambda: Edition(
        {
            "Code": [
                paper(
                    1, abstract="Few views are enough. The code is at https://github.com/example/views for all to use."
                )
            ]
        }
    ),
    "78 papers in 20 topics": lambda: Edition(
        {f"Topic {place}": [paper(number) for number in range(place, 78, 20)] for place in range(20)}
    ),
    "raised": lambda: Edition({"Signs": [paper(1, "The limit xᵣₑₛₜ of a rest term is smaller than you think")]}),
}


def message(edition: Edition, parts: Parts | None = None) -> bytes:
    """The edition as bytes, as a run would send them; with other `parts` if there are any."""
    return build(
        parts or edition.parts(),
        LETTERHEAD,
        recipient="ann@example.org",
        recipient_name="Ann",
        links=edition.links,
        message_id="<2025-03-12.0123456789abcdef0123@papers.example.org>",
        date=datetime(2025, 3, 12, 7, tzinfo=UTC),
    ).content


@cache
def findings(name: str) -> tuple[Finding, ...]:
    return tuple(lint(message((EDITIONS | ODD)[name]())))


def unanswered(found: tuple[Finding, ...] | list[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.severity is not Severity.NOTE and not finding.allowed]


@pytest.mark.parametrize("name", [*EDITIONS, *ODD])
def test_no_error_and_no_warning_without_a_reason(name: str) -> None:
    assert unanswered(findings(name)) == []


async def test_nothing_to_say_about_the_seeds_e_mails(tmp_path: Path) -> None:
    flags = {"state_dir": tmp_path / "var", "secret_keys": ["a-key-for-the-tests"], "ranking": {"models": "none"}}
    loaded = load(configuration_folder(), flags)
    async with opened_daily(loaded, now=lambda: datetime(2025, 3, 12, 9, tzinfo=UTC)) as daily:
        await daily.collect()
        for reader in [*loaded.subscribers, replace(loaded.subscribers[0], topics=())]:
            for day in SEED_DAYS:
                made = await daily.preview(reader, day)
                assert made.parts.papers
                assert unanswered(lint(made.message.content)) == []


def test_every_reason_is_used() -> None:
    used = {finding.check for name in (*EDITIONS, *ODD) for finding in findings(name) if finding.allowed}
    assert set(ALLOWED) - used == set()
    assert all(reason.endswith(".") and len(reason) > 30 for reason in ALLOWED.values())


def test_an_error_is_never_allowed() -> None:
    broken = message(EDITIONS["one"]()).replace(b"List-Unsubscribe:", b"X-Other:")
    [first, *_] = lint(broken)
    assert (first.check, first.severity, first.allowed) == ("I6", Severity.ERROR, "")


WORDS = st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    [HOSTILE, "{{ x }}", "\u2060", "None", "http://x", "-- "]
)


ADDRESSES = st.sampled_from(
    [
        "https://papers.example.org/{{ x }}/%7B%7By%7D%7D.svg",
        "https://papers.example.org/unsubscribe/abc?a=1&b=2",
        f"https://example.org/{HOSTILE}",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "http://example.org/None",
        "#",
        "",
    ]
)


@settings(deadline=None, max_examples=25)
@given(WORDS, WORDS, st.lists(WORDS, max_size=3), WORDS, ADDRESSES)
@example("\u200b", "\u202e", ["\u2800"], "{{ topic }}", "#")
@example("<a href='#'>", "%7B%7B x %7D%7D https://papers.example.org/x", [], "\u0627", "")
@example(r"\texttt{x}", r"\texttt{x} \verb|y|", ["None"], r"\texttt{small}", "http://[")
def test_no_paper_can_cause_an_error(title: str, abstract: str, authors: list[str], topic: str, address: str) -> None:
    links = tuple(Link(kind, address) for kind in LinkKind)
    said = {"authors": tuple(authors), "venue": topic, "ai_summary": title, "thumbnail": address, "links": links}
    papers = [
        paper(number, words or " ", other, **said)
        for number, words, other in ((1, title, abstract), (2, abstract, title), (3, topic, topic))
    ]
    look = Look(thumbnails=True, machine_summaries=True)
    edition = Edition({topic or " ": papers[:1]}, also=papers[1:2], outside=papers[2], reader=topic, look=look)
    errors = [finding for finding in lint(message(edition)) if finding.severity is Severity.ERROR]
    assert errors == []
