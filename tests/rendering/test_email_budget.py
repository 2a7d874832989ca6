"""No message is so large that a client clips it: cards, then rows, then a number."""

from __future__ import annotations

import base64
import quopri
import re
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html
from mail_builders import ABSTRACT, EDITIONS, LINKS, TEMPLATES, Edition, edition, paper, rendered

from newsletter.model import Parts
from newsletter.rendering.weight import BUDGET, Weight


def on_the_wire(markup: str) -> int:
    """The larger of the raw and the better encoded size, as the standard library encodes it."""
    message = EmailMessage()
    sizes = []
    for encoding in ("quoted-printable", "base64"):
        message.set_content(markup, subtype="html", cte=encoding)
        sizes.append(len(message.get_payload().replace("\n", "\r\n")))
    return max(len(markup.encode()), min(sizes))


def shown(parts: Parts) -> list[str]:
    """The titles as they stand in the HTML part."""
    links = html.document_fromstring(parts.html).xpath('//a[@class="title"]')
    return [" ".join(link.text_content().split()) for link in links]


@given(st.text(max_size=3_000), st.integers(1, 8))
@settings(deadline=None, max_examples=80)
def test_weight_is_never_less_than_the_encoded_size(text: str, times: int) -> None:
    text = text.replace("\r", "") * times
    weight = Weight.of(text)
    raw = re.sub(b"\n", b"\r\n", text.encode())
    assert len(raw) <= weight.raw
    assert len(re.sub(rb"(?<!\r)\n", b"\r\n", quopri.encodestring(text.encode()))) <= weight.quoted + 3
    assert min(weight.quoted, len(base64.encodebytes(raw)) + len(raw) // 57) <= weight.total + 2
    assert Weight.of(text) + Weight.of("x") - Weight.of("x") == weight


@pytest.mark.parametrize("name", EDITIONS)
def test_i9_everything_fits(name: str) -> None:
    assert on_the_wire(rendered(name).html) <= BUDGET


def _topics(papers_each: int, topics: int, title: str = "", **changes: object) -> Edition:
    numbers = iter(range(1, 10_000))
    return Edition(
        {
            f"Topic {place}": [
                paper(number, title=f"{title} {number}" if title else "", **changes)
                for number in (next(numbers) for _ in range(papers_each))
            ]
            for place in range(topics)
        },
        left_out=3,
    )


def test_78_papers_in_20_topics() -> None:
    one = _topics(4, 20)
    del one.sections["Topic 19"][2:]
    parts = one.parts()
    document = html.document_fromstring(parts.html)
    assert len(one.papers) == 78
    assert on_the_wire(parts.html) <= BUDGET
    assert on_the_wire(parts.html) > 0.93 * BUDGET  # and the room there is, is used
    assert len(parts.papers) == 78 == len(set(parts.papers))
    cards, heads = len(document.xpath("//h3")), document.xpath("//h2")
    assert 8 < cards < 78
    # Every topic keeps its best papers as long as there is room; the rest is in the compact list.
    assert len(heads) == min(cards, 20) + 1
    assert f"Also new {78 - cards} papers" in " ".join(heads[-1].text_content().split())
    assert [re.sub(r"^\d+\. ", "", line) for line in re.findall(r"^\d+\. .*$", parts.text, re.M)] == shown(parts)
    assert "And 3 more papers on the web" in parts.text


def test_78_papers_in_20_topics_in_chinese() -> None:
    one = _topics(4, 20, "用于三维场景的神经场表示一种新方法", abstract="我们提出一种新的方法。它很快。" * 30)
    parts = one.parts()
    assert 0.93 * BUDGET < on_the_wire(parts.html) <= BUDGET
    assert len(parts.papers) == 80


def test_more_than_even_rows_have_room_for() -> None:
    one = _topics(50, 10, "A title that goes on and on " * 5)
    parts = one.parts()
    document = html.document_fromstring(parts.html)
    assert on_the_wire(parts.html) <= BUDGET
    assert 0 < len(parts.papers) < 500
    assert not document.xpath("//h3")
    assert f"And {500 - len(parts.papers) + 3:,} more papers on the web" in parts.html
    assert f"And {500 - len(parts.papers) + 3:,} more papers on the web" in parts.text
    assert [re.sub(r"^\d+\. ", "", line) for line in re.findall(r"^\d+\. .*$", parts.text, re.M)] == shown(parts)
    assert "You get this e-mail because" in parts.html
    assert parts.html.count(LINKS.topics) == 2  # header line and footer


def test_the_usual_digest_is_light() -> None:
    assert on_the_wire(rendered("many").html) < 52_000
    assert len(rendered("many").papers) == len(edition("many").papers)


def test_papers_of_one_section_give_way_from_its_end() -> None:
    one = _topics(60, 1, abstract=ABSTRACT * 2)
    parts = one.parts()
    assert list(parts.papers) == [f"title:{number}" for number in range(1, 61)]
    assert 5 < len(html.document_fromstring(parts.html).xpath("//h3")) < 60


@pytest.mark.parametrize(
    ("size", "cards", "gone"),
    [
        (10_000, [1, 2, 3, 6, 10, 19], []),
        (16_000, [1, 2, 6, 19], []),
        (30_000, [1, 19], []),
        (50_000, [1], [19]),
        (100_000, [], [19]),
    ],
)
def test_heavy_cards_of_an_operator_become_rows(tmp_path: Path, size: int, cards: list[int], gone: list[int]) -> None:
    """The last places of the sections first; then the pick from outside goes, and last the top pick becomes a row."""
    (tmp_path / "email").mkdir()
    heavy = "x" * size
    card = '<p><a class="title" href="{{ card.url }}">{{ card.title }}</a>{{ card.url }}' + heavy + "</p>"
    (tmp_path / "email" / "card.html.j2").write_text(card)
    one = edition("many")
    parts = one.compiled(folders=[tmp_path, TEMPLATES]).compose(one.digest, name="", links=LINKS)
    assert on_the_wire(parts.html) <= BUDGET
    titles = {paper.title: number for number, paper in enumerate(one.papers.values(), 1)}
    full = [titles[title] for title in re.findall(rf">([^<>]+)</a>[^<>]+{heavy}", parts.html)]
    assert full == cards
    in_sections = [number for number in range(2, 13) if number not in cards]
    rows = [*([] if 1 in cards else [1]), *in_sections, *range(13, 19)]
    order = [*(number for number in cards if number != 19), *rows, *({19} - set(gone))]
    assert list(parts.papers) == [f"title:{number}" for number in order]
    assert [titles[title] for title in shown(parts)] == order
    assert "And 7 more papers on the web" in parts.text
